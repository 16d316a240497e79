using Rehost.Model;

namespace Rehost.Archives.Tests;

/// <summary>Whatever the field's compressors write is read back, byte for byte, and not one byte more than the member has is consumed.</summary>
public sealed class DecompressorTests
{
    public static TheoryData<string> Commands =>
    [
        "gzip -1", "gzip -6", "gzip -9",
        "bzip2 -1", "bzip2 -9",
        "lzma -0", "lzma -9", "xz --format=lzma --lzma1=lc=0,lp=2,pb=0,dict=64KiB",
        "xz -0", "xz -6", "xz -9e", "xz --check=crc32 --lzma2=dict=1MiB", "xz --check=none", "xz --check=sha256 -1", "xz --x86 --lzma2=preset=6", "xz --block-size=100000 -3",
        "xz --lzma2=lc=0,lp=4,pb=1",
        "lzop -1", "lzop -3", "lzop -9", "lzop -C -7",
        "lz4 -l -1", "lz4 -l -9", "lz4 -1", "lz4 -9 -BD", "lz4 -5 -BX -B5 --content-size",
        "zstd -1", "zstd -3", "zstd -9", "zstd -19", "zstd --ultra -22 --zstd=wlog=20,clog=18,hlog=18", "zstd --long=27 -3", "zstd --no-check -6", "zstd --fast=5", "zstd -12",
    ];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Reads_what_the_compressor_wrote(string command) =>
        Check(command, Samples.Text(65_537, 1), Samples.Mixed(300_001, 2), Samples.Random(70_000, 3), new byte[1_000_000]);

    [Theory]
    [InlineData("gzip -6")]
    [InlineData("bzip2 -1")]
    [InlineData("lzma -1")]
    [InlineData("xz -1")]
    [InlineData("xz --x86 --lzma2=preset=1")]
    [InlineData("lzop -3")]
    [InlineData("lz4 -l -1")]
    [InlineData("lz4 -1")]
    [InlineData("zstd -3")]
    public void Reads_data_of_any_size(string command) =>
        Check(command, [.. new[] { 0, 1, 2, 3, 4, 5, 100, 65_535, 65_536, 131_073 }.Select(size => Samples.Mixed(size, size + 1))]);

    [Theory]
    [InlineData("gzip -6")]
    [InlineData("bzip2 -1")]
    [InlineData("xz -1")]
    [InlineData("xz --x86 --lzma2=preset=1")]
    [InlineData("lzma -1")]
    [InlineData("lzop -3")]
    [InlineData("lz4 -l -1")]
    [InlineData("lz4 -3 -BD")]
    [InlineData("zstd -6")]
    public void Reads_several_megabytes(string command) => Check(command, Samples.SeveralMegabytes);

    [Theory]
    [InlineData("gzip -6")]
    [InlineData("bzip2 -9")]
    [InlineData("xz -6")]
    [InlineData("lzop -3")]
    [InlineData("lz4 -l -9")]
    [InlineData("lz4 -9")]
    [InlineData("zstd -15")]
    public void Reads_concatenated_members(string command)
    {
        var first = Samples.Text(100_000, 5);
        var second = Samples.Mixed(50_000, 6);
        var both = (byte[])[.. Compressor.Run(command, first), .. Compressor.Run(command, second)];
        Assert.Equal([.. first, .. second], Decompressor.DecompressAll(both, 1 << 20));
    }

