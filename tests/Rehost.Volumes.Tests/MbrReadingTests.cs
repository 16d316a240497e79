using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.Volumes.Tests;

public sealed class MbrReadingTests : IDisposable
{
    private const long Disk = 256L << 20;
    private readonly DiskBench _bench = new();

    [Fact]
    public void Primaries_are_read_as_sfdisk_wrote_them()
    {
        var path = _bench.Sfdisk("disk", Disk, "label: dos\nlabel-id: 0x1a2b3c4d\nstart=2048,size=100000,type=83,bootable\nstart=110592,size=20480,type=82\nstart=150000,type=7\n");
        var table = DiskBench.Read(path);
        DiskBench.AssertSfdiskAgrees(path, table);
        Assert.Empty(table.Diagnostics);
        Assert.Equal("1a2b3c4d-02", table.Find(2)?.PartUuid);
    }

    [Fact]
    public void A_gap_in_the_slots_keeps_the_numbers()
    {
        var path = _bench.Sfdisk("disk", Disk, "label: dos\n3: start=63,size=40000,type=83\n4: start=80000,size=4000,type=82\n");
        var table = DiskBench.Read(path);
        DiskBench.AssertSfdiskAgrees(path, table);
        Assert.Equal([3, 4], table.Partitions.Select(one => one.Number));
        Assert.Equal(63 * 512, table.Partitions[0].Start.Value);
    }

    [Fact]
    public void Logical_partitions_are_numbered_from_five()
    {
        var path = _bench.Sfdisk("disk", Disk, "label: dos\nstart=63,size=50000,type=83,bootable\nstart=60000,size=300000,type=5\n5: size=40000,type=83\n6: size=40000,type=82\n7: size=100000,type=8e\n");
        var table = DiskBench.Read(path);
        DiskBench.AssertSfdiskAgrees(path, table);
        Assert.Equal([1, 2, 5, 6, 7], table.Partitions.Select(one => one.Number));
        Assert.Equal([false, true, false, false, false], table.Partitions.Select(one => one.IsExtended));
        Assert.True(table.Find(7)?.IsLogical);
        Assert.Empty(table.Diagnostics);
    }

    [Fact]
    public void Sectors_of_4096_bytes_are_read_when_asked()
    {
        var bytes = new byte[40960];
        Table(bytes, 0, (0x83, 2, 5));
        var table = PartitionTable.Read(new MemoryDevice(bytes), 4096);
        Assert.Equal(8192, table.Partitions[0].Start.Value);
        Assert.Equal(20480, table.Partitions[0].Length);
    }

    [Fact]
    public void A_chain_that_loops_ends_with_a_warning()
    {
        var bytes = new byte[512 * 1000];
        Table(bytes, 0, (0x05, 100, 800));
        Table(bytes, 100, (0x83, 10, 20), (0x05, 50, 100));
        Table(bytes, 150, (0x83, 10, 20), (0x05, 0, 100));
        var table = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Equal([1, 5, 6], table.Partitions.Select(one => one.Number));
        Assert.Contains(table.Diagnostics, one => one.Id == "PAR003");
    }

    [Fact]
    public void A_chain_that_leads_nowhere_ends_with_a_warning()
    {
        var bytes = new byte[512 * 1000];
        Table(bytes, 0, (0x0f, 100, 800));
        Table(bytes, 100, (0x83, 10, 20), (0x05, 50, 100));
        Assert.Equal(["PAR004"], PartitionTable.Read(new MemoryDevice(bytes)).Diagnostics.Select(one => one.Id));
        Table(bytes, 100, (0x83, 10, 20), (0x05, 0xfffffff0, 100));
        var table = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Equal([1, 5], table.Partitions.Select(one => one.Number));
        Assert.Equal(["PAR004"], table.Diagnostics.Select(one => one.Id));
    }

    [Fact]
    public void Partitions_that_leave_a_truncated_disk_are_cut_or_left_out()
    {
        var bytes = new byte[512 * 1000];
        Table(bytes, 0, (0x83, 63, 100), (0x83, 900, 200), (0x83, 2000, 10));
        var table = PartitionTable.Read(new MemoryDevice(bytes));
        Assert.Equal([1, 2], table.Partitions.Select(one => one.Number));
        Assert.Equal(100 * 512, table.Find(2)?.Length);
        Assert.Equal(["PAR001", "PAR002"], table.Diagnostics.Select(one => one.Id));
    }

    [Fact]
    public void Overlapping_partitions_are_warned_of()
    {
        var bytes = new byte[512 * 1000];
        Table(bytes, 0, (0x83, 63, 100), (0x83, 100, 200));
        Assert.Equal(["PAR010"], PartitionTable.Read(new MemoryDevice(bytes)).Diagnostics.Select(one => one.Id));
    }

    [Fact]
    public void A_slice_reads_the_partition() // S4.10
    {
        var bytes = new byte[512 * 1000];
        Table(bytes, 0, (0x83, 63, 100));
        bytes[63 * 512] = 0x77;
        using var disk = new MemoryDevice(bytes);
        using var slice = PartitionTable.Read(disk).Partitions[0].Open(disk);
        var first = new byte[1];
        slice.Read(GuestOffset.Zero, first);
        Assert.Equal(0x77, first[0]);
        Assert.Equal(51200, slice.Length);
    }

    public void Dispose() => _bench.Dispose();

    internal static void Table(byte[] disk, int sector, params (byte Type, uint Start, uint Size)[] entries)
    {
        var bytes = disk.AsSpan(sector * 512, 512);
        for (var index = 0; index < entries.Length; index++)
        {
            var entry = bytes.Slice(0x1be + (index * 16), 16);
            entry[4] = entries[index].Type;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], entries[index].Start);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], entries[index].Size);
        }

        bytes[0x1fe] = 0x55;
        bytes[0x1ff] = 0xaa;
    }
}
