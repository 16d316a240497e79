using Rehost.Model;

namespace Rehost.Archives.Tests;

/// <summary>Archives one after the other, as kernels unpack them (init/initramfs.c).</summary>
public sealed class InitramfsArchiveTests
{
    private static readonly byte[] Microcode = Cpio("kernel/x86/microcode/GenuineIntel.bin", 3000);
    private static readonly byte[] First = Cpio("first", 100);
    private static readonly byte[] Second = Cpio("second", 70_000);

    [Theory]
    [InlineData("gzip")]
    [InlineData("bzip2")]
    [InlineData("lzma -1")]
    [InlineData("xz --check=crc32 -1")]
    [InlineData("lzop")]
    [InlineData("lz4 -l")]
    [InlineData("zstd -3")]
    public void Microcode_padding_and_a_compressed_archive(string command)
    {
        var packed = Compressor.Run(command, Second);
        byte[] file = [.. Microcode, .. new byte[4096 - (Microcode.Length % 4096)], .. packed, .. new byte[1000]];
        var archive = new InitramfsArchive(file);
        Assert.Equal(["0 kernel/x86/microcode/GenuineIntel.bin 3000", "1 second 70000"], List(archive));
        Assert.Null(archive.Problem);
        Assert.Equal(2, archive.Segments.Count);
        Assert.True(archive.Segments[0].IsMicrocode);
        Assert.Equal(Compressor.KindOf(command), archive.Segments[1].Kind);
        Assert.Equal(4096, archive.Segments[1].Offset);
        Assert.Equal(packed.Length, archive.Segments[1].Length);
        Assert.Equal(Second.Length, archive.Segments[1].ContentLength);
    }

    [Fact]
    public void Raw_archives_one_after_the_other()
    {
        var archive = new InitramfsArchive([.. First, .. Second, .. new byte[12], .. First]);
        Assert.Equal(["0 first 100", "1 second 70000", "2 first 100"], List(archive));
        Assert.Null(archive.Problem);
        Assert.Equal([0, First.Length, First.Length + Second.Length + 12], archive.Segments.Select(segment => (int)segment.Offset));
    }

    [Fact]
    public void Different_compressors_one_after_the_other()
    {
        var gzip = Compressor.Run("gzip", First);
        byte[] file = [.. gzip, .. Compressor.Run("zstd", Second), .. Compressor.Run("gzip", Second)];
        file = [.. file, .. new byte[(4 - (file.Length % 4)) % 4], .. First];
        var archive = new InitramfsArchive(file);
        Assert.Equal(["0 first 100", "1 second 70000", "2 second 70000", "3 first 100"], List(archive));
        Assert.Null(archive.Problem);
    }

    [Fact]
    public void Several_archives_inside_one_compressed_member()
    {
        var archive = new InitramfsArchive(Compressor.Run("zstd", (byte[])[.. First, .. new byte[20_000], .. Second, .. new byte[40_000]]));
        Assert.Equal(["0 first 100", "0 second 70000"], List(archive));
        Assert.Null(archive.Problem);
        Assert.Equal(2, Assert.Single(archive.Segments).Entries);
    }

    /// <summary>The kernel takes a raw archive only at a multiple of four; anywhere else it stops with "invalid magic".</summary>
    [Fact]
    public void Raw_archive_at_an_odd_place_is_a_problem()
    {
        var archive = new InitramfsArchive([.. First, .. new byte[2], .. Second]);
        Assert.Equal(["0 first 100"], List(archive));
        Assert.Equal("ARC013", archive.Problem?.Id);
    }

    [Fact]
    public void Problems_end_the_walk_with_what_was_found()
    {
        var junk = new InitramfsArchive([.. First, .. "not an archive"u8]);
        Assert.Equal(["0 first 100"], List(junk));
        Assert.Equal("ARC013", junk.Problem?.Id);

        var truncated = new InitramfsArchive([.. First, .. Second[..5000]]);
        Assert.Equal("0 first 100", List(truncated)[0]);
        Assert.Equal("ARC002", truncated.Problem?.Id);

        var packed = Compressor.Run("gzip", Second);
        packed[^5] ^= 1;
        var damaged = new InitramfsArchive([.. First, .. packed]);
        Assert.Equal(["0 first 100", "1 second 70000"], List(damaged));
        Assert.NotNull(damaged.Problem);

        Assert.Empty(List(new InitramfsArchive([])));
        Assert.Empty(List(new InitramfsArchive(new byte[100_000])));
    }

    [Fact]
    public void Bombs_are_stopped()
    {
        var bomb = Compressor.Run("zstd -1", Cpio("big", 20_000_000));
        var archive = new InitramfsArchive(bomb, maxContent: 1_000_000);
        List(archive);
        Assert.Equal("ARC006", archive.Problem?.Id);

        // Raw content counts as well, without going below zero.
        archive = new InitramfsArchive([.. Second, .. bomb], maxContent: 1000);
        List(archive);
        Assert.Equal("ARC006", archive.Problem?.Id);

        var many = new byte[First.Length * 2000];
        for (var i = 0; i < 2000; i++)
        {
            First.CopyTo(many, i * First.Length);
        }

        archive = new InitramfsArchive(many);
        Assert.Equal(InitramfsArchive.MaxArchives, List(archive).Length);
        Assert.Equal("ARC013", archive.Problem?.Id);
        archive = new InitramfsArchive(Compressor.Run("gzip", many));
        Assert.Equal(InitramfsArchive.MaxArchives, List(archive).Length);
        Assert.Equal("ARC013", archive.Problem?.Id);
    }

    [Fact]
    public void Mutated_files_end_in_a_problem()
    {
        byte[] valid = [.. Microcode, .. Compressor.Run("zstd", First), .. Compressor.Run("gzip", First), .. Compressor.Run("xz -0", First), .. new byte[100]];
        var random = new Random(3);
        var problems = 0;
        for (var round = 0; round < 600; round++)
        {
            var archive = new InitramfsArchive(Mutations.Of(valid, random), maxContent: 1 << 20);
            foreach (var file in archive.ReadFiles())
            {
                try
                {
                    file.ReadAll(4096);
                }
                catch (DiagnosticException)
                {
                    break;
                }
            }

            problems += archive.Problem is null ? 0 : 1;
        }

        Assert.InRange(problems, 200, 600);
    }

    private static string[] List(InitramfsArchive archive) => [.. archive.ReadFiles().Where(file => file.Entry.IsFile).Select(file => $"{file.Segment} {file.Path} {file.Entry.Size}")];

    private static byte[] Cpio(string path, int size)
    {
        using var stream = new MemoryStream();
        var writer = new CpioWriter(stream);
        writer.AddFile(path, size > 1_000_000 ? new byte[size] : Samples.Mixed(size, size));
        writer.Finish(4);
        return stream.ToArray();
    }
}
