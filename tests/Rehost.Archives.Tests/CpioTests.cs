using System.Text;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Archives.Tests;

/// <summary>GNU cpio reads what we write, and we read what it writes.</summary>
public sealed class CpioTests
{
    private static readonly byte[] Big = Samples.Mixed(200_001, 9);

    [Fact]
    public void Cpio_unpacks_what_was_written()
    {
        var archive = Write();
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["a"], archive);
        Directory.CreateDirectory(scratch["root"]);
        var listed = Tool.MustRun("sh", "-e", "-c", $"cd '{scratch["root"]}'; cpio -id --quiet < ../a; cpio -it --quiet < ../a");
        Assert.Equal("d\nd/empty\nd/one\nd/big\nd/link\nd/a name with blanks\nf\n", listed);
        Assert.Equal(Big, File.ReadAllBytes(scratch["root/d/big"]));
        Assert.Equal("1", File.ReadAllText(scratch["root/d/one"]));
        Assert.Equal(0, new FileInfo(scratch["root/d/empty"]).Length);
        Assert.Equal("../somewhere/else", File.ResolveLinkTarget(scratch["root/d/link"], false) is { } ? new FileInfo(scratch["root/d/link"]).LinkTarget : null);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(scratch["root/f"]) & ~(UnixFileMode.GroupRead | UnixFileMode.OtherRead));

        // Owner, time, inode and link count as written: nothing of the machine that wrote it.
        var verbose = Tool.MustRun("sh", "-c", $"TZ=UTC cpio -itvn --quiet < '{scratch["a"]}'");
        Assert.All(verbose.TrimEnd().Split('\n'), line => Assert.Matches("^[-dl][rwx-]{9} +[12] 0 +0 +[0-9]+ Jan +1 +1970 ", line));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(512)]
    [InlineData(4096)]
    public void Archive_is_padded_and_the_same_each_time(int alignment)
    {
        Assert.Equal(0, Write(alignment).Length % alignment);
        Assert.Equal(Write(alignment), Write(alignment));
    }

    [Theory]
    [InlineData("newc")]
    [InlineData("crc")]
    [InlineData("odc")]
    public void Reads_what_cpio_wrote(string format)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["big"], Big);
        Tool.MustRun("sh", "-e", "-c", $"""
            cd '{scratch.Path}'; mkdir -p tree/sub; cd tree; cp ../big sub/big; : > empty; ln -s sub/big link; printf x > one; ln one two; mkfifo pipe; chmod 4750 one
            printf y > "$(printf 'latin\351')"
            find . | LC_ALL=C sort | cpio --quiet -o -H {format} > ../archive
            rm -r ../tree
            """);
        var bytes = File.ReadAllBytes(scratch["archive"]);
        var reader = new CpioReader(new TrickleStream(bytes));
        var found = new Dictionary<string, CpioEntry>();
        var content = new Dictionary<string, byte[]>();
        while (reader.Next() is { } entry)
        {
            found.Add(entry.Path, entry);
            if (entry.Path != "sub/big" || format != "odc")
            {
                content.Add(entry.Path, reader.ReadAllContent(1 << 20));
            }
        }

        Assert.Null(reader.Next());
        var latin = GuestText.Decode([.. "latin"u8, 0xE9]);
        Assert.Equal(((string[])["", "empty", latin, "link", "one", "pipe", "sub", "sub/big", "two"]).Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        Assert.True(found["sub"].IsDirectory && found["link"].IsSymbolicLink && found["one"].IsFile && found["one"].IsHardLink && !found["pipe"].IsFile);
        Assert.Equal(0x89E8u, found["one"].Mode);
        Assert.Equal(found["one"].Inode, found["two"].Inode);
        Assert.Equal("sub/big", Encoding.ASCII.GetString(content["link"]));
        Assert.Equal(Big.Length, found["sub/big"].Size);
        Assert.Equal("x", Encoding.ASCII.GetString(content["two"]));
        Assert.Equal("y", Encoding.ASCII.GetString(content[latin]));
        if (format != "odc")
        {
            Assert.Equal(Big, content["sub/big"]);
        }

        // Behind the trailer there is only cpio's own padding.
        Assert.Equal(-1, bytes.AsSpan((int)reader.Position).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Checks_the_checksum_of_the_crc_format()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-e", "-c", $"cd '{scratch.Path}'; printf hello > f; echo f | cpio --quiet -o -H crc > archive");
        var bytes = File.ReadAllBytes(scratch["archive"]);
        bytes[bytes.AsSpan().IndexOf("hello"u8)] ^= 1;
        var reader = new CpioReader(new MemoryStream(bytes));
        Assert.NotNull(reader.Next());
        Assert.Equal("ARC004", Assert.Throws<DiagnosticException>(() => reader.Next()).Diagnostic.Id);
    }

    [Theory]
    [InlineData("/absolute")]
    [InlineData("a/../b")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("a/")]
    [InlineData("a\0b")]
    [InlineData("TRAILER!!!")]
    public void Names_that_mean_something_else_are_refused(string name) =>
        Assert.Equal("ARC012", Assert.Throws<DiagnosticException>(() => new CpioWriter(new MemoryStream()).AddFile(name, [])).Diagnostic.Id);

    [Fact]
    public void Names_may_be_as_long_as_the_kernel_takes()
    {
        var longest = string.Join('/', Enumerable.Repeat(new string('n', 15), 256));
        Assert.Equal(4095, longest.Length);
        using var stream = new MemoryStream();
        var writer = new CpioWriter(stream);
        writer.AddFile(longest, "x"u8);
        writer.Finish();
        Assert.Throws<InvalidOperationException>(() => writer.AddFile("more", []));
        stream.Position = 0;
        Assert.Equal(longest, new CpioReader(stream).Next()?.Name);
        Assert.Equal("ARC012", Assert.Throws<DiagnosticException>(() => new CpioWriter(new MemoryStream()).AddFile(longest + "n", [])).Diagnostic.Id);
    }

    [Fact]
    public void Claimed_sizes_cost_nothing()
    {
        var header = Encoding.ASCII.GetBytes("070701" + string.Concat(Enumerable.Repeat("00000001", 6)) + "FFFFFFF0" + string.Concat(Enumerable.Repeat("00000000", 4)) + "00000002" + "00000000" + "f\0");
        header[14 + 4] = (byte)'8';
        var reader = new CpioReader(new MemoryStream(header));
        Assert.Equal(0xFFFFFFF0, reader.Next()?.Size);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("ARC011", Assert.Throws<DiagnosticException>(() => reader.ReadAllContent(1 << 20)).Diagnostic.Id);
        Assert.Equal("ARC011", Assert.Throws<DiagnosticException>(() => reader.ReadAllContent(long.MaxValue)).Diagnostic.Id);
        Assert.Equal("ARC002", Assert.Throws<DiagnosticException>(() => reader.Next()).Diagnostic.Id);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
    }

    [Fact]
    public void Mutated_archives_end_in_a_diagnostic()
    {
        var random = new Random(11);
        byte[][] valid = [Write(), Encoding.ASCII.GetBytes("0707070000020000011006440000000000000000010000000000000000000000200000000003f\0abc"
            + "0707070000000000000000000000000000000000010000000000000000000001300000000000TRAILER!!!\0")];
        var refused = 0;
        for (var round = 0; round < 2000; round++)
        {
            var hostile = Mutations.Of(valid[round % 2][..Math.Min(valid[round % 2].Length, 900)], random);
            var reader = new CpioReader(new MemoryStream(hostile));
            try
            {
                while (reader.Next() is { } entry)
                {
                    Assert.True(reader.ReadAllContent(10_000).Length == entry.Size);
                }
            }
            catch (DiagnosticException e)
            {
                Assert.StartsWith("ARC0", e.Diagnostic.Id, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.InRange(refused, 1000, 2000);
    }

    private static byte[] Write(int alignment = 512)
    {
        using var stream = new MemoryStream();
        var writer = new CpioWriter(stream);
        writer.AddDirectory("d");
        writer.AddFile("d/empty", []);
        writer.AddFile("d/one", "1"u8);
        writer.AddFile("d/big", Big);
        writer.AddSymbolicLink("d/link", "../somewhere/else");
        writer.AddFile("d/a name with blanks", "12345"u8);
        writer.AddFile("f", "abc"u8, 0x1E4);
        writer.Finish(alignment);
        return stream.ToArray();
    }
}
