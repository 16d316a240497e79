using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

public sealed class Qcow2HostileTests
{
    private const int Cluster = Qcow2Samples.Cluster;

    public static TheoryData<string, int, byte[], string> Refusals() => new()
    {
        { "magic", 0, [1], "QCW001" },
        { "version", 7, [9], "QCW002" },
        { "cluster bits", 20, [0, 0, 0, 8], "QCW001" },
        { "cluster bits", 20, [0, 0, 0, 22], "QCW001" },
        { "disk size", 24, [0xff, 0xff], "QCW001" },
        { "AES", 32, [0, 0, 0, 1], "QCW004" },
        { "L1 too large", 36, [0x7f], "QCW001" },
        { "L1 too small", 36, [0, 0, 0, 0], "QCW001" },
        { "L1 behind the end", 40, [0, 1], "QCW001" },
        { "L1 at an odd place", 47, [1], "QCW001" },
        { "refcount table too large", 56, [1], "QCW001" },
        { "too many snapshots", 60, [1], "QCW006" },
        { "a snapshot table nowhere", 60, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0], "QCW006" },
        { "refcount order", 99, [7], "QCW001" },
        { "corrupt", 79, [2], "QCW008" },
        { "external data without a name", 79, [4], "QCW001" },
        { "unknown bit", 72, [1], "QCW003" },
        { "header too long", 100, [1], "QCW001" },
        { "extension too long", 112, [1, 2, 3, 4, 0, 1, 0, 0], "QCW001" },
        { "backing name too long", 8, [0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0], "QCW001" },
        { "backing name behind the cluster", 8, [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9], "QCW001" },
        { "compression type", 79, [8], "" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void HeadersThatCannotBeReadAreRefusedByName(string what, int at, byte[] patch, string id)
    {
        var bytes = Qcow2Samples.WriteToMemory(Qcow2Samples.Content(200_000, 3), ImageCompression.Zlib);
        patch.CopyTo(bytes, at);
        if (id.Length == 0)
        {
            bytes[104] = 9;
            id = "QCW003";
        }

        Qcow2ReadingTests.Refuse(id, () => Qcow2Image.Open(new DiskOpenRequest(new MemoryDevice(bytes), what)));
    }

    [Fact]
    public void AnUnknownFeatureIsCalledAsTheImageCallsIt()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", path, "1M");
        var bytes = File.ReadAllBytes(path);
        bytes[78] = 1; // bit 8
        var at = bytes.AsSpan().IndexOf("extended L2"u8);
        bytes[at - 1] = 8;
        "teleporting"u8.CopyTo(bytes.AsSpan(at));
        var error = Qcow2ReadingTests.Refuse("QCW003", () => Qcow2Image.Open(new DiskOpenRequest(new MemoryDevice(bytes), "a")));
        Assert.Contains("'teleporting", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LuksIsRefusedByName()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", scratch["a.qcow2"], "1M");
        var bytes = File.ReadAllBytes(scratch["a.qcow2"]);
        bytes[35] = 2; // crypt_method, set here: qemu-img times its key derivation by the CPU clock, and now and then it reads no time passed and gives up
        File.WriteAllBytes(scratch["a.qcow2"], bytes);
        Assert.Contains("LUKS", Qcow2ReadingTests.Refuse("QCW004", () => Qcow2Samples.Open(scratch["a.qcow2"])).Message, StringComparison.Ordinal);
    }

    /// <summary>A compressed cluster that would give 200 MiB gives a diagnostic and no memory.</summary>
    [Theory]
    [InlineData(ImageCompression.Zlib)]
    [InlineData(ImageCompression.Zstd)]
    public void AZipBombClusterIsRefused(ImageCompression compression)
    {
        using var scratch = new ScratchDirectory();
        var good = Qcow2Samples.WriteToMemory(Enumerable.Range(0, Cluster).Select(i => (byte)(i % 7)).ToArray(), compression);
        using var bomb = new MemoryStream();
        if (compression == ImageCompression.Zlib)
        {
            using var deflate = new System.IO.Compression.DeflateStream(bomb, System.IO.Compression.CompressionLevel.SmallestSize, leaveOpen: true);
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 200; i++)
            {
                deflate.Write(zeros);
            }
        }
        else
        {
            File.WriteAllBytes(scratch["zeros"], new byte[200 << 20]);
            Tool.MustRun("zstd", "-q", "-19", scratch["zeros"], "-o", scratch["bomb"]);
            bomb.Write(File.ReadAllBytes(scratch["bomb"]));
        }

        var l2 = L2Table(good);
        var bytes = new byte[good.Length + bomb.Length];
        good.CopyTo(bytes, 0);
        bomb.ToArray().CopyTo(bytes, good.Length);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(l2), (uint)good.Length | (0x7fUL << 54) | (1UL << 62));
        using var image = Qcow2Image.Open(new DiskOpenRequest(new MemoryDevice(bytes), "bomb"));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Qcow2ReadingTests.Refuse("QCW007", () =>
        {
            image.Read(GuestOffset.Zero, new byte[Cluster]);
            return null;
        });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    public static TheoryData<string, bool> FuzzSeeds() => new()
    {
        { "compat=1.1", false },
        { "compat=1.1", true },
        { "compression_type=zstd", true },
        { "compat=0.10", false },
        { "cluster_size=512", true },
        { "extended_l2=on,cluster_size=16k", false },
        { "extended_l2=on,cluster_size=16k", true },
        { "refcount_bits=64,cluster_size=4k", false },
        { "refcount_bits=2,cluster_size=4k", false },
    };

