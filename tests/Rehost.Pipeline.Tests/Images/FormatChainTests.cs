using System.Security.Cryptography;
using Rehost.Pipeline.Images;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Images;

/// <summary>Random disks through random chains of formats: what comes out is what went in, whatever lay between.</summary>
public sealed class FormatChainTests
{
    private static readonly (string Extension, string Format, string Compression, string? SubFormat)[] Formats =
    [
        ("qcow2", "qcow2", "none", null), ("qcow2", "qcow2", "zlib", null), ("qcow2", "qcow2", "zstd", null),
        ("vmdk", "vmdk", "none", "streamOptimized"), ("vmdk", "vmdk", "none", "monolithicSparse"),
        ("vhd", "vhd", "none", "dynamic"), ("vhd", "vhd", "none", "fixed"), ("vhdx", "vhdx", "none", null), ("vdi", "vdi", "none", null),
        ("xva", "xva", "none", null), ("ova", "ova", "none", null), ("ovf", "ovf", "none", null), ("raw", "raw", "none", null),
    ];

    [Fact]
    public void Any_chain_of_formats_keeps_the_disk() // S3.3, S3.5, X.4
    {
        for (var seed = 1; seed <= Fuzzing.Rounds(6); seed++)
        {
            var random = new Random(seed);
            using var scratch = new ScratchDirectory();
            var content = RandomDisk(random);
            File.WriteAllBytes(scratch["0.raw"], content);
            var (path, trail) = (scratch["0.raw"], "raw");
            for (var step = 1; step <= 5; step++)
            {
                var (extension, format, compression, subFormat) = Formats[random.Next(Formats.Length)];
                var next = scratch[$"{step}.{extension}"];
                trail += $" → {format} {subFormat ?? compression}";
                ImageConversion.Run(
                    new ImageConversionRequest(new ImageRequest(path), next) { Format = format, Compression = compression, SubFormat = subFormat, Verifies = step == 2 },
                    new SilentProgress(), TestContext.Current.CancellationToken);
                path = next;
            }

            ImageConversion.Run(new ImageConversionRequest(new ImageRequest(path), scratch["end.raw"]) { Format = "raw" }, new SilentProgress(), TestContext.Current.CancellationToken);
            var found = File.ReadAllBytes(scratch["end.raw"]);

            // Some formats count in larger units than a sector: what they add reads as zeros.
            Assert.True(found.Length >= content.Length && SHA256.HashData(found.AsSpan(0, content.Length)).AsSpan().SequenceEqual(SHA256.HashData(content)), $"seed {seed}: {trail}");
            Assert.False(found.AsSpan(content.Length).ContainsAnyExcept((byte)0), $"seed {seed}: {trail}");
        }
    }

    private static byte[] RandomDisk(Random random)
    {
        var disk = new byte[512 * random.Next(1, 20_000)];
        for (var extents = random.Next(1, 30); extents > 0; extents--)
        {
            var at = random.Next(disk.Length);
            var piece = disk.AsSpan(at, Math.Min(disk.Length - at, random.Next(1, 1 << random.Next(1, 22))));
            if (random.Next(3) == 0)
            {
                piece.Fill((byte)random.Next(256));
            }
            else
            {
                random.NextBytes(piece);
            }
        }

        return disk;
    }
}
