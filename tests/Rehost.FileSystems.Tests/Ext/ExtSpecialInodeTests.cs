using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Inodes that are encrypted, fold case, are sealed, orphaned or full of holes: handled as the kernel does, or refused by name.</summary>
public sealed class ExtSpecialInodeTests
{
    private static readonly NodeAttributes Plain = new(0x1A4);

    [Fact]
    public void Encrypted_case_folding_and_sealed_inodes_are_refused_by_name()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "special", 20, ["-t", "ext4", "-b", "1024", "-O", "encrypt,casefold,verity"], SourceTree.Make(scratch));
        SetFlags(image, "/a", 0x80800);
        SetFlags(image, "/tiny", 0x80800);
        SetFlags(image, "/large", 0x180000);
        SetFlags(image, "/emptydir", 0x40080000);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        void Refused(string id, Action action) => Assert.Equal(id, Assert.Throws<DiagnosticException>(action).Diagnostic.Id);
        var encrypted = SourceTree.Find(fs, "a");
        Assert.Equal(NodeKind.Directory, fs.GetMetadata(encrypted).Kind);
        Refused("EXT012", () => Assert.Empty(fs.List(encrypted)));
        Refused("EXT012", () => fs.Lookup(encrypted, "b"));
        Refused("EXT012", () => fs.CreateFile(encrypted, "x", Plain));
        Refused("EXT012", () => fs.Read(SourceTree.Find(fs, "tiny"), 0, new byte[10]));
        Refused("EXT023", () => fs.Write(SourceTree.Find(fs, "large"), 0, [1]));
        Assert.Equal(10, fs.Read(SourceTree.Find(fs, "large"), 0, new byte[10]));
        Refused("EXT023", () => fs.CreateFile(SourceTree.Find(fs, "emptydir"), "x", Plain));
        Assert.Empty(fs.List(SourceTree.Find(fs, "emptydir")));
    }

    [Theory]
    [InlineData("ext3-1k")]
    [InlineData("ext4-1k")]
    [InlineData("ext4-inline")]
    public void Orphans_are_deleted_or_cut(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name, SourceTree.Make(scratch));
        Tool.MustRun("debugfs", "-w", "-R", "ln /large /a/keep", image);

        // What the kernel leaves when the machine stops while a deleted file is still open, and while another is being cut.
        var large = NumberOf(image, "/large");
        var medium = NumberOf(image, "/medium");
        Debugfs(image, "unlink /a/keep", "unlink /large", "sif /large links_count 0", $"sif <{large}> links_count 0", $"sif <{large}> dtime {medium}", "sif /medium size 1000", "sif /medium dtime 0", $"ssv last_orphan {large}");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fs = ExtImages.Open(device))
        {
            Assert.Null(fs.Info.ReadOnlyReason);
            Assert.Null(fs.Lookup(fs.Root, "large"));
            Assert.Equal(1000, fs.GetMetadata(SourceTree.Find(fs, "medium")).Length);
            Assert.Empty(fs.Check());
        }

        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void An_orphan_list_that_goes_in_a_circle_is_refused_and_nothing_is_written()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4-1k", SourceTree.Make(scratch));
        Debugfs(image, $"sif /large dtime {NumberOf(image, "/medium")}", $"sif /medium dtime {NumberOf(image, "/large")}", $"ssv last_orphan {NumberOf(image, "/large")}");
        var before = File.ReadAllBytes(image);
        using var device = FileDevice.OpenReadWrite(image);
        Assert.Equal("EXT016", Assert.Throws<DiagnosticException>(() => ExtImages.Open(device)).Diagnostic.Id);
        Assert.Equal(before, File.ReadAllBytes(image));
    }

    [Fact]
    public void A_file_that_is_one_hole_kept_inline_can_be_changed()
    {
        using var scratch = new ScratchDirectory();
        var source = Directory.CreateDirectory(scratch["holes"]).FullName;
        foreach (var name in (string[])["cut", "grow", "write", "inside"])
        {
            using var file = File.Create(Path.Combine(source, name));
            file.SetLength(1 << 20);
        }

        var image = ExtImages.Make(scratch, "ext4-inline", source);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        fs.SetLength(SourceTree.Find(fs, "cut"), 30);
        fs.SetLength(SourceTree.Find(fs, "grow"), 2 << 20);
        fs.Write(SourceTree.Find(fs, "write"), 2 << 20, "end"u8);
        fs.Write(SourceTree.Find(fs, "inside"), 10, "in"u8);
        fs.Flush();
        Assert.Equal(new byte[30], SourceTree.ReadAll(fs, SourceTree.Find(fs, "cut")));
        Assert.Equal(new byte[2 << 20], SourceTree.ReadAll(fs, SourceTree.Find(fs, "grow")));
        var inside = SourceTree.ReadAll(fs, SourceTree.Find(fs, "inside"));
        Assert.Equal(1 << 20, inside.Length);
        Assert.Equal("in"u8.ToArray(), inside[10..12]);
        Assert.Equal((2 << 20) + 3, fs.GetMetadata(SourceTree.Find(fs, "write")).Length);
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void A_file_system_with_errors_or_an_unclean_end_is_read_only()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext2-plain");
        foreach (var (state, word) in ((int, string)[])[(3, "errors"), (0, "cleanly")])
        {
            Debugfs(image, $"ssv state {state}");
            using var device = FileDevice.OpenReadWrite(image);
            using var fs = ExtImages.Open(device);
            Assert.Contains(word, fs.Info.ReadOnlyReason, StringComparison.Ordinal);
            Assert.False(fs.Info.IsClean);
        }
    }

    private static void SetFlags(string image, string path, uint flags) => Debugfs(image, $"sif {path} flags 0x{flags:x}");

    private static string NumberOf(string image, string path) =>
        Tool.MustRun("debugfs", "-R", $"stat {path}", image).Split("Inode: ")[1].Split(' ')[0];

    private static void Debugfs(string image, params string[] commands)
    {
        foreach (var command in commands)
        {
            Tool.MustRun("debugfs", "-w", "-R", command, image);
        }
    }
}
