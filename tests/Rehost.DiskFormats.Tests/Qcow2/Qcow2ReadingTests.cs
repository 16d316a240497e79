using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

/// <summary>What QEMU writes, we read; what we read, we write back to the same bytes.</summary>
public sealed class Qcow2ReadingTests
{
    [Theory]
    [InlineData("compat=1.1", 3 << 20)]
    [InlineData("compat=0.10", (3 << 20) + 512)]
    [InlineData("cluster_size=512", 300_032)]
    [InlineData("cluster_size=1k", 300_032)]
    [InlineData("cluster_size=2k,compat=0.10", 300_032)]
    [InlineData("cluster_size=4k", 900_096)]
    [InlineData("cluster_size=8k", 900_096)]
    [InlineData("cluster_size=16k", 900_096)]
    [InlineData("cluster_size=32k", 900_096)]
    [InlineData("cluster_size=128k", 2 << 20)]
    [InlineData("cluster_size=256k", 3 << 20)]
    [InlineData("cluster_size=512k", 5 << 20)]
    [InlineData("cluster_size=1M", 5 << 20)]
    [InlineData("cluster_size=2M", (5 << 20) + 512)]
    [InlineData("compression_type=zstd", 3 << 20)]
    [InlineData("compression_type=zstd,cluster_size=2M", 5 << 20)]
    [InlineData("lazy_refcounts=on,preallocation=metadata", 3 << 20)]
    [InlineData("preallocation=full", 3 << 20)]
    [InlineData("extended_l2=on", 3 << 20)]
    [InlineData("extended_l2=on,cluster_size=16k", 900_096)]
    [InlineData("extended_l2=on,cluster_size=2M", (5 << 20) + 512)]
    [InlineData("refcount_bits=1", 3 << 20)]
    [InlineData("refcount_bits=2", 3 << 20)]
    [InlineData("refcount_bits=64", 3 << 20)]
    [InlineData("compat=1.1", 0)]
    [InlineData("compat=1.1", 512)]
    public void WeReadWhatQemuWrites(string options, int size)
    {
        using var scratch = new ScratchDirectory();
        var content = Qcow2Samples.Content(size, 7);
        File.WriteAllBytes(scratch["a.raw"], content);
        foreach (var compress in new[] { false, true })
        {
            // QEMU cannot compress into clusters that exist, nor share one between compressed ones when it can count no further than 1.
            if (compress && (options.Contains("preallocation", StringComparison.Ordinal) || options.Contains("refcount_bits=1", StringComparison.Ordinal)))
            {
                continue;
            }

            var path = scratch[$"{compress}.qcow2"];
            Tool.MustRun("qemu-img", [.. new[] { "convert", "-f", "raw", "-O", "qcow2", "-o", options }, .. compress ? ["-c"] : Array.Empty<string>(), scratch["a.raw"], path]);
            using var image = Qcow2Samples.Open(path);
            Qcow2Samples.Check(image, content);
            CheckFindStored(image, content, path);
            CheckRoundTrip(path);
        }
    }

