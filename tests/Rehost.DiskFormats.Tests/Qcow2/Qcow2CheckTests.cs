using System.Buffers.Binary;
using System.Text.Json;
using Rehost.Blocks;
using Rehost.DiskFormats.Qcow2;
using Rehost.Testing;

namespace Rehost.DiskFormats.Tests.Qcow2;

/// <summary>The check against qemu-img's, on sound and on damaged images.</summary>
public sealed class Qcow2CheckTests
{
    public static TheoryData<string, bool, bool> Kinds() => new()
    {
        { "compat=1.1", false, true },
        { "compat=1.1", true, true },
        { "compat=0.10", true, true },
        { "cluster_size=512", false, true },
        { "cluster_size=512,refcount_bits=64", true, true },
        { "cluster_size=4k,refcount_bits=32", false, true },
        { "cluster_size=4k,refcount_bits=8", false, true },
        { "cluster_size=4k,refcount_bits=4", false, true },
        { "cluster_size=4k,refcount_bits=2", false, true },
        { "cluster_size=4k,refcount_bits=1", false, false },
        { "extended_l2=on,cluster_size=16k", false, true },
        { "extended_l2=on,cluster_size=16k", true, true },
        { "preallocation=metadata,cluster_size=2M", false, false },
        { "compression_type=zstd,cluster_size=2M", true, true },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void SoundImagesAreSoundAndDamagedOnesAsQemuSays(string options, bool compress, bool hasSnapshots)
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        MakeImage(scratch, path, options, compress, hasSnapshots);
        var report = Check(path);
        Assert.Empty(report.Findings);
        Assert.Equal((0, 0), (report.ErrorCount, report.LeakedBytes));
        Assert.InRange(report.StoredBytes, 100_000, 3 << 20);

        var good = File.ReadAllBytes(path);
        var random = new Random(5);
        var places = Places(path);
        for (var round = 0; round < 25; round++)
        {
            var bytes = (byte[])good.Clone();
            var (start, length) = places[random.Next(places.Count)];
            var at = start + random.Next(length);
            bytes[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(path, bytes);
            var (corruptions, leaks) = QemuCheck(path);
            ImageCheckReport ours;
            try
            {
                ours = Check(path);
            }
            catch (Model.DiagnosticException)
            {
                Assert.True(corruptions > 0, $"byte {at}: we refuse, qemu-img finds nothing");
                continue;
            }

            if (corruptions == 0 && options.Contains("0.10", StringComparison.Ordinal) && ours.Findings.Any(one => one.Id == "QCW006"))
            {
                continue; // a zero flag in version 2: QEMU refuses it only when it reads it
            }

            Assert.True((ours.ErrorCount > 0) == (corruptions > 0), $"byte {at} of {options}: {string.Join("\n", ours.Findings)}\nqemu-img: {corruptions} corruptions, {leaks} leaks");
            if (corruptions == 0)
            {
                Assert.True((ours.Findings.Length > 0) == (leaks > 0), $"byte {at} of {options}: {string.Join("\n", ours.Findings)}\nqemu-img: {leaks} leaks");
            }
        }
    }

    [Fact]
    public void EachFaultHasItsName()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        MakeImage(scratch, path, "cluster_size=4k", compress: false, hasSnapshots: false);
        var good = File.ReadAllBytes(path);
        var header = Header(path);
        var block = (int)BinaryPrimitives.ReadUInt64BigEndian(good.AsSpan((int)header.RefcountTable.Value));
        var l1 = (int)header.L1Table.Value;
        var l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(good.AsSpan(l1)) & Qcow2ClusterMap.OffsetMask);
        var data = FirstEntry(good, l2);

        Assert.Equal(["QCW011", "QCW014"], Find(bytes => bytes[block + (data / 4096 * 2) + 1] = 0));
        Assert.Equal(["QCW012", "QCW014"], Find(bytes => bytes[block + (data / 4096 * 2) + 1] = 2));
        Assert.Equal(["QCW012"], Find(bytes => bytes[block + 4094] = 1, extend: true));
        Assert.Contains("QCW013", Find(bytes => bytes.AsSpan(l1, 8).CopyTo(bytes.AsSpan(l2))));
        Assert.Contains("QCW006", Find(bytes => bytes[l2] |= 1));
        Assert.Contains("QCW006", Find(bytes => bytes[l1 + 2] = 1));
        Assert.Contains("QCW008", Find(bytes => bytes[79] |= 2));
        Assert.Equal(["QCW010"], Find(bytes => (bytes[79], bytes[block + (data / 4096 * 2) + 1]) = (1, 0)));

