using System.Text;
using Rehost.Archives;
using Rehost.Conversion.Initramfs;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Initramfs;

/// <summary>The start script in an initramfs, edited: cpio unpacks what we wrote, and everything else in the archive is as it was.</summary>
public sealed class InitramfsRewriteTests
{
    private const string Script = "#!/bin/nash\nmount -t proc /proc /proc\ninsmod /lib/sd_mod.ko\n";

    [Theory]
    [InlineData("cat")]
    [InlineData("gzip -n")]
    [InlineData("bzip2")]
    [InlineData("xz --check=crc32")]
    [InlineData("lzma")]
    [InlineData("lz4 -l -q")]
    [InlineData("lzop -q")]
    [InlineData("zstd -q")]
    public void Of_every_compressor(string command)
    {
        using var scratch = new ScratchDirectory();
        var file = Initramfs(scratch, command);
        var edited = Rewrite(file);

        File.WriteAllBytes(scratch["after"], edited);
        var archive = new InitramfsArchive(edited);
        var entries = archive.ReadFiles().Select(entry => (entry.Path, entry.Entry.Mode, entry.Entry.NodeMajor, entry.Entry.NodeMinor, entry.Entry.Links)).ToList();
        Assert.Null(archive.Problem);
        Assert.Single(archive.Segments);
        Assert.Equal(command == "cat" ? CompressionKind.None : CompressionKind.Gzip, archive.Segments[0].Kind);
        Assert.Contains(entries, entry => entry is { Path: "dev/console", NodeMajor: 5, NodeMinor: 1 });
        Assert.Equal(["lib/one.ko", "lib/two.ko"], entries.Select(entry => entry.Path).TakeLast(2));

        Directory.CreateDirectory(scratch["out"]);
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch["out"]}' && ({(command == "cat" ? "cat" : "gzip -dc")} < ../after) | cpio -idm --quiet --no-absolute-filenames bin/* init lib/* 2> ../errors");
        Assert.Equal(Script + "insmod /lib/one.ko\n", File.ReadAllText(scratch["out/init"]));
        Assert.Equal("new", File.ReadAllText(scratch["out/lib/one.ko"]));
        Assert.Equal(Enumerable.Range(1, 20_000).Select(number => $"{number}"), File.ReadAllLines(scratch["out/bin/nash"]));
        Assert.Equal("nash", new FileInfo(scratch["out/bin/insmod"]).LinkTarget);
    }

    [Fact]
    public void Microcode_before_and_an_archive_behind_keep_their_bytes()
    {
        using var scratch = new ScratchDirectory();
        byte[] microcode = Archive(("kernel/x86/microcode/GenuineIntel.bin", new byte[3000]));
        byte[] behind = Archive(("etc/late", [1, 2, 3]));
        byte[] file = [.. microcode, .. Initramfs(scratch, "zstd -q"), 0, 0, 0, 0, 0];
        file = [.. file, .. new byte[-file.Length & 3], .. behind];
        var edited = Rewrite(file);

        Assert.True(edited.AsSpan().StartsWith(microcode));
        Assert.True(edited.AsSpan().EndsWith(behind));
        var archive = new InitramfsArchive(edited);
        Assert.Contains(archive.ReadFiles().ToList(), entry => entry is { Path: "lib/two.ko", Segment: 1 });
        Assert.Null(archive.Problem);
        Assert.Equal(3, archive.Segments.Count);

        // A second time nothing is there twice.
        var again = Rewrite(edited);
        Assert.Single(new InitramfsArchive(again).ReadFiles(), entry => entry.Path == "lib/two.ko");
    }

    [Fact]
    public void What_cannot_be_edited_is_named()
    {
        Assert.Equal("CNV012", Assert.Throws<DiagnosticException>(() => Rewrite(Archive(("other", [1])))).Diagnostic.Id);
        Assert.Throws<DiagnosticException>(() => Rewrite("no archive"u8.ToArray()));
        Assert.Equal("CNV012", Assert.Throws<DiagnosticException>(() => NewcEdit.Replace("070707"u8, "init", [], [], "lib", "w")).Diagnostic.Id);
    }

    [Fact]
    public void Damaged_archives_end_in_one_message()
    {
        using var scratch = new ScratchDirectory();
        var whole = Initramfs(scratch, "cat")[^4000..];
        byte[] sample = [.. Archive(("init", Encoding.ASCII.GetBytes(Script)), ("bin/x", new byte[500])), .. whole];
        var random = new Random(5);
        for (var round = 0; round < 3000; round++)
        {
            var damaged = sample.ToArray();
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                damaged[random.Next(1000)] = (byte)"0123456789abcdefF\0"[random.Next(18)];
            }

            try
            {
                _ = NewcEdit.Replace(damaged.AsSpan(0, random.Next(3) == 0 ? random.Next(damaged.Length) : damaged.Length), "init", "x"u8, [("lib/a", new byte[3])], "lib", "w");
            }
            catch (DiagnosticException)
            {
                // Refused with a name: what a damaged archive deserves.
            }
        }
    }

    private static byte[] Rewrite(byte[] file) => InitramfsRewrite.Apply(file, "init", archive => NewcEdit.Replace(
        archive, "init", Encoding.ASCII.GetBytes(Script + "insmod /lib/one.ko\n"), [("lib/one.ko", "new"u8.ToArray()), ("lib/two.ko", "two"u8.ToArray())], "lib", "test"), "test", CancellationToken.None);

    private static byte[] Archive(params (string Path, byte[] Content)[] files)
    {
        using var stream = new MemoryStream();
        var writer = new CpioWriter(stream);
        foreach (var (path, content) in files)
        {
            writer.AddFile(path, content);
        }

        writer.Finish();
        return stream.ToArray();
    }

    /// <summary>As mkinitrd makes it: device nodes, links, a module of the name that is added.</summary>
    private static byte[] Initramfs(ScratchDirectory scratch, string command)
    {
        File.WriteAllText(scratch["script"], Script);
        Tool.MustRun("sh", "-e", "-c", $"""
            cd '{scratch.Path}'; rm -rf tree; mkdir -p tree/lib tree/bin tree/dev; cd tree
            cp ../script init; chmod 755 init; seq 20000 > bin/nash; ln -s nash bin/insmod; echo old > lib/one.ko; echo sd > lib/sd_mod.ko; ln bin/nash bin/other
            find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc --reproducible > ../plain
            """);
        using var nodes = new MemoryStream();
        nodes.Write(Node("dev/console", 5, 1));
        var plain = File.ReadAllBytes(scratch["plain"]);
        File.WriteAllBytes(scratch["plain"], [.. nodes.ToArray(), .. plain]);
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch.Path}'; {command} < plain > packed");
        return File.ReadAllBytes(scratch["packed"]);
    }

    // What needs root to make with mknod is a header like any other.
    private static byte[] Node(string path, int major, int minor)
    {
        var header = $"070701{99:X8}{0x2180:X8}{0:X8}{0:X8}{1:X8}{0:X8}{0:X8}{0:X8}{0:X8}{major:X8}{minor:X8}{path.Length + 1:X8}{0:X8}{path}\0";
        return Encoding.ASCII.GetBytes(header.PadRight((header.Length + 3) & ~3, '\0'));
    }
}
