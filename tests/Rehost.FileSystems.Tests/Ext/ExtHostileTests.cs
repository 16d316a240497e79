using System.Diagnostics;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>The image is hostile: whatever is in it, only a diagnostic may come out, soon.</summary>
public sealed class ExtHostileTests
{
    private const int DefaultCases = 90;
    private static readonly TimeSpan LongestCase = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("ext4-1k")]
    [InlineData("ext4-modern")]
    [InlineData("ext3-1k")]
    [InlineData("ext4-inline-1k")]
    [InlineData("ext4-2010")]
    [InlineData("ext4-metabg")]
    public void Damaged_metadata_gives_diagnostics(string name)
    {
        using var scratch = new ScratchDirectory();
        var source = SourceTree.Make(scratch);
        var image = ExtImages.Make(scratch, name, source);
        var pristine = File.ReadAllBytes(image);
        using var below = new MemoryDevice(pristine, canWrite: false);
        var metadata = MetadataBlocks(pristine, out var blockSize);
        var random = new Random(ReadSetting("REHOST_FUZZ_SEED", 4711));
        var cases = ReadSetting("REHOST_FUZZ_CASES", DefaultCases);
        for (var i = 0; i < cases; i++)
        {
            using var damaged = new OverlayDevice(below, OverlayStore.InMemory());
            var changes = random.Next(1, 12);
            for (var change = 0; change < changes; change++)
            {
                Damage(damaged, metadata, blockSize, random);
            }

            if (random.Next(2) == 0)
            {
                // Half of the time checksums are made right again, so that the damage gets past them.
                HostileChecksums.Mend(damaged);
            }

            var watch = Stopwatch.StartNew();
            var what = $"{name}, case {i}";
            Survive(what, () => Walk(damaged));
            Survive(what, () => Change(damaged));
            Assert.True(watch.Elapsed < LongestCase, $"{what} took {watch.Elapsed}");
        }
    }

    [Fact]
    public void Every_field_of_the_superblock_may_be_anything()
    {
        using var scratch = new ScratchDirectory();
        using var below = FileDevice.OpenRead(ExtImages.Make(scratch, "ext2-plain"));
        uint[] values = [0, 1, 0x7F, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF];
        for (var offset = 0; offset < 1024; offset += 4)
        {
            foreach (var value in values)
            {
                using var damaged = new OverlayDevice(below, OverlayStore.InMemory());
                damaged.Write(new GuestOffset(1024 + offset), BitConverter.GetBytes(value));
                Survive($"superblock offset {offset:x} = {value:x}", () => Walk(damaged));
            }
        }
    }

    [Fact]
    public void Unknown_features_are_refused_or_kept_read_only_by_name()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext2-plain");
        Assert.Equal("EXT003", OpenWith(image, 0x60, 0x80000).Id);
        Assert.Contains("FEATURE_I19", OpenWith(image, 0x60, 0x80000).Message, StringComparison.Ordinal);
        Assert.Contains("compression", OpenWith(image, 0x60, 0x1).Message, StringComparison.Ordinal);
        Assert.Contains("journal_dev", OpenWith(image, 0x60, 0x8).Message, StringComparison.Ordinal);

        var content = Patched(image, 0x64, 0x800000);
        using var fileSystem = ExtImages.Open(new MemoryDevice(content));
        Assert.Contains("FEATURE_R23", fileSystem.Info.ReadOnlyReason, StringComparison.Ordinal);
        var refused = Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "x", new NodeAttributes(0x1A4)));
        Assert.Equal("FIL006", refused.Diagnostic.Id);
    }

    [Fact]
    public void A_short_device_is_named_as_such()
    {
        using var scratch = new ScratchDirectory();
        var content = File.ReadAllBytes(ExtImages.Make(scratch, "ext2-plain"));
        var error = Assert.Throws<DiagnosticException>(() => ExtImages.Open(new MemoryDevice(content[..(content.Length / 2)])));
        Assert.Equal("EXT014", error.Diagnostic.Id);
        Assert.False(ExtFileSystem.Identify(new MemoryDevice(new byte[4096])));
        Assert.False(ExtFileSystem.Identify(new MemoryDevice(new byte[100])));
    }

    [Fact]
    public void Each_checksum_is_verified()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4-1k", SourceTree.Make(scratch));
        var pristine = File.ReadAllBytes(image);
        using var clean = ExtImages.Open(new MemoryDevice(pristine, canWrite: false));
        var content = (byte[])pristine.Clone();
        content[1024 + 0x78] ^= 1;
        Assert.Equal("EXT004", Assert.Throws<DiagnosticException>(() => ExtImages.Open(new MemoryDevice(content))).Diagnostic.Id);

        // The directory 'many' has an index: damage its first block and its last.
        var blocks = Tool.MustRun("debugfs", "-R", "blocks /many", image).Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(long.Parse).ToList();
        foreach (var block in new[] { blocks[0], blocks[^1] })
        {
            content = (byte[])pristine.Clone();
            content[(block * 1024) + 40] ^= 1;
            using var damaged = ExtImages.Open(new MemoryDevice(content, canWrite: false));
            Assert.Equal("EXT004", Assert.Throws<DiagnosticException>(() => damaged.List(SourceTree.Find(damaged, "many")).ToList()).Diagnostic.Id);
        }
    }

    private static int ReadSetting(string name, int otherwise) => int.TryParse(Environment.GetEnvironmentVariable(name), out var value) ? value : otherwise;

    private static byte[] Patched(string image, int offset, uint bits)
    {
        var content = File.ReadAllBytes(image);
        BitConverter.TryWriteBytes(content.AsSpan(1024 + offset), BitConverter.ToUInt32(content, 1024 + offset) | bits);
        return content;
    }

    private static Diagnostic OpenWith(string image, int offset, uint bits) =>
        Assert.Throws<DiagnosticException>(() => ExtImages.Open(new MemoryDevice(Patched(image, offset, bits)))).Diagnostic;

    private static void Survive(string what, Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
            // The only thing that may come out.
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}: {e}");
        }
    }

    /// <summary>Blocks that are not file content: all that is used, save long runs of files; found by way of our own reading of the pristine image.</summary>
    private static List<long> MetadataBlocks(byte[] content, out int blockSize)
    {
        var device = new MemoryDevice(content, canWrite: false);
        var super = ExtSuperblock.Read(device);
        var volume = new ExtVolume(device, super);
        blockSize = super.BlockSize;
        var blocks = new HashSet<long> { 1024 / blockSize };
        for (var group = 0u; group < super.GroupCount; group++)
        {
            var descriptor = volume.Groups.Get(group);
            blocks.Add((long)descriptor.BlockBitmap);
            blocks.Add((long)descriptor.InodeBitmap);
        }

        for (var index = 0u; index < super.DescriptorBlocks; index++)
        {
            blocks.Add((long)super.DescriptorBlock(index));
        }

        for (var number = 2u; number < 60; number++)
        {
            blocks.Add((long)volume.Inodes.Locate(number).Block);
        }

        using var fileSystem = ExtImages.Open(device);
        foreach (var path in (string[])["", "a", "many", "lost+found", "a/b/c/d"])
        {
            var inode = volume.Inodes.GetUser(SourceTree.Find(fileSystem, path).Value);
            if (!inode.Has(InodeFlags.InlineData))
            {
                for (ulong logical = 0; logical < Math.Min(volume.DirectoryBlocks.Count(inode), 12); logical++)
                {
                    blocks.Add((long)volume.Files.PhysicalBlock(inode, logical));
                }
            }
        }

        return [.. blocks];
    }

    private static void Damage(OverlayDevice device, List<long> blocks, int blockSize, Random random)
    {
        var block = blocks[random.Next(blocks.Count)];
        var inBlock = block == 1024 / blockSize ? (1024 % blockSize) + random.Next(0x290) : random.Next(4) == 0 ? random.Next(Math.Min(blockSize, 300)) : random.Next(blockSize);
        var offset = (block * blockSize) + inBlock;
        Span<byte> word = stackalloc byte[4];
        device.Read(new GuestOffset(offset & ~3), word);
        switch (random.Next(4))
        {
            case 0:
                word[(int)(offset & 3)] ^= (byte)(1 << random.Next(8));
                break;
            case 1:
                word[(int)(offset & 3)] = (byte)random.Next(256);
                break;
            case 2:
                random.NextBytes(word);
                break;
            default:
                word.Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF);
                break;
        }

        device.Write(new GuestOffset(offset & ~3), word);
    }

    private static void Walk(IBlockDevice device)
    {
        using var fileSystem = ExtImages.Open(device);
        _ = fileSystem.Info;
        _ = fileSystem.Check();
        Survive("free ranges", () => Assert.All(fileSystem.GetFreeRanges(), range => Assert.True(range.Length > 0 && range.End <= device.Length)));
        WalkDirectory(fileSystem, fileSystem.Root, 0);
    }

    private static void WalkDirectory(ExtFileSystem fileSystem, NodeId directory, int depth)
    {
        var buffer = new byte[70_000];
        var entries = new List<DirectoryEntry>();
        Survive("list", () => entries.AddRange(fileSystem.List(directory).Take(2000)));
        foreach (var entry in entries)
        {
            Survive("lookup", () => fileSystem.Lookup(directory, entry.Name));
            Survive("attributes", () => fileSystem.GetExtendedAttributes(entry.Node));
            Survive("node", () =>
            {
                var metadata = fileSystem.GetMetadata(entry.Node);
                switch (metadata.Kind)
                {
                    case NodeKind.Directory when depth < 6:
                        WalkDirectory(fileSystem, entry.Node, depth + 1);
                        break;
                    case NodeKind.SymbolicLink:
                        fileSystem.ReadLink(entry.Node);
                        break;
                    case NodeKind.File:
                        fileSystem.Read(entry.Node, 0, buffer);
                        fileSystem.Read(entry.Node, Math.Max(0, metadata.Length - 50_000), buffer);
                        break;
                }
            });
        }
    }

    private static void Change(IBlockDevice device)
    {
        using var fileSystem = ExtImages.Open(device);
        var attributes = new NodeAttributes(0x1A4);
        Survive("create", () => fileSystem.Write(fileSystem.CreateFile(fileSystem.Root, "new", attributes), 0, new byte[30_000]));
        Survive("mkdir", () => fileSystem.CreateDirectory(fileSystem.Root, "newdir", attributes));
        foreach (var path in (string[])["medium", "sparse", "large", "tiny", "inline100"])
        {
            Survive("write", () => fileSystem.Write(SourceTree.Find(fileSystem, path), 300_000, new byte[9000]));
            Survive("cut", () => fileSystem.SetLength(SourceTree.Find(fileSystem, path), 777));
            Survive("attribute", () => fileSystem.SetExtendedAttribute(SourceTree.Find(fileSystem, path), "user.a", new byte[300]));
            Survive("unlink", () => fileSystem.Unlink(fileSystem.Root, path));
        }

        Survive("move", () => fileSystem.Rename(fileSystem.Root, "many", SourceTree.Find(fileSystem, "a/b"), "moved"));
        Survive("link", () => fileSystem.CreateSymbolicLink(SourceTree.Find(fileSystem, "a/b/moved"), "link", new string('z', 200), attributes));
        Survive("fill", () =>
        {
            var many = SourceTree.Find(fileSystem, "a/b/moved");
            for (var i = 0; i < 60; i++)
            {
                fileSystem.CreateFile(many, $"and-another-one-{i}", attributes);
            }
        });
        Survive("flush", fileSystem.Flush);
    }
}