        string[] Find(Action<byte[]> damage, bool extend = false)
        {
            var bytes = (byte[])good.Clone();
            if (extend)
            {
                Array.Resize(ref bytes, 4096 * 2048);
            }

            damage(bytes);
            File.WriteAllBytes(path, bytes);
            return [.. Check(path).Findings.Select(one => one.Id).Distinct()];
        }
    }

    [Fact]
    public void LeaksAreCountedInBytes()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        MakeImage(scratch, path, "cluster_size=4k", compress: false, hasSnapshots: false);
        var bytes = File.ReadAllBytes(path);
        var l2 = (int)(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan((int)Header(path).L1Table.Value)) & Qcow2ClusterMap.OffsetMask);
        var at = l2;
        while (BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(at)) == 0)
        {
            at += 8;
        }

        bytes.AsSpan(at, 16).Clear();
        File.WriteAllBytes(path, bytes);
        var report = Check(path);
        Assert.True(report.IsSound);
        Assert.Equal(2 * 4096, report.LeakedBytes);
        Assert.Equal((0, 2), QemuCheck(path));
    }

    [Fact]
    public void ATableThatIsUsedForEverythingEndsInTime()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["a.qcow2"];
        Tool.MustRun("qemu-img", "create", "-f", "qcow2", "-o", "cluster_size=512", path, "2G");
        Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 1 0 32k", path);
        var bytes = File.ReadAllBytes(path);
        var l1 = (int)Header(path).L1Table.Value;
        for (var i = 1; i < Header(path).L1Entries; i++)
        {
            bytes.AsSpan(l1, 8).CopyTo(bytes.AsSpan(l1 + (i * 8)));
        }

        File.WriteAllBytes(path, bytes);
        var report = Check(path);
        Assert.Contains("QCW011", report.Findings.Select(one => one.Id));
    }

    private static int FirstEntry(byte[] image, int l2)
    {
        while (BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l2)) == 0)
        {
            l2 += 8;
        }

        return (int)(BinaryPrimitives.ReadUInt64BigEndian(image.AsSpan(l2)) & Qcow2ClusterMap.OffsetMask);
    }

    private static void MakeImage(ScratchDirectory scratch, string path, string options, bool compress, bool hasSnapshots)
    {
        File.WriteAllBytes(scratch["a.raw"], Qcow2Samples.Content(1_900_032, 3));
        Tool.MustRun("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-o", options, .. compress ? ["-c"] : Array.Empty<string>(), scratch["a.raw"], path]);
        if (hasSnapshots)
        {
            Tool.MustRun("qemu-img", "snapshot", "-c", "one", path);
            Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 3 10k 100k", path);
            Tool.MustRun("qemu-img", "snapshot", "-c", "two", path);
            Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 4 300k 20k", "-c", "write -z 500k 50k", path);
            if (!options.Contains("0.10", StringComparison.Ordinal))
            {
                Tool.MustRun("qemu-img", "bitmap", "--add", path, "bits");
                Tool.MustRun("qemu-io", "-f", "qcow2", "-c", "write -P 4 400k 20k", path);
            }
        }
    }

    /// <summary>Refcount block, L1 and L2 tables: where a flipped bit is no change of guest data.</summary>
    private static List<(int Start, int Length)> Places(string path)
    {
        using var file = FileDevice.OpenRead(path);
        var header = Qcow2Header.Parse(file, path);
        var bytes = File.ReadAllBytes(path);
        var block = (int)BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan((int)header.RefcountTable.Value));
        var places = new List<(int, int)> { (block, (int)Math.Max(1, Math.Min(header.ClusterSize, file.Length / header.ClusterSize * (1 << (int)header.RefcountOrder) / 8))), ((int)header.L1Table.Value, header.L1Entries * 8) };
        for (var i = 0; i < header.L1Entries; i++)
        {
            if ((int)(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan((int)header.L1Table.Value + (i * 8))) & Qcow2ClusterMap.OffsetMask) is var l2 and not 0)
            {
                places.Add((l2, (int)Math.Min(header.ClusterSize, ((1_900_032 / header.ClusterSize) + 1) * header.L2EntrySize)));
            }
        }

        return places;
    }

    private static ImageCheckReport Check(string path)
        => new Qcow2Format().Check(new DiskOpenRequest(FileDevice.OpenRead(path), path), CancellationToken.None);

    private static Qcow2Header Header(string path)
    {
        using var file = FileDevice.OpenRead(path);
        return Qcow2Header.Parse(file, path);
    }

    private static (int Corruptions, int Leaks) QemuCheck(string path)
    {
        var result = Tool.Run("qemu-img", "check", "--output=json", "-f", "qcow2", path);
        if (!result.Output.StartsWith('{'))
        {
            return (1, 0);
        }

        using var json = JsonDocument.Parse(result.Output);
        return (Number("corruptions") + Number("check-errors"), Number("leaks"));

        int Number(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetInt32() : 0;
    }
}