    [Theory]
    [InlineData("compat=1.1")]
    [InlineData("extended_l2=on")]
    [InlineData("extended_l2=on,cluster_size=16k")]
    [InlineData("cluster_size=512")]
    public void ZeroFlagsAndWrittenClustersOfAnEditedImageAreRead(string options)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", options, scratch["a.qcow2"], "10M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 3M", "-c", "write -z 2M 1M", "-c", "discard 1M 64k", "-c", "write -P 9 9999k 1k", "-c", "write -P 3 5001k 7k", "-c", "write -z 5002k 3k", scratch["a.qcow2"]);
        Qcow2Samples.CheckAgainstQemu(scratch, scratch["a.qcow2"]);
        using var image = Qcow2Samples.Open(scratch["a.qcow2"]);
        Assert.Contains(image.GetExtents(GuestOffset.Zero, image.Length), extent => extent.Kind == ExtentKind.Zero);
        CheckRoundTrip(scratch["a.qcow2"]);
    }

    [Theory]
    [InlineData("data_file=a.data")]
    [InlineData("data_file=a.data,data_file_raw=on")]
    [InlineData("data_file=a.data,extended_l2=on")]
    public void TheDataFileIsReadFromBesideTheImage(string options)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-c", $"cd {scratch.Path} && qemu-img create -f qcow2 -o {options} a.qcow2 9M && qemu-io -f qcow2 -c 'write -P 7 0 3M' -c 'write -P 8 5000k 100k' -c 'write -z 1M 64k' a.qcow2");
        Qcow2Samples.CheckAgainstQemu(scratch, scratch["a.qcow2"]);
        using var image = Qcow2Samples.Open(scratch["a.qcow2"]);
        Assert.Equal(["a.data"], image.Info.Files);
        Assert.Contains(new ImageProperty("data file raw", options.Contains("raw", StringComparison.Ordinal) ? "yes" : "no"), image.Info.Properties);
        Assert.EndsWith("/a.data", image.FindStored(GuestOffset.Zero, 4096)?.File.Path, StringComparison.Ordinal);

        // The image alone is refused, and so is one that was only guessed.
        Refuse("DSK005", () => Qcow2Samples.Open(scratch["a.qcow2"], isGuess: true));
        File.Delete(scratch["a.data"]);
        Refuse("BLK005", () => Qcow2Samples.Open(scratch["a.qcow2"]));
    }

    [Theory]
    [InlineData("compat=1.1", true)]
    [InlineData("compat=0.10", true)]
    [InlineData("extended_l2=on", false)]
    [InlineData("cluster_size=512", true)]
    public void SnapshotsAreListedAndChosen(string options, bool resizes)
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", options, path, "8M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 4M", path);
        Tool.MustRun("qemu-img", "snapshot", "-c", "first day", path);
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 2 1M 4M", path);
        Tool.MustRun("qemu-img", "snapshot", "-c", "2", path);
        Tool.MustRun("qemu-img", "snapshot", "-c", "überholt", path);
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 3 7M 1M", path);
        if (resizes && options != "compat=0.10")
        {
            Tool.MustRun("qemu-img", "resize", path, "12M");
            Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 4 10M 1M", path);
        }

        Qcow2Samples.CheckAgainstQemu(scratch, path);
        foreach (var name in new[] { "first day", "überholt" })
        {
            Qcow2Samples.CheckAgainstQemu(scratch, path, name);
        }

        using var image = Qcow2Samples.Open(path);
        Assert.Equal(["1:first day", "2:2", "3:überholt"], image.Info.Snapshots.Select(one => $"{one.Id}:{one.Name}"));
        Assert.All(image.Info.Snapshots, one => Assert.Equal((8 << 20, 0), (one.LengthBytes, one.StateBytes)));
        Assert.InRange(image.Info.Snapshots[0].Created ?? default, DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow.AddMinutes(1));

        // "2" is an id before it is a name.
        using var second = Qcow2Samples.Open(path, "2");
        var read = new byte[1];
        second.Read(new GuestOffset(4 << 20), read);
        Assert.Equal(2, read[0]);
        Assert.Contains("'überholt'", Refuse("DSK008", () => Qcow2Samples.Open(path, "third")).Message, StringComparison.Ordinal);
        CheckRoundTrip(path);
    }

    [Theory]
    [InlineData("2T")]
    [InlineData("2199023255553")]
    [InlineData("16T")]
    public void LargeSparseDisksOfQemu(string size)
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", path, size);
        using var info = System.Text.Json.JsonDocument.Parse(Tool.MustRun("qemu-img", "info", "--output=json", path));
        var length = info.RootElement.GetProperty("virtual-size").GetInt64();
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 7 1T 1M", "-c", $"write -P 8 {length - 512} 512", path);
        using var image = Qcow2Samples.Open(path);
        Assert.Equal(length, image.Length);
        var read = new byte[1024];
        image.Read(new GuestOffset(length - 1024), read);
        Assert.False(read.AsSpan(0, 512).ContainsAnyExcept((byte)0) || read.AsSpan(512).ContainsAnyExcept((byte)8));
        image.Read(new GuestOffset((1L << 40) - 512), read);
        Assert.False(read.AsSpan(0, 512).ContainsAnyExcept((byte)0) || read.AsSpan(512).ContainsAnyExcept((byte)7));
        var data = image.GetExtents(GuestOffset.Zero, length).Where(extent => extent.Kind == ExtentKind.Data).ToArray();
        Assert.Equal([1L << 40, length - 512 & ~65535], data.Select(extent => extent.Offset & ~65535));
        Assert.Equal(length, image.GetExtents(GuestOffset.Zero, length).Sum(extent => extent.Length));
    }

    [Fact]
    public void InfoSaysWhatQemuImgSays()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", "cluster_size=256k,compression_type=zstd,refcount_bits=8,lazy_refcounts=on,extended_l2=on", path, "8M");
        Tool.MustRun("qemu-img", "bitmap", "--add", "-g", "128k", path, "weekly");
        using var image = Qcow2Samples.Open(path);
        Assert.Equal("qcow2", image.Info.Format);
        Assert.Equal(256 << 10, image.Info.UnitBytes);
        Assert.Equal(
            ["version=3 (compat 1.1)", "compression=zstd", "refcount bits=8", "extended l2=yes", "lazy refcounts=yes", "dirty=no", "corrupt=no", "bitmap=weekly (granularity 131072)"],
            image.Info.Properties.Select(property => $"{property.Name}={property.Value}"));
        CheckRoundTrip(path);
    }

    [Fact]
    public void AnImageThatWasNotClosedIsReadAndReported()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", "lazy_refcounts=on", path, "8M");
        Tool.Run("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", "-c", "flush", "-c", "abort", path);
        var reported = new List<Diagnostic>();
        using var image = Qcow2Samples.Open(path, report: reported.Add);
        Assert.Equal(["QCW010"], reported.Select(one => one.Id));
        var read = new byte[1 << 20];
        image.Read(new GuestOffset(1 << 20), read);
        Assert.False(read.AsSpan().ContainsAnyExcept((byte)7));
    }

    [Fact]
    public void ClustersAllocatedAheadAreNotRead()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", "preallocation=metadata", path, "64M");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", path);
        using var image = Qcow2Samples.Open(path);
        Assert.Equal(1 << 20, image.GetExtents(GuestOffset.Zero, image.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length));
    }

    internal static DiagnosticException Refuse(string id, Func<object?> open)
    {
        var error = Assert.Throws<DiagnosticException>(() => open());
        Assert.True(error.Diagnostic.Id == id, $"{error.Diagnostic} instead of {id}");
        return error;
    }

    private static void CheckFindStored(Qcow2Image image, byte[] content, string path)
    {
        var file = File.ReadAllBytes(path);
        for (long at = 0; at < image.Length; at += 4096)
        {
            if (image.FindStored(new GuestOffset(at), Math.Min(image.Length - at, 100_000)) is not { } stored)
            {
                continue;
            }

            Assert.InRange(stored.Length, 1, 100_000);
            Assert.True(content.AsSpan((int)at, (int)stored.Length).SequenceEqual(file.AsSpan((int)stored.Offset.Value, (int)stored.Length)));
        }
    }

    /// <summary>Header, extensions and snapshot table come out as they went in.</summary>
    private static void CheckRoundTrip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        using var file = FileDevice.OpenRead(path);
        var metadata = Qcow2Metadata.Read(file, path);
        var header = metadata.Header.ToBytes();
        Assert.Equal(bytes[..header.Length], header);
        Assert.Equal((int)metadata.Header.HeaderLength, header.Length);
        var extensions = metadata.Extensions.ToBytes();
        Assert.Equal(bytes[header.Length..(header.Length + extensions.Length)], extensions);
        var table = metadata.Snapshots.SelectMany(one => one.ToBytes()).ToArray();
        Assert.Equal(metadata.SnapshotTableBytes, table.Length);
        var at = (int)metadata.Header.SnapshotsOffset;
        Assert.Equal(bytes[at..Math.Min(bytes.Length, at + table.Length)], table[..Math.Min(table.Length, bytes.Length - at)]);
    }
}
