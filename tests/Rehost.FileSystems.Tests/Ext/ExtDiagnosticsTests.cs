using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>One crafted fault for each kind of finding, on file systems without checksums, where nothing else stops it.</summary>
public sealed class ExtDiagnosticsTests
{
    private const int FirstDescriptor = 2048;

    [Fact]
    public void No_file_system_at_all() =>
        Assert.Equal("EXT001", Assert.Throws<DiagnosticException>(() => ExtImages.Open(new MemoryDevice(new byte[8192]))).Diagnostic.Id);

    [Theory]
    [InlineData("EXT002", 1024 + 0x58, 100)]
    [InlineData("EXT002", 1024 + 0x28, 1)]
    [InlineData("EXT003", 1024 + 0x60, 0x40000000)]
    [InlineData("EXT022", 1024 + 0x5C, 0)]
    public void A_bad_superblock(string id, int offset, int value)
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(Make(scratch));
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(offset), value);
        if (id == "EXT022")
        {
            content[1024 + 0x60] |= 4;
        }

        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => ExtImages.Open(new MemoryDevice(content))).Diagnostic.Id);
    }

    [Fact]
    public void A_bad_group()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(Make(scratch));
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(FirstDescriptor), 0xFFFFFFF0);
        using var fs = ExtImages.Open(new MemoryDevice(content));
        Assert.Equal("EXT005", Assert.Throws<DiagnosticException>(() => fs.List(fs.Root).Count()).Diagnostic.Id);
        Assert.Contains(fs.Check(), finding => finding.Id == "EXT005");
    }

    [Fact]
    public void A_bitmap_that_contradicts_its_count()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(Make(scratch));
        content[FirstDescriptor + 0x0C] ^= 1;
        var device = new MemoryDevice(content);
        using var fs = ExtImages.Open(device);
        Assert.Contains(fs.Check(), finding => finding.Id == "EXT020");
        var file = SourceTree.Find(fs, "large");
        var before = device.Content.ToArray();
        Assert.Equal("EXT015", Assert.Throws<DiagnosticException>(() => fs.SetLength(file, 0)).Diagnostic.Id);
        Assert.Equal(1_500_000, fs.GetMetadata(file).Length);
        Assert.True(before.AsSpan().SequenceEqual(device.Content));
    }

    [Theory]
    [InlineData("EXT006", "tiny", "links_count 0")]
    [InlineData("EXT006", "tiny", "mode 0170644")]
    [InlineData("EXT007", "large", "block[0] 1")]
    [InlineData("EXT009", "emptydir", "size 100")]
    [InlineData("EXT009", "emptydir", "size 2048")]
    [InlineData("EXT010", "tiny", "file_acl 77777777")]
    [InlineData("EXT010", "tiny", "file_acl 3")]
    public void A_bad_inode(string id, string name, string change)
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch);
        Tool.MustRun("debugfs", "-w", "-R", $"sif /{name} {change}", image);
        using var device = FileDevice.OpenRead(image);
        using var fs = ExtImages.Open(device);
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => ReadWhole(fs, name)).Diagnostic.Id);
    }

    [Fact]
    public void A_block_map_that_leaves_the_file_system()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext3-1k", SourceTree.Make(scratch));
        Tool.MustRun("debugfs", "-w", "-R", "sif /large block[0] 77777777", image);
        using var device = FileDevice.OpenRead(image);
        using var fs = ExtImages.Open(device);
        Assert.Equal("EXT008", Assert.Throws<DiagnosticException>(() => ReadWhole(fs, "large")).Diagnostic.Id);
    }

    [Fact]
    public void A_file_that_claims_the_inode_table()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext3-1k", SourceTree.Make(scratch));
        var content = File.ReadAllBytes(image);
        var table = BinaryPrimitives.ReadUInt32LittleEndian(content.AsSpan(FirstDescriptor + 8));
        Tool.MustRun("debugfs", "-w", "-R", $"sif /large block[0] {table}", image);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var large = SourceTree.Find(fs, "large");
        Assert.Equal("EXT021", Assert.Throws<DiagnosticException>(() => fs.Write(large, 0, [1])).Diagnostic.Id);
        Assert.Equal("EXT021", Assert.Throws<DiagnosticException>(() => fs.Unlink(fs.Root, "large")).Diagnostic.Id);
    }

    [Fact]
    public void Inline_data_that_is_said_to_be_elsewhere()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(ExtImages.Make(scratch, "ext4-inline-1k", SourceTree.Make(scratch)));
        var device = new MemoryDevice(content);
        NodeId node;
        using (var fs = ExtImages.Open(device))
        {
            node = SourceTree.Find(fs, "inline100");
        }

        var super = ExtSuperblock.Read(device);
        var (block, offset, _, _) = new ExtVolume(device, super).Inodes.Locate((uint)node.Value);
        var entry = ((int)block * super.BlockSize) + offset + 128 + 32 + 4;
        Assert.Equal((4, 7), (content[entry], content[entry + 1]));
        content[entry + 4] = 5;
        using var damaged = ExtImages.Open(device);
        Assert.Equal("EXT011", Assert.Throws<DiagnosticException>(() => ReadWhole(damaged, "inline100")).Diagnostic.Id);
    }

    private static string Make(ScratchDirectory scratch) =>
        ExtImages.Make(scratch, "plain", 20, ["-t", "ext4", "-b", "1024", "-O", "^metadata_csum,^64bit,^uninit_bg,^has_journal"], SourceTree.Make(scratch));

    private static void ReadWhole(ExtFileSystem fs, string name)
    {
        var node = SourceTree.Find(fs, name);
        fs.GetExtendedAttributes(node);
        if (fs.GetMetadata(node).Kind == NodeKind.Directory)
        {
            Assert.All(fs.List(node), entry => Assert.NotEmpty(entry.Name));
        }
        else
        {
            SourceTree.ReadAll(fs, node);
        }
    }
}
