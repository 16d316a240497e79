using Rehost.Archives.Seekable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Archives.Tests.Seekable;

public sealed class CompressedContentTests
{
    private const int MiB = 1 << 20;

    // Levels differ in blocks: -1 has few kinds, -9 long ones; zlib's default flush is none, so blocks are the only places to go on from.
    [Theory]
    [InlineData("gzip -1")]
    [InlineData("gzip -6")]
    [InlineData("gzip -9")]
    [InlineData("zstd -1 -c")]
    [InlineData("zstd -19 -c")]
    [InlineData("zstd -3 --long=24 -c")]
    public void Any_place_reads_as_compressed(string compressor)
    {
        var content = Content((11 * MiB) + 4321);
        using var device = Open(compressor, content);
        Assert.Equal(0, device.Length);
        Assert.True(device.Grow(5, CancellationToken.None));
        Assert.True(device.Length < content.Length / 2, "nobody asked for more");
        Assert.False(device.Grow(long.MaxValue, CancellationToken.None));
        Assert.True(device.IsComplete);
        Assert.Equal(content.Length, device.Length);
        CheckEverywhere(device, content, 40);
    }

    [Fact]
    public void Members_and_frames_follow_one_another()
    {
        var (a, b) = (Content((3 * MiB) + 17), Samples.Text(2 * MiB, 5));
        foreach (var compressor in (string[])["gzip -6", "zstd -c"])
        {
            byte[] joined = [.. Compressor.Run(compressor, a), .. Compressor.Run(compressor, Array.Empty<byte>()), .. Compressor.Run(compressor, b)];
            using var device = CompressedContent.Open(Compressor.KindOf(compressor), new MemoryDevice(joined), "joined", ownsFile: true);
            Assert.False(device.Grow(long.MaxValue, CancellationToken.None));
            CheckEverywhere(device, [.. a, .. b], 20);
        }
    }

    [Fact]
    public void Pieces_of_zeros_are_known_and_cost_no_room()
    {
        byte[] content = [.. Samples.Random(MiB, 1), .. new byte[6 * MiB], .. Samples.Random(MiB, 2)];
        foreach (var compressor in (string[])["gzip -6", "zstd -c"])
        {
            using var device = Open(compressor, content);
            device.Grow(long.MaxValue, CancellationToken.None);
            Assert.Equal([new Extent(0, MiB, ExtentKind.Data), new Extent(MiB, 6 * MiB, ExtentKind.Zero), new Extent(7 * MiB, MiB, ExtentKind.Data)],
                device.GetExtents(GuestOffset.Zero, device.Length));
            Assert.Equal(compressor.StartsWith("zstd", StringComparison.Ordinal) ? 2 * MiB : 0, device.ScratchBytes);
            CheckEverywhere(device, content, 10);
        }
    }

    [Fact]
    public void Several_threads_may_read()
    {
        var content = Content(9 * MiB);
        using var device = Open("gzip -6", content);
        device.Grow(long.MaxValue, CancellationToken.None);
        Parallel.For(0, 4, worker => CheckEverywhere(device, content, 10, seed: worker));
    }

    [Theory]
    [InlineData("gzip -6", "ARC004")]
    [InlineData("zstd -c --check", "ARC004")]
    public void A_flipped_bit_is_found_by_the_first_pass(string compressor, string id)
    {
        // Incompressible content: the bit changes the content and not the structure.
        var packed = Compressor.Run(compressor, Samples.Random(3 * MiB, 9));
        packed[packed.Length / 2] ^= 8;
        using var device = CompressedContent.Open(Compressor.KindOf(compressor), new MemoryDevice(packed), "broken", ownsFile: true);
        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => device.Grow(long.MaxValue, CancellationToken.None)).Diagnostic.Id);
    }

    [Fact]
    public void A_cut_file_and_a_file_with_something_behind_are_refused()
    {
        var packed = Compressor.Run("gzip -6", Content(2 * MiB));
        foreach (var bytes in (byte[][])[packed[..(packed.Length / 2)], packed[..^3], [.. packed, 1, 2, 3]])
        {
            using var device = CompressedContent.Open(CompressionKind.Gzip, new MemoryDevice(bytes), "cut", ownsFile: true);
            Assert.Throws<DiagnosticException>(() => device.Grow(long.MaxValue, CancellationToken.None));
        }

        using var padded = CompressedContent.Open(CompressionKind.Gzip, new MemoryDevice([.. packed, .. new byte[500]]), "padded", ownsFile: true);
        Assert.False(padded.Grow(long.MaxValue, CancellationToken.None));
        Assert.Equal(2 * MiB, padded.Length);
    }

    /// <summary>A bomb grows as far as it is asked to, whatever it holds.</summary>
    [Fact]
    public void A_bomb_stays_small()
    {
        var bomb = Compressor.Run("gzip -9", new byte[64 * MiB]);
        using var device = CompressedContent.Open(CompressionKind.Gzip, new MemoryDevice(bomb), "bomb", ownsFile: true);
        Assert.True(device.Grow(512, CancellationToken.None));
        Assert.InRange(device.Length, 512, 2 * MiB);
    }

    [Fact]
    public void Damaged_files_give_diagnostics_only()
    {
        var content = Content((2 * MiB) + 99);
        byte[][] good = [Compressor.Run("gzip -1", content), Compressor.Run("gzip -9", Samples.Text(60_000, 3)), Compressor.Run("zstd -c", Samples.Mixed(70_000, 4))];
        var random = new Random(20261121);
        for (var round = 0; round < 300; round++)
        {
            var bytes = Mutations.Of(good[random.Next(good.Length)], random);
            var kind = Decompressor.Detect(bytes);
            if (kind is not (CompressionKind.Gzip or CompressionKind.Zstd))
            {
                continue;
            }

            try
            {
                using var device = CompressedContent.Open(kind, new MemoryDevice(bytes), "fuzz", ownsFile: true);
                device.Grow(64 * MiB, CancellationToken.None);
                device.Read(GuestOffset.Zero, new byte[Math.Min(device.Length, 4096)]);
            }
            catch (DiagnosticException)
            {
                // What hostile input must end in.
            }
        }
    }

    private static IGrowingDevice Open(string compressor, byte[] content)
    {
        var file = new MemoryDevice(Compressor.Run(compressor, content), canWrite: false);
        Assert.Equal(Compressor.KindOf(compressor), CompressedContent.Detect(file));
        return CompressedContent.Open(Compressor.KindOf(compressor), file, "content", ownsFile: true);
    }

    private static byte[] Content(int length)
    {
        var content = Samples.Mixed(length, length);
        Samples.Random(length / 3, 6).CopyTo(content, length / 3);
        return content;
    }

    private static void CheckEverywhere(IGrowingDevice device, byte[] content, int places, int seed = 1)
    {
        Assert.Equal(content.Length, device.Length);
        var all = new byte[content.Length];
        for (var at = 0; at < all.Length; at += 700_000)
        {
            device.Read(new GuestOffset(at), all.AsSpan(at, Math.Min(700_000, all.Length - at)));
        }

        Assert.True(all.AsSpan().SequenceEqual(content));
        var random = new Random(seed);
        for (var i = 0; i < places; i++)
        {
            var offset = random.Next(content.Length);
            var part = new byte[random.Next(1, Math.Min(content.Length - offset, 2 * MiB) + 1)];
            device.Read(new GuestOffset(offset), part);
            Assert.True(part.AsSpan().SequenceEqual(content.AsSpan(offset, part.Length)));
        }
    }
}
