using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

/// <summary>Random operations of qemu-io on a chain with snapshots, followed by a model in memory.</summary>
public sealed class Qcow2PropertyTests
{
    private const int Length = (2 << 20) + 1536;

    [Theory]
    [InlineData("cluster_size=64k", 1)]
    [InlineData("cluster_size=512", 2)]
    [InlineData("cluster_size=16k,extended_l2=on", 3)]
    [InlineData("cluster_size=128k,extended_l2=on,compression_type=zstd", 4)]
    [InlineData("cluster_size=4k,compression_type=zstd", 5)]
    public void RandomWritesThroughAChain(string options, int seed)
    {
        using var scratch = new ScratchDirectory();
        var random = new Random(seed);
        var model = new byte[Length];
        var snapshots = new List<(string Path, string Name, byte[] Content)>();
        string? below = null;
        for (var layer = 0; layer < 3; layer++)
        {
            var path = scratch[$"{layer}.qcow2"];
            Tool.MustRun("qemu-img", ["create", "-f", "qcow2", "-o", options, .. below is null ? Array.Empty<string>() : ["-b", Path.GetFileName(below), "-F", "qcow2"], path, $"{Length}"]);
            Tool.MustRun("qemu-io", ["-f", "qcow2", .. CompressedWrites(random, model, ClusterOf(options)), path]);
            for (var round = 0; round < 3; round++)
            {
                var commands = new List<string>();
                for (var i = 0; i < 12; i++)
                {
                    commands.AddRange(["-c", RandomCommand(random, model)]);
                }

                Tool.MustRun("qemu-io", ["-f", "qcow2", .. commands, path]);
                Qcow2Samples.CheckAgainstModel(path, null, model);
                if (round < 2)
                {
                    Tool.MustRun("qemu-img", "snapshot", "-c", $"s{round}", path);
                    snapshots.Add((path, $"s{round}", (byte[])model.Clone()));
                }
            }

            below = path;
        }

        foreach (var (path, name, content) in snapshots)
        {
            Qcow2Samples.CheckAgainstModel(path, name, content);
        }

        // What is read through the chain and written again is the same disk, and QEMU agrees.
        using var top = Qcow2Samples.Open(scratch["2.qcow2"]);
        foreach (var compression in Enum.GetValues<ImageCompression>())
        {
            var content = new byte[Length];
            top.Read(GuestOffset.Zero, content);
            Qcow2Samples.Write(scratch[$"{compression}"], content, new ImageWriterOptions(compression) { UnitBytes = 512 << random.Next(13) }, seed);
            Tool.MustRun("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", scratch[$"{compression}"], scratch["2.qcow2"]);
        }
    }

    private static string RandomCommand(Random random, byte[] model)
    {
        var unit = random.Next(3) switch { 0 => 512, 1 => 4096, _ => 65536 };
        var offset = random.Next(Length / unit) * unit;
        var count = Math.Min(Length - offset, random.Next(1, 8) * unit);
        var value = (byte)random.Next(1, 256);
        var kind = random.Next(6);
        model.AsSpan(offset, count).Fill(kind < 2 ? (byte)0 : value);
        return kind switch
        {
            0 => $"write -z {offset} {count}",
            1 => $"write -z -u {offset} {count}",
            _ => $"write -P {value} {offset} {count}",
        };
    }

    /// <summary>
    /// Compressed clusters come first, in a process of their own: QEMU 7.2 compresses only into clusters that the image does not have yet, and writes the
    /// next one over plain data when the cluster that held the last one was freed and given away meanwhile.
    /// </summary>
    private static IEnumerable<string> CompressedWrites(Random random, byte[] model, int cluster)
    {
        foreach (var index in Enumerable.Range(0, 6).Select(_ => random.Next(Length / cluster)).Distinct())
        {
            var value = (byte)random.Next(1, 256);
            model.AsSpan(index * cluster, cluster).Fill(value);
            yield return "-c";
            yield return $"write -c -P {value} {index * cluster} {cluster}";
        }
    }

    private static int ClusterOf(string options)
    {
        var size = options.Split(',')[0]["cluster_size=".Length..];
        return size.EndsWith('k') ? int.Parse(size[..^1], null) << 10 : int.Parse(size, null);
    }
}
