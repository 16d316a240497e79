using System.Security.Cryptography;
using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Files;

/// <summary>rehost files, on file systems that mke2fs made: what the guest's own tools would show, and nothing outside of the guest.</summary>
public sealed class GuestFilesTests
{
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void Lists_what_is_there_and_follows_no_link_out_of_the_guest()
    {
        using var scratch = new ScratchDirectory();
        using var guest = Open(MakeDisk(scratch, "a"));

        Assert.Equal(["etc", "lost+found", "secret", "sub"], GuestListing.List(guest, "/", NoStop).Select(item => item.File.Name));
        var link = Assert.Single(GuestListing.Walk(guest, "/", int.MaxValue, NoStop), item => item.File.Name == "secret").File;
        Assert.Equal(('l', "/etc/passwd"), (link.Type, link.LinkTarget));

        // An absolute link starts at the guest's root: this is the guest's passwd, not the host's.
        using var content = new MemoryStream();
        FileExtraction.Cat(guest, "/secret", content, NoStop);
        Assert.Equal("guest:x:0:0\n", Encoding.UTF8.GetString(content.ToArray()));
        Assert.Equal("FIL001", Assert.Throws<DiagnosticException>(() => FileExtraction.Cat(guest, "/../../../etc/shadow", content, NoStop)).Diagnostic.Id);
    }

    [Fact]
    public void Copies_out_everything_and_overwrites_nothing()
    {
        using var scratch = new ScratchDirectory();
        var disk = MakeDisk(scratch, "a");
        using var guest = Open(disk);
        Directory.CreateDirectory(scratch["out"]);

        var (copied, leftOut) = FileExtraction.Get(guest, "/sub", scratch["out"], NoStop);

        Assert.Equal((5, 1), (copied, leftOut)); // the pipe stays
        Assert.Equal("", Tool.Run("diff", "-r", "--no-dereference", scratch["a/sub"], scratch["out/sub"]).Output.Replace($"Only in {scratch["a/sub"]}: pipe\n", "", StringComparison.Ordinal));
        Assert.Equal("/", new FileInfo(scratch["out/sub/up"]).LinkTarget);
        Assert.Equal("FLE002", Assert.Throws<DiagnosticException>(() => FileExtraction.Get(guest, "/sub", scratch["out"], NoStop)).Diagnostic.Id);

        // A link that lies where a file should go is not written through.
        Directory.CreateDirectory(scratch["trap"]);
        File.WriteAllText(scratch["victim"], "mine");
        File.CreateSymbolicLink(scratch["trap/passwd"], scratch["victim"]);
        Assert.Equal("FLE002", Assert.Throws<DiagnosticException>(() => FileExtraction.Get(guest, "/etc/passwd", scratch["trap"], NoStop)).Diagnostic.Id);
        Assert.Equal("mine", File.ReadAllText(scratch["victim"]));
    }

    /// <summary>systemd's names hold backslashes, which are no separators; nor does any name become another one on its way.</summary>
    [Fact]
    public void Names_with_backslashes_colons_and_line_ends_go_in_and_out_as_they_are()
    {
        using var scratch = new ScratchDirectory();
        string[] names = ["a\\x2db.slice", "C:", "two\nlines", " spaces ", "größe", "con.txt", "dir\\file"];
        foreach (var name in names)
        {
            Directory.CreateDirectory(scratch["tree/units"]);
            File.WriteAllText(Path.Combine(scratch["tree/units"], name), name);
        }

        File.CreateSymbolicLink(Path.Combine(scratch["tree/units"], "link\\x2d"), "a\\x2db.slice");
        var disk = Make(scratch, "tree", "8M");
        using (var guest = Open(disk))
        {
            Directory.CreateDirectory(scratch["out"]);
            FileExtraction.Get(guest, "/units", scratch["out"], NoStop);
            Tool.MustRun("diff", "-r", "--no-dereference", scratch["tree/units"], scratch["out/units"]);
            var editing = new FileEditing(guest);
            Assert.Equal(names.Length + 2, editing.Put(scratch["out/units"], "/again", (0, 0), NoStop));
            editing.WriteInPlace();
        }

        Tool.MustRun("e2fsck", "-fn", disk);
        Directory.CreateDirectory(scratch["dump"]);
        Tool.MustRun("debugfs", "-R", $"rdump /again {scratch["dump"]}", disk);
        Tool.MustRun("diff", "-r", "--no-dereference", scratch["tree/units"], scratch["dump/again"]);
    }

