using System.Diagnostics;
using Rehost.Model;

namespace Rehost.Archives.Tests;

/// <summary>Hostile streams: whatever a mutation makes of a valid one, decoding ends in time, within its limit, and in nothing but a diagnostic.</summary>
public sealed class DecoderFuzzTests
{
    private const int Limit = 1 << 20;

    [Theory]
    [InlineData("gzip -6")]
    [InlineData("gzip -1")]
    [InlineData("bzip2 -1")]
    [InlineData("lzma -1")]
    [InlineData("xz --check=crc32 -1")]
    [InlineData("xz --x86 --check=none --lzma2=preset=1")]
    [InlineData("lzop -3")]
    [InlineData("lzop -C -7")]
    [InlineData("lz4 -l -9")]
    [InlineData("lz4 -9 -BD --no-frame-crc")]
    [InlineData("lz4 -1 -BX -B4")]
    [InlineData("zstd --no-check -1")]
    [InlineData("zstd --no-check -15")]
    [InlineData("zstd -6")]
    public void Mutated_streams_end_in_a_diagnostic(string command)
    {
        var kind = Compressor.KindOf(command);
        var samples = Compressor.Run(command, [Samples.Mixed(9000, 1), Samples.Text(4000, 2), Samples.Random(300, 3), []]);
        var random = new Random(command.Length);
        var watch = Stopwatch.StartNew();
        var refused = 0;
        for (var round = 0; round < 400; round++)
        {
            var hostile = Mutations.Of(samples[round % samples.Count], random);
            refused += Decode(kind, hostile, Limit) is not null ? 1 : 0;
        }

        Assert.InRange(refused, 100, 400);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"400 rounds took {watch.Elapsed}");
    }

    /// <summary>No mutation gets past a check sum to a 131072-fold expansion, so the inner decoders are also fed with noise behind a valid header.</summary>
    [Theory]
    [InlineData("gzip -1", 10)]
    [InlineData("bzip2 -1", 14)]
    [InlineData("lzma -1", 14)]
    [InlineData("xz --check=none -0", 24)]
    [InlineData("lzop -1", 38)]
    [InlineData("lz4 -l -1", 8)]
    [InlineData("lz4 -1", 7)]
    [InlineData("zstd --no-check -1", 6)]
    public void Noise_behind_a_valid_header_ends_in_a_diagnostic(string command, int header)
    {
        var kind = Compressor.KindOf(command);
        var valid = Compressor.Run(command, Samples.Text(5000, 2));
        var random = new Random(header);
        for (var round = 0; round < 300; round++)
        {
            var hostile = Samples.Random(random.Next(header, 3000), round);
            valid.AsSpan(0, header).CopyTo(hostile);
            if (round % 3 == 0)
            {
                hostile.AsSpan(header).Fill((byte)random.Next(256));
            }

            Decode(kind, hostile, Limit);
        }
    }

    [Theory]
    [InlineData("gzip -6")]
    [InlineData("bzip2 -1")]
    [InlineData("lzma -1")]
    [InlineData("xz -1")]
    [InlineData("lzop -3")]
    [InlineData("lz4 -9")]
    [InlineData("zstd -6")]
    public void Truncated_streams_are_told_as_such(string command)
    {
        var kind = Compressor.KindOf(command);
        var packed = Compressor.Run(command, Samples.Text(3000, 2));
        for (var length = 0; length < packed.Length; length += 1 + (packed.Length / 300))
        {
            // What LZMA makes of the zeros behind the end may be an impossible match before it is noticed that there is nothing.
            Assert.Contains(Decode(kind, packed[..length], Limit), kind == CompressionKind.Lzma ? ["ARC002", "ARC003"] : (string[])["ARC002"]);
        }
    }

    /// <summary>Every bit of a stream with checksums counts, but for those that hold no data (names, times, padding).</summary>
    [Theory]
    [InlineData("gzip -6 -n", 10)]
    [InlineData("bzip2 -1", 4)]
    [InlineData("xz -1", 0)]
    [InlineData("lzop -3", 0)]
    [InlineData("lz4 -9", 0)]
    [InlineData("zstd -6", 6)]
    public void A_flipped_bit_is_never_overlooked(string command, int from)
    {
        var kind = Compressor.KindOf(command);
        var text = Samples.Text(2000, 2);
        var packed = Compressor.Run(command, text);
        for (var at = from; at < packed.Length; at += 3)
        {
            var flipped = (byte[])packed.Clone();
            flipped[at] ^= (byte)(1 << (at % 8));
            var error = Decode(kind, flipped, Limit, out var result);
            Assert.True(error is not null || result.AsSpan().SequenceEqual(text), $"byte {at}");
        }
    }

    [Fact]
    public void Thousands_of_empty_members_are_refused()
    {
        foreach (var command in (string[])["gzip", "bzip2", "xz", "lz4", "zstd"])
        {
            var empty = Compressor.Run(command, Array.Empty<byte>());
            var many = new byte[empty.Length * 3000];
            for (var i = 0; i < 3000; i++)
            {
                empty.CopyTo(many, i * empty.Length);
            }

            Assert.Equal("ARC005", Assert.Throws<DiagnosticException>(() => Decompressor.DecompressAll(Compressor.KindOf(command), many, 1 << 20)).Diagnostic.Id);
        }
    }

    private static string? Decode(CompressionKind kind, byte[] data, int limit) => Decode(kind, data, limit, out _);

    private static string? Decode(CompressionKind kind, byte[] data, int limit, out byte[] result)
    {
        result = [];
        try
        {
            result = Decompressor.DecompressAll(kind, data, limit);
            Assert.True(result.Length <= limit);
            return null;
        }
        catch (DiagnosticException e)
        {
            Assert.StartsWith("ARC0", e.Diagnostic.Id, StringComparison.Ordinal);
            return e.Diagnostic.Id;
        }
    }
}