    [Theory]
    [MemberData(nameof(FuzzSeeds))]
    public void HostileImagesGiveDiagnosticsOnly(string options, bool compress)
    {
        var (good, places) = MakeFuzzSeed(options, compress);
        var rounds = Fuzzing.Rounds(800);
        var random = new Random(99);
        var buffer = new byte[1 << 20];
        for (var round = 0; round < rounds; round++)
        {
            var bytes = (byte[])good.Clone();
            for (var hit = random.Next(1, 4); hit > 0; hit--)
            {
                var (start, length) = random.Next(8) == 0 ? (0, bytes.Length) : places[random.Next(places.Count)];
                bytes[Math.Min(bytes.Length - 1, start + random.Next(length))] = random.Next(3) switch { 0 => 0, 1 => 255, _ => (byte)random.Next(256) };
            }

            if (random.Next(5) == 0)
            {
                bytes = bytes[..random.Next(bytes.Length)];
            }

            Try(() => Assert.InRange(new Qcow2Format().Check(new DiskOpenRequest(new MemoryDevice(bytes), "fuzz"), CancellationToken.None).Findings.Length, 0, ImageCheckReport.FindingLimit));
            foreach (var snapshot in new[] { null, "1", "2" })
            {
                Try(() =>
                {
                    using var image = Qcow2Image.Open(new DiskOpenRequest(new MemoryDevice(bytes), "fuzz") { Snapshot = snapshot });
                    var count = (int)Math.Min(buffer.Length, image.Length);
                    Assert.Equal(count, image.GetExtents(GuestOffset.Zero, count).Sum(extent => extent.Length));
                    image.Read(new GuestOffset(Math.Min(5, count)), buffer.AsSpan(0, Math.Max(0, count - 5)));
                    _ = image.FindStored(GuestOffset.Zero, count);
                });
            }
        }
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
            // What hostile input must end in.
        }
    }

    /// <summary>An image with two snapshots and a bitmap, and where its structures are.</summary>
    private static (byte[] Image, List<(int Start, int Length)> Places) MakeFuzzSeed(string options, bool compress)
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        File.WriteAllBytes(scratch["a.raw"], Qcow2Samples.Content(400_384, 3));
        Tool.MustRun("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-o", options, .. compress ? ["-c"] : Array.Empty<string>(), scratch["a.raw"], path]);
        Tool.MustRun("qemu-img", "snapshot", "-c", "one", path);
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 3 10k 100k", path);
        Tool.MustRun("qemu-img", "snapshot", "-c", "two", path);
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 4 300k 20k", path);
        if (options != "compat=0.10")
        {
            Tool.MustRun("qemu-img", "bitmap", "--add", path, "bits");
        }

        using var file = FileDevice.OpenRead(path);
        var metadata = Qcow2Metadata.Read(file, path);
        var bytes = File.ReadAllBytes(path);
        var places = new List<(int, int)>
        {
            (0, 112), (112, 600), ((int)metadata.Header.SnapshotsOffset, (int)metadata.SnapshotTableBytes), ((int)metadata.Header.RefcountTable.Value, 16),
        };
        foreach (var (table, entries) in metadata.Snapshots.Select(one => (one.L1Table, one.L1Entries)).Append((metadata.Header.L1Table, metadata.Header.L1Entries)))
        {
            places.Add(((int)table.Value, entries * 8));
            for (var i = 0; i < entries; i++)
            {
                var l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan((int)table.Value + (i * 8))) & Qcow2ClusterMap.OffsetMask);
                if (l2 != 0)
                {
                    places.Add((l2, Math.Min(metadata.Header.ClusterSize, 400)));
                }
            }
        }

        if (metadata.Bitmaps is [var bitmap, ..])
        {
            places.Add(((int)bitmap.TableOffset, 8));
            places.Add(((int)Qcow2Bitmap.Directory(metadata.Extensions, file, path).Offset, 32));
        }

        return (bytes, places);
    }

    private static int L2Table(byte[] image)
        => (int)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan((int)BinaryPrimitives.ReadInt64BigEndian(image.AsSpan(40)))) & Qcow2ClusterMap.OffsetMask);
}