    [Fact]
    public void Hashes_are_those_of_sha256sum()
    {
        using var scratch = new ScratchDirectory();
        using var guest = Open(MakeDisk(scratch, "a"));
        var found = GuestListing.Hash(guest, "/", int.MaxValue, NoStop).Select(file => $"{file.Sha256}  .{file.Path}");
        Assert.Equal(Tool.MustRun("sh", "-c", $"cd '{scratch["a"]}' && find . -type f -exec sha256sum {{}} + | sort -k2").Split('\n', StringSplitOptions.RemoveEmptyEntries), found);
    }

    [Fact]
    public void A_sparse_file_stays_sparse()
    {
        using var scratch = new ScratchDirectory();
        Directory.CreateDirectory(scratch["a"]);
        using (var file = File.Create(scratch["a/big"]))
        {
            file.SetLength(3L << 30);
            file.Position = 2L << 30;
            file.Write("x"u8);
        }

        using var guest = Open(Make(scratch, "a", "64M"));
        Directory.CreateDirectory(scratch["out"]);
        FileExtraction.Get(guest, "/big", scratch["out"], NoStop);

        Assert.Equal(3L << 30, new FileInfo(scratch["out/big"]).Length);
        Assert.True(long.Parse(Tool.MustRun("stat", "-c", "%b", scratch["out/big"]), System.Globalization.CultureInfo.InvariantCulture) * 512 < 8 << 20);
    }