    [Fact]
    public void Reads_skippable_frames_and_xz_stream_padding()
    {
        var text = Samples.Text(10_000, 5);
        byte[] skippable = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 9, 9, 9];
        var zstd = Compressor.Run("zstd", text);
        Assert.Equal([.. text, .. text], Decompressor.DecompressAll(CompressionKind.Zstd, (byte[])[.. skippable, .. zstd, .. skippable, .. zstd], 1 << 20));
        var xz = Compressor.Run("xz", text);
        Assert.Equal([.. text, .. text], Decompressor.DecompressAll((byte[])[.. xz, 0, 0, 0, 0, .. xz, 0, 0, 0, 0], 1 << 20));
    }

    [Theory]
    [InlineData("gzip -1")]
    [InlineData("bzip2 -9")]
    [InlineData("xz -0")]
    [InlineData("lzma -0")]
    [InlineData("lzop -1")]
    [InlineData("lz4 -l -1")]
    [InlineData("lz4 -1")]
    [InlineData("zstd -1")]
    public void Stops_a_decompression_bomb(string command)
    {
        var bomb = Compressor.Run(command, new byte[20_000_000]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(bomb, 1_000_000));
        Assert.Equal("ARC006", error.Diagnostic.Id);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20);
    }

    // From a pipe, where the tools do not know that the input is tiny.
    [Theory]
    [InlineData("cat | zstd -1 --long=28")]
    [InlineData("xz --lzma2=preset=0,dict=192MiB")]
    [InlineData("xz --format=lzma --lzma1=preset=0,dict=192MiB")]
    public void Refuses_too_large_a_window(string command)
    {
        var packed = Compressor.Run(command, Samples.Text(1000, 1));
        var error = Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(packed, 1L << 30));
        Assert.Equal("ARC007", error.Diagnostic.Id);
    }

    /// <summary>The tools write an end mark and no size; the LZMA SDK and old lzma-utils write the size and no mark. One LZMA2 chunk is such a stream.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2000)]
    [InlineData(60_000)]
    public void Reads_lzma_with_a_size_and_no_end_mark(int size)
    {
        var text = Samples.Text(size, 4);
        if (size == 1)
        {
            // Too short to be worth a compressed chunk otherwise.
            text = new byte[40];
        }

        var chunk = Compressor.Run("xz --format=raw --lzma2=preset=1,dict=1MiB", text);
        Assert.InRange(chunk[0], 0xE0, 0xFF);
        var length = (chunk[3] << 8) + chunk[4] + 1;
        byte[] lzma = [chunk[5], 0, 0, 0x10, 0, .. BitConverter.GetBytes((long)text.Length), .. chunk[6..(6 + length)]];
        Assert.Equal(CompressionKind.Lzma, Decompressor.Detect(lzma));
        using var stream = Decompressor.Open(CompressionKind.Lzma, (byte[])[.. lzma, .. "070701"u8], 1 << 20);
        using var result = new MemoryStream();
        stream.CopyTo(result);
        Assert.Equal(text, result.ToArray());
        Assert.Equal(lzma.Length, stream.InputConsumed);

        // One byte more or less than the stream has.
        lzma[5]++;
        Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(CompressionKind.Lzma, lzma, 1 << 20));
        lzma[5] -= 2;
        Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(CompressionKind.Lzma, lzma, 1 << 20));
    }

    [Fact]
    public void Unknown_data_is_left_alone_or_refused()
    {
        var text = Samples.Text(100, 1);
        Assert.Equal(CompressionKind.None, Decompressor.Detect(text));
        Assert.Equal(text, Decompressor.DecompressAll(text, 10_000));
        Assert.Equal("ARC001", Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(CompressionKind.None, text, 10_000)).Diagnostic.Id);
    }

    [Fact]
    public void Stops_when_cancelled()
    {
        using var source = new CancellationTokenSource();
        using var stream = Decompressor.Open(CompressionKind.Gzip, Compressor.Run("gzip -1", Samples.SeveralMegabytes), long.MaxValue, cancellationToken: source.Token);
        Assert.NotEqual(-1, stream.ReadByte());
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => stream.CopyTo(Stream.Null));
    }

    private static void Check(string command, params byte[][] samples)
    {
        var kind = Compressor.KindOf(command);
        foreach (var (data, packed) in samples.Zip(Compressor.Run(command, samples)))
        {
            // The .lzma format has no magic number: only the properties that the kernel too knows it by are detected.
            if (packed.Length >= 14 && !command.Contains("lp=2", StringComparison.Ordinal))
            {
                Assert.Equal(kind, Decompressor.Detect(packed));
            }

            // Something else follows, as in an initramfs. A legacy LZ4 frame has no end mark, so what follows must be no block size.
            var file = (byte[])[.. packed, .. "070701 and so on"u8];
            using var trickle = new TrickleStream(file);
            foreach (var stream in new[] { Decompressor.Open(kind, file, data.Length), Decompressor.Open(kind, trickle, data.Length) })
            {
                using (stream)
                using (var result = new MemoryStream())
                {
                    stream.CopyTo(result);
                    Assert.True(data.AsSpan().SequenceEqual(result.ToArray()), $"{command} of {data.Length} bytes");
                    Assert.Equal(packed.Length, stream.InputConsumed);
                    Assert.Equal(data.Length, stream.OutputProduced);
                }
            }
        }
    }
}
