using System.Diagnostics;
using System.Globalization;
using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>S2: after our changes e2fsck finds nothing and debugfs reads what was written.</summary>
public sealed class ExtWriteTests
{
    private static readonly NodeAttributes Plain = new(0x1A4, 1000, 100_000);

    public static TheoryData<string> FeatureSets => [.. ExtImages.All.Select(set => set.Name)];

    [Theory]
    [MemberData(nameof(FeatureSets))]
    public void Every_operation_is_seen_by_debugfs(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name, name == "ext2-plain" ? null : SourceTree.Make(scratch));
        var content = Pattern(300_000, 1);
        var target = string.Concat(Enumerable.Repeat("way/", 60)) + "end";
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fs = ExtFileSystem.Open(device, new FileSystemOpenOptions { Timestamp = new DateTimeOffset(2031, 2, 3, 4, 5, 6, TimeSpan.Zero) }))
        {
            Assert.Null(fs.Info.ReadOnlyReason);
            var root = fs.Root;
            var directory = fs.CreateDirectory(root, "made", new NodeAttributes(0x1ED, 5, 6));
            var file = fs.CreateFile(directory, "file", Plain);
            fs.Write(file, 0, content);
            fs.Write(file, 100_000, Pattern(777, 2));
            Pattern(777, 2).CopyTo(content, 100_000);
            fs.SetMode(file, 0x9ED);
            fs.SetOwner(file, 70_000, 3);
            fs.SetExtendedAttribute(file, "security.selinux", "system_u:object_r:etc_t:s0\0"u8.ToArray());
            fs.SetExtendedAttribute(file, "user.long", Pattern(400, 3));
            fs.CreateSymbolicLink(directory, "fast", "file", Plain);
            fs.CreateSymbolicLink(directory, "slow", target, Plain);
            var small = fs.CreateFile(directory, "small", Plain);
            fs.Write(small, 0, "small"u8);
            var gone = fs.CreateFile(directory, "gone", Plain);
            fs.Write(gone, 50_000, content);
            fs.Unlink(directory, "gone");
            fs.CreateDirectory(directory, "empty", Plain);
            fs.RemoveDirectory(directory, "empty");
            var sub = fs.CreateDirectory(directory, "sub", Plain);
            fs.Rename(directory, "sub", root, "moved");
            fs.Rename(directory, "small", sub, "renamed");
            fs.Flush();
            Assert.Empty(fs.Check());
            Assert.Equal(content, SourceTree.ReadAll(fs, file));
        }

        ExtImages.MustBeClean(image);
        Assert.Equal(content, Dump(scratch, image, "/made/file"));
        Assert.Equal("small"u8.ToArray(), Dump(scratch, image, "/moved/renamed"));
        var stat = Debug(image, "stat /made/file");
        Assert.Contains("Mode:  04755", stat, StringComparison.Ordinal);
        Assert.Matches(@"User: 70000 +Group: +3 ", stat);
        Assert.Contains("Feb  3 04:05:06 2031", stat, StringComparison.Ordinal);
        Assert.Contains("system_u:object_r:etc_t:s0", Debug(image, "ea_get -V /made/file security.selinux"), StringComparison.Ordinal);
        Tool.MustRun("debugfs", "-R", $"ea_get -f {scratch["ea"]} /made/file user.long", image);
        Assert.Equal(Pattern(400, 3), File.ReadAllBytes(scratch["ea"]));
        Assert.Contains("Fast link dest: \"file\"", Debug(image, "stat /made/fast"), StringComparison.Ordinal);
        Assert.Equal(target, Encoding.ASCII.GetString(Dump(scratch, image, "/made/slow")).TrimEnd('\0'));
        Assert.DoesNotContain("gone", Debug(image, "ls /made"), StringComparison.Ordinal);
        if (name != "ext2-plain")
        {
            using var device = FileDevice.OpenRead(image);
            using var fs = ExtImages.Open(device);
            fs.Lookup(fs.Root, "made");
            Assert.Equal("deep", SourceTree.ReadText(fs, SourceTree.Find(fs, "a/b/c/d/file")));
        }
    }

    [Theory]
    [InlineData("ext2-2005")]
    [InlineData("ext3-1k")]
    [InlineData("ext4-1k")]
    [InlineData("ext4")]
    [InlineData("ext4-inline-1k")]
    [InlineData("ext4-modern")]
    public void Directories_grow_and_shrink(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name, 24, [.. Arguments(name), "-N", "8192"]);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var directory = fs.CreateDirectory(fs.Root, "big", Plain);
        var names = Enumerable.Range(0, 5000).Select(i => $"{i:d4}-{new string((char)('a' + (i % 26)), i % 97)}").ToList();
        foreach (var entry in names)
        {
            fs.CreateFile(directory, entry, Plain);
        }

        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.Equal(names.Order(StringComparer.Ordinal), fs.List(directory).Select(entry => entry.Name).Order(StringComparer.Ordinal));
        Assert.All(names, entry => Assert.NotNull(fs.Lookup(directory, entry)));
        Assert.Null(fs.Lookup(directory, "5000"));
        foreach (var entry in names.Where((_, i) => i % 3 != 0))
        {
            fs.Unlink(directory, entry);
        }

        for (var i = 0; i < 1000; i++)
        {
            fs.CreateSymbolicLink(directory, $"again-{i}-{new string('q', i % 200)}", "x", Plain);
        }

        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.Equal(1667 + 1000, fs.List(directory).Count());
        Assert.Equal("FIL008", Assert.Throws<DiagnosticException>(() => fs.RemoveDirectory(fs.Root, "big")).Diagnostic.Id);
        foreach (var entry in fs.List(directory).ToList())
        {
            fs.Unlink(directory, entry.Name);
        }

        fs.RemoveDirectory(fs.Root, "big");
        fs.Flush();
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void An_index_of_three_levels_with_large_dir()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "deep", 96, ["-t", "ext4", "-b", "1024", "-O", "large_dir,^has_journal", "-N", "36000", "-I", "128"]);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var directory = fs.CreateDirectory(fs.Root, "big", Plain);

        // Leaves of 1 KiB hold three names of this length; 126 * 127 leaves need a third level.
        const int count = 34_000;
        string Name(int i) => $"{i:d6}{new string('l', 249)}";
        for (var i = 0; i < count; i++)
        {
            fs.CreateFile(directory, Name(i), Plain);
        }

        fs.Flush();
        ExtImages.MustBeClean(image);
        var stat = Debug(image, "htree_dump /big");
        Assert.Contains("Indirect levels: 2", stat, StringComparison.Ordinal);
        for (var i = 0; i < count; i += 97)
        {
            Assert.NotNull(fs.Lookup(directory, Name(i)));
        }
    }

    [Theory]
    [InlineData("ext4-1k")]
    [InlineData("ext3-1k")]
    [InlineData("ext4-64k")]
    public void A_file_in_a_thousand_pieces(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var size = fs.Info.BlockSize;
        var pieces = size > 4096 ? 300 : 2000;
        var file = fs.CreateFile(fs.Root, "pieces", Plain);
        var expected = new byte[pieces * 2 * size];
        foreach (var i in Enumerable.Range(0, pieces).OrderBy(i => i * 7919 % pieces))
        {
            var piece = Pattern(100, i);
            fs.Write(file, ((long)i * 2 * size) + 50, piece);
            piece.CopyTo(expected, ((long)i * 2 * size) + 50);
        }

        fs.SetLength(file, expected.Length);
        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.True(expected.AsSpan().SequenceEqual(SourceTree.ReadAll(fs, file)));
        Assert.Equal(expected, Dump(scratch, image, "/pieces"));
        fs.SetLength(file, (expected.Length / 3) + 17);
        fs.SetLength(file, expected.Length);
        expected.AsSpan((expected.Length / 3) + 17).Clear();
        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.Equal(expected, Dump(scratch, image, "/pieces"));
        fs.Unlink(fs.Root, "pieces");
        fs.Flush();
        ExtImages.MustBeClean(image);
    }

    [Theory]
    [MemberData(nameof(FeatureSets))]
    public void A_full_file_system_stays_whole(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var kept = fs.CreateFile(fs.Root, "kept", Plain);
        fs.Write(kept, 0, Pattern(5000, 9));
        var file = fs.CreateFile(fs.Root, "filler", Plain);
        var chunk = Pattern(1_000_000, 4);
        Assert.Equal("FIL004", UntilRefused(i => fs.Write(file, (long)i * chunk.Length, chunk)).Id);
        Assert.Equal("FIL004", UntilRefused(i => fs.Write(fs.CreateFile(fs.Root, $"more-{i}", Plain), 0, Pattern(fs.Info.BlockSize + 1, i))).Id);
        fs.Flush();
        Assert.Empty(fs.Check());
        ExtImages.MustBeClean(image);
        Assert.Equal(Pattern(5000, 9), SourceTree.ReadAll(fs, kept));
        fs.Unlink(fs.Root, "filler");
        fs.Write(kept, 0, Pattern(100_000, 10));
        fs.Flush();
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void All_inodes_taken()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "few", 8, ["-t", "ext4", "-b", "1024", "-N", "64", "-O", "^has_journal"]);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var made = 0;
        Assert.Equal("FIL004", UntilRefused(i => fs.CreateFile(fs.Root, $"file-{made = i}", Plain)).Id);
        Assert.True(made > 40);
        fs.Flush();
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void More_subdirectories_than_links_can_count()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "links", 330, ["-t", "ext4", "-b", "1024", "-N", "66000", "-O", "^has_journal,inline_data"]);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var directory = fs.CreateDirectory(fs.Root, "many", Plain);
        for (var i = 0; i < 65_100; i++)
        {
            fs.CreateDirectory(directory, i.ToString(CultureInfo.InvariantCulture), Plain);
        }

        Assert.Equal(1u, fs.GetMetadata(directory).Links);
        fs.RemoveDirectory(directory, "17");
        fs.Flush();
        Assert.Equal(1u, fs.GetMetadata(directory).Links);
        ExtImages.MustBeClean(image);
    }

    [Theory]
    [InlineData("ext4-1k")]
    [InlineData("ext3")]
    [InlineData("ext2-2005")]
    public void Files_beyond_two_gigabytes(string name)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name);
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var file = fs.CreateFile(fs.Root, "far", Plain);
        fs.Write(file, 5_000_000_123, "far away"u8);
        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.Contains("large_file", Tool.MustRun("dumpe2fs", "-h", image), StringComparison.Ordinal);
        var back = new byte[20];
        Assert.Equal(12, fs.Read(file, 5_000_000_119, back));
        Assert.Equal("\0\0\0\0far away"u8.ToArray(), back[..12]);
        Assert.Equal("EXT019", Assert.Throws<DiagnosticException>(() => fs.Write(file, 1L << 53, [1])).Diagnostic.Id);
        fs.SetLength(file, 0);
        fs.Flush();
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void Attribute_blocks_that_inodes_share_are_copied()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "shared", 8, ["-t", "ext3", "-b", "1024", "-I", "128"]);
        using var device = FileDevice.OpenReadWrite(image);
        NodeId one, two;
        using (var fs = ExtImages.Open(device))
        {
            one = fs.CreateFile(fs.Root, "one", Plain);
            two = fs.CreateFile(fs.Root, "two", Plain);
            fs.SetExtendedAttribute(one, "user.a", "shared"u8.ToArray());
            fs.Flush();
        }

        // The kernel shares equal blocks between inodes; debugfs makes such a pair here.
        var block = Debug(image, "stat /one").Split("File ACL: ")[1].Split('\n')[0].Trim();
        Tool.MustRun("debugfs", "-w", "-R", $"sif <{two.Value}> file_acl {block}", image);
        Tool.MustRun("debugfs", "-w", "-R", $"sif <{two.Value}> blocks 2", image);
        var content = new byte[4];
        device.Read(new GuestOffset((long.Parse(block, CultureInfo.InvariantCulture) * 1024) + 4), content);
        content[0] = 2;
        device.Write(new GuestOffset((long.Parse(block, CultureInfo.InvariantCulture) * 1024) + 4), content);
        ExtImages.MustBeClean(image);
        using (var fs = ExtImages.Open(device))
        {
            fs.SetExtendedAttribute(two, "user.b", "own"u8.ToArray());
            fs.Flush();
            ExtImages.MustBeClean(image);
            Assert.Equal(["user.a"], fs.GetExtendedAttributes(one).Keys);
            Assert.Equal(["user.a", "user.b"], fs.GetExtendedAttributes(two).Keys.Order(StringComparer.Ordinal));
            fs.Unlink(fs.Root, "one");
            fs.SetExtendedAttribute(two, "user.a", null);
            fs.SetExtendedAttribute(two, "user.b", null);
            fs.Flush();
            ExtImages.MustBeClean(image);
        }
    }

    [Fact]
    public void Access_control_lists_have_the_form_of_getxattr()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4-1k");
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var file = fs.CreateFile(fs.Root, "acl", Plain);
        byte[] acl =
        [
            2, 0, 0, 0,
            1, 0, 6, 0, 255, 255, 255, 255,
            2, 0, 4, 0, 0xE8, 3, 0, 0,
            4, 0, 4, 0, 255, 255, 255, 255,
            16, 0, 4, 0, 255, 255, 255, 255,
            32, 0, 4, 0, 255, 255, 255, 255,
        ];
        fs.SetExtendedAttribute(file, "system.posix_acl_access", acl);
        fs.Flush();
        ExtImages.MustBeClean(image);
        Assert.Equal(acl, fs.GetExtendedAttributes(file)["system.posix_acl_access"]);
        Tool.MustRun("debugfs", "-R", $"ea_get -f {scratch["ea"]} /acl system.posix_acl_access", image);

        // libext2fs gives entries without an id the id 0 where the kernel says -1.
        var seen = File.ReadAllBytes(scratch["ea"]);
        Assert.Equal(acl.Select(value => value == 255 ? 0 : (int)value), seen.Select(value => (int)value));
    }

    [Theory]
    [InlineData("ext4-bigalloc", "bigalloc")]
    [InlineData("ext4-quota", "quota")]
    public void Features_that_are_not_written_are_named(string name, string feature)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, name);
        var before = File.ReadAllBytes(image);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fs = ExtImages.Open(device))
        {
            Assert.Contains(feature, fs.Info.ReadOnlyReason, StringComparison.Ordinal);
            var error = Assert.Throws<DiagnosticException>(() => fs.CreateFile(fs.Root, "x", Plain));
            Assert.Equal("FIL006", error.Diagnostic.Id);
            Assert.Contains(feature, error.Message, StringComparison.Ordinal);
            fs.Flush();
        }

        Assert.Equal(before, File.ReadAllBytes(image));
    }

    [Fact]
    public void Same_changes_give_same_bytes()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4-modern", SourceTree.Make(scratch));
        var pristine = File.ReadAllBytes(image);
        byte[] Run()
        {
            var content = (byte[])pristine.Clone();
            using var fs = ExtImages.Open(new MemoryDevice(content));
            var file = fs.CreateFile(fs.CreateDirectory(fs.Root, "d", Plain), "f", Plain);
            fs.Write(file, 5, Pattern(100_000, 1));
            fs.SetExtendedAttribute(file, "user.x", Pattern(2000, 2));
            fs.Unlink(fs.Root, "medium");
            fs.Flush();
            return content;
        }

        Assert.True(Run().AsSpan().SequenceEqual(Run()));
    }

    [Fact]
    public void Overwriting_keeps_the_blocks()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4", SourceTree.Make(scratch));
        var before = Debug(image, "blocks /large");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fs = ExtImages.Open(device))
        {
            fs.Write(SourceTree.Find(fs, "large"), 1234, Pattern(1_000_000, 5));
            fs.Flush();
        }

        Assert.Equal(before, Debug(image, "blocks /large"));
        ExtImages.MustBeClean(image);
    }

    [Fact]
    public void Renaming_follows_rename_2()
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "ext4-1k");
        using var device = FileDevice.OpenReadWrite(image);
        using var fs = ExtImages.Open(device);
        var a = fs.CreateDirectory(fs.Root, "a", Plain);
        var b = fs.CreateDirectory(a, "b", Plain);
        fs.CreateFile(b, "file", Plain);
        void Refused(string id, Action action) => Assert.Equal(id, Assert.Throws<DiagnosticException>(action).Diagnostic.Id);
        Refused("FIL002", () => fs.Rename(fs.Root, "a", b, "inside"));
        Refused("FIL002", () => fs.Rename(fs.Root, "a", a, "inside"));
        Refused("FIL001", () => fs.Rename(fs.Root, "nothing", b, "x"));
        Refused("FIL002", () => fs.Rename(b, "file", fs.Root, "a"));
        Refused("FIL002", () => fs.Rename(fs.Root, "a", b, "file"));
        Refused("FIL009", () => fs.Rename(b, "file", b, "a/b"));
        var c = fs.CreateDirectory(fs.Root, "c", Plain);
        fs.Rename(a, "b", fs.Root, "c");
        Assert.Null(fs.Lookup(a, "b"));
        Assert.Equal(b, fs.Lookup(fs.Root, "c")?.Node);
        fs.Rename(fs.Root, "c", fs.Root, "c");
        fs.Rename(b, "file", fs.Root, "file");
        Refused("FIL003", () => fs.CreateFile(fs.Root, "file", Plain));
        Refused("FIL002", () => fs.Unlink(fs.Root, "c"));
        fs.Flush();
        ExtImages.MustBeClean(image);
        _ = c;
    }

    [Fact]
    public void Forty_megabytes_are_written_fast()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["big.img"];
        using (var sparse = File.Create(path))
        {
            sparse.SetLength(6L << 30);
        }

        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", path);
        using var device = FileDevice.OpenReadWrite(path);
        var watch = Stopwatch.StartNew();
        using var fs = ExtImages.Open(device);
        var file = fs.CreateFile(fs.Root, "initrd", Plain);
        var chunk = Pattern(1 << 20, 1);
        for (var i = 0; i < 40; i++)
        {
            fs.Write(file, (long)i << 20, chunk);
        }

        fs.Flush();
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(10), $"took {watch.Elapsed}");
        Assert.Single(Debug(path, "ex /initrd").Split('\n'), line => line.Contains(" 10240 ", StringComparison.Ordinal) || line.Contains("10239", StringComparison.Ordinal));
        ExtImages.MustBeClean(path);
    }

    internal static byte[] Pattern(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static Diagnostic UntilRefused(Action<int> step)
    {
        try
        {
            for (var i = 0; i < 1_000_000; i++)
            {
                step(i);
            }
        }
        catch (DiagnosticException e)
        {
            return e.Diagnostic;
        }

        throw new InvalidOperationException("never refused");
    }

    private static string[] Arguments(string name) => ExtImages.All.Single(set => set.Name == name).Arguments;

    private static string Debug(string image, string command) => Tool.MustRun("debugfs", "-R", command, image);

    private static byte[] Dump(ScratchDirectory scratch, string image, string path)
    {
        var target = scratch["dump"];
        Tool.MustRun("debugfs", "-R", $"dump {path} {target}", image);
        var content = File.ReadAllBytes(target);
        File.Delete(target);
        return content;
    }
}