    [Fact]
    public void Edits_go_into_a_new_image_and_the_source_stays() // S4.11
    {
        using var scratch = new ScratchDirectory();
        var disk = MakeDisk(scratch, "a");
        var before = HashOf(disk);
        File.WriteAllText(scratch["resolv.conf"], "nameserver 192.0.2.1\n");
        using (var guest = Open(disk))
        {
            var editing = new FileEditing(guest);
            Assert.Equal(1, editing.Put(scratch["resolv.conf"], "/etc/", (0, 0), NoStop));
            Assert.Equal(3, editing.Put(scratch["a/sub/deep"], "/copy", (7, 8), NoStop) + editing.Remove("/secret", recursive: false, NoStop));
            editing.WriteImage(GuestFileTarget.Of(scratch["b.qcow2"], null), new SilentProgress(), NoStop);
        }

        Assert.Equal(before, HashOf(disk));
        Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch["b.qcow2"], scratch["b.raw"]);
        Tool.MustRun("e2fsck", "-fn", scratch["b.raw"]);
        using var left = Open(disk);
        using var right = Open(scratch["b.qcow2"]);
        Assert.Equal(
            ["+ /copy", "+ /copy/file", "+ /etc/resolv.conf", "- /secret"],
            FileComparison.Run(left, right, "/", withTimes: false, NoStop).Where(one => one.Kind != FileDifferenceKind.Changed).Select(one => $"{(one.Kind == FileDifferenceKind.Added ? '+' : '-')} {one.Path}"));
        Assert.Equal((7u, 8u), GuestListing.Walk(right, "/copy", 0, NoStop).Select(item => (item.File.Uid, item.File.Gid)).Single());
    }

    [Fact]
    public void An_edit_in_place_changes_what_was_asked_and_the_checker_agrees()
    {
        using var scratch = new ScratchDirectory();
        var disk = MakeDisk(scratch, "a");
        File.Copy(disk, scratch["b.img"]);
        using (var guest = Open(disk))
        {
            var editing = new FileEditing(guest);
            Assert.Equal("FLE006", Assert.Throws<DiagnosticException>(() => editing.Remove("/sub", recursive: false, NoStop)).Diagnostic.Id);
            Assert.Equal(6, editing.Remove("/sub", recursive: true, NoStop));
            Assert.True(editing.WriteInPlace() > 0);
        }

        Tool.MustRun("e2fsck", "-fn", disk);
        using var left = Open(scratch["b.img"]);
        using var right = Open(disk);
        var removed = FileComparison.Run(left, right, "/", withTimes: false, NoStop).Where(one => one.Kind == FileDifferenceKind.Removed).Select(one => one.Path);
        Assert.Equal(["/sub", "/sub/deep", "/sub/deep/file", "/sub/pipe", "/sub/random", "/sub/up"], removed);
    }

    [Fact]
    public void A_failure_in_the_middle_leaves_the_disk_as_it_was()
    {
        using var scratch = new ScratchDirectory();
        var disk = MakeDisk(scratch, "a");
        var before = HashOf(disk);
        using var guest = Open(disk);

        // The pipe in the directory cannot be copied in; other files before it were.
        Assert.Equal("BLK006", Assert.Throws<DiagnosticException>(() => new FileEditing(guest).Put(scratch["a/sub"], "/copy", (0, 0), NoStop)).Diagnostic.Id);
        Assert.Equal(before, HashOf(disk));
    }

    [Fact]
    public void Only_a_raw_disk_is_edited_in_place()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "convert", "-O", "qcow2", MakeDisk(scratch, "a"), scratch["a.qcow2"]);
        using var guest = Open(scratch["a.qcow2"]);
        var editing = new FileEditing(guest);
        editing.Remove("/secret", recursive: false, NoStop);
        Assert.Equal("FLE003", Assert.Throws<DiagnosticException>(() => editing.WriteInPlace()).Diagnostic.Id);
    }

    [Fact]
    public void A_comparison_names_each_kind_of_difference()
    {
        using var scratch = new ScratchDirectory();
        var left = MakeDisk(scratch, "a");
        var right = scratch["b.img"];
        File.Copy(left, right);
        foreach (var command in (string[])["sif /etc/passwd mode 0100600", "sif /etc/passwd uid 12", "sif /sub/deep/file mtime 20010203040506", "ea_set /etc/passwd user.note hello", "rm /secret"])
        {
            Tool.MustRun("debugfs", "-w", "-R", command, right);
        }

        using (var file = new FileStream(right, FileMode.Open, FileAccess.ReadWrite))
        {
            var all = new byte[file.Length];
            file.ReadExactly(all);
            file.Position = all.AsSpan().IndexOf("in the deep"u8);
            file.Write("IN"u8);
        }

        using var first = Open(left);
        using var second = Open(right);
        var found = FileComparison.Run(first, second, "/", withTimes: true, NoStop).ToDictionary(one => one.Path, one => one.What);
        Assert.Equal(["mode 0644 → 0600", "owner 0:0 → 12:0", "attribute user.note added"], found["/etc/passwd"].Where(what => !what.StartsWith("time", StringComparison.Ordinal)));
        Assert.Contains("content (12 bytes)", found["/sub/deep/file"]);
        Assert.Contains(found["/sub/deep/file"], what => what.StartsWith("time ", StringComparison.Ordinal));
        Assert.Empty(found["/secret"]);
        Assert.Empty(FileComparison.Run(first, first, "/", withTimes: true, NoStop));
    }

    [Fact]
    public void The_order_of_a_comparison_is_the_order_of_the_walk()
    {
        using var scratch = new ScratchDirectory();
        foreach (var path in (string[])["a", "a-b", "a/x", "a.d/x", "ab"])
        {
            Directory.CreateDirectory(scratch["t/" + path]);
        }

        using var guest = Open(Make(scratch, "t", "4M"));
        var walked = GuestListing.Walk(guest, "/", int.MaxValue, NoStop).Select(item => item.File.Path).ToList();
        Assert.Equal(walked, walked.Order(Comparer<string>.Create(FileComparison.ComparePaths)));
    }

    [Fact]
    public void A_volume_is_found_by_its_names_and_a_wrong_one_lists_what_there_is()
    {
        using var scratch = new ScratchDirectory();
        var disk = MakeDisk(scratch, "a");
        foreach (var name in (string[])["xvda", "/dev/xvda", "DATA", "11111111-2222-3333-4444-555555555555"])
        {
            using var guest = GuestFiles.Open(new SourceRequest(disk), name, scratch.Path, null, NoStop);
            Assert.NotEmpty(GuestListing.List(guest, "/etc", NoStop));
        }

        var error = Assert.Throws<DiagnosticException>(() => GuestFiles.Open(new SourceRequest(disk), "vg/lv", scratch.Path, null, NoStop)).Diagnostic;
        Assert.Equal("FLE001", error.Id);
        Assert.Contains("xvda (ext4)", error.Message, StringComparison.Ordinal);
    }

    private static GuestFiles Open(string disk) => GuestFiles.Open(new SourceRequest(disk), null, Path.GetTempPath(), null, NoStop);

    private static string MakeDisk(ScratchDirectory scratch, string name)
    {
        Directory.CreateDirectory(scratch[$"{name}/etc"]);
        Directory.CreateDirectory(scratch[$"{name}/sub/deep"]);
        File.WriteAllText(scratch[$"{name}/etc/passwd"], "guest:x:0:0\n");
        File.WriteAllText(scratch[$"{name}/sub/deep/file"], "in the deep\n");
        File.WriteAllBytes(scratch[$"{name}/sub/random"], RandomNumberGenerator.GetBytes(3_000_000));
        File.CreateSymbolicLink(scratch[$"{name}/sub/up"], "/");
        File.CreateSymbolicLink(scratch[$"{name}/secret"], "/etc/passwd");
        Tool.MustRun("mkfifo", scratch[$"{name}/sub/pipe"]);
        return Make(scratch, name, "32M");
    }

    private static string Make(ScratchDirectory scratch, string name, string size)
    {
        var disk = scratch[name + ".img"];
        Tool.MustRun("mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-L", "DATA", "-U", "11111111-2222-3333-4444-555555555555", "-d", scratch[name], disk, size);
        return disk;
    }

    private static string HashOf(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }
}
