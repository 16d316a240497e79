using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Mbr;

namespace Rehost.Volumes.Tests;

/// <summary>Logical partitions that are added and changed; sfdisk and parted look at the result.</summary>
public sealed class LogicalWritingTests
{
    [Theory]
    [InlineData("start=63, size=8001, type=83\nstart=16065, size=48195, type=5\nstart=16128, size=4000, type=83\n", 24_600, 24_537)]
    [InlineData("start=2048, size=8192, type=83\nstart=12288, size=49152, type=f\nstart=14336, size=2048, type=8e\nstart=18432, size=2048, type=83\n", 24_576, 22_528)]
    [InlineData("start=2048, size=8192, type=83\nstart=12288, size=49152, type=85\n", 24_576, 12_288)]
    public void A_partition_is_added_at_the_end_of_the_chain(string script, long start, long record)
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("mbr", 32 << 20, "label: dos\nlabel-id: 0xcafe0002\n" + script);
        var before = DiskBench.Read(path);
        using (var device = FileDevice.OpenReadWrite(path))
        {
            var logical = LogicalPartitions.Read(device);
            Assert.Equal(before.Partitions.Where(partition => partition.IsLogical).Select(partition => partition.Number), logical.Entries.Select(entry => entry.Number));
            var added = logical.Add(0x82, new Lba(start), 3000);
            Assert.Equal(before.Partitions.Count(partition => partition.IsLogical) + 5, added);
            Assert.Equal(added + 1, logical.Add(0x83, new Lba(50_000), 1, isBootable: true));

            // Between what is there, right behind another: its record goes right before it.
            Assert.Equal(added + 2, logical.Add(0x83, new Lba(start + 3001), 500));
            logical.SetType(added, 0x8e);
            logical.SetBootable(added, true);
            logical.SetBootable(added + 1, false);
        }

        var after = DiskBench.Read(path);
        Assert.Empty(after.Diagnostics);
        DiskBench.AssertSfdiskAgrees(path, after);
        Assert.Equal(before.Partitions, after.Partitions.Take(before.Partitions.Length));
        Assert.Equal([("8e", start, true), ("83", 50_000, false), ("83", start + 3001, false)], after.Partitions.Skip(before.Partitions.Length).Select(one => (one.TypeId, one.FirstSector.Value, one.IsBootable)));
        Assert.Equal(0x55, File.ReadAllBytes(path)[(record * 512) + 510]);
        Assert.Contains("No errors detected", Tool.MustRun("sfdisk", "--verify", path), StringComparison.Ordinal);
        Assert.Contains($"{start}s", Tool.MustRun("parted", "-s", path, "unit", "s", "print"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_nothing_is_changed()
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("mbr", 32 << 20, "label: dos\nstart=2048, size=8192, type=83\nstart=12288, size=40960, type=5\nstart=14336, size=2048, type=83\nstart=18432, size=2048, type=83\n");
        var bytes = File.ReadAllBytes(path);
        using (var device = FileDevice.OpenReadWrite(path))
        {
            var logical = LogicalPartitions.Read(device);
            foreach (var (type, start, sectors) in (IEnumerable<(byte, long, long)>)[(0x83, 16_000, 500), (0x83, 53_000, 400), (0x83, 10_000, 100), (0x05, 30_000, 100), (0, 30_000, 100), (0x83, 30_000, 0), (0x83, 16_300, 200), (0x83, 16_384, 50), (0x83, 20_480, 50), (0x83, 0, 5), (0x83, long.MaxValue, long.MaxValue)])
            {
                Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => logical.Add(type, new Lba(start), sectors)).Diagnostic.Id);
            }

            Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => logical.SetType(7, 0x83)).Diagnostic.Id);
            Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => logical.SetType(5, 0x0f)).Diagnostic.Id);
            Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => logical.SetBootable(1, true)).Diagnostic.Id);
        }

        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(path)));
    }

    [Fact]
    public void Sectors_of_4096_bytes()
    {
        using var disk = new MemoryDevice(new byte[32 << 20]);
        new MbrTable(0xcafe0003, [new MbrEntry(1, 0x83, new Lba(256), 512), new MbrEntry(2, 0x05, new Lba(1024), 4096)]).WriteTo(disk, 4096);
        var record = new byte[512];
        (record[510], record[511]) = (0x55, 0xaa);
        disk.Write(new GuestOffset(1024 * 4096), record);
        var logical = LogicalPartitions.Read(disk, 4096);
        Assert.Equal((5, 6), (logical.Add(0x83, new Lba(1280), 512), logical.Add(0x82, new Lba(2304), 512)));

        var read = PartitionTable.Read(disk, 4096);
        Assert.Empty(read.Diagnostics);
        Assert.Equal([(1, 256L), (2, 1024), (5, 1280), (6, 2304)], read.Partitions.Select(one => (one.Number, one.Start.Value / 4096)));
    }

    [Fact]
    public void A_chain_that_is_broken_is_not_written()
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("mbr", 32 << 20, "label: dos\nstart=2048, size=8192, type=83\nstart=12288, size=40960, type=5\nstart=14336, size=2048, type=83\nstart=18432, size=2048, type=83\n");
        using var device = FileDevice.OpenReadWrite(path);
        device.WriteZeros(new GuestOffset(16_384 * 512), 512);
        Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => LogicalPartitions.Read(device)).Diagnostic.Id);
        Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => LogicalPartitions.Read(new MemoryDevice(new byte[1 << 20]))).Diagnostic.Id);
    }
}
