using Rehost.Blocks;
using Rehost.Testing;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Mbr;

namespace Rehost.Volumes.Tests;

/// <summary>Tables that are read, changed and written back; sgdisk and sfdisk look at the result.</summary>
public sealed class TableEditingTests
{
    private static readonly Guid Id = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301");

    [Fact]
    public void A_gpt_keeps_its_ids_and_gains_and_changes_partitions_on_a_disk_that_grew()
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("gpt", 32 << 20, "label: gpt\nstart=2048, size=8192, name=\"one two\"\nstart=16384, size=8192, type=21686148-6449-6E6F-744E-656564454649\n");
        var before = DiskBench.Read(path);
        using (var device = new FileStream(path, FileMode.Open))
        {
            device.SetLength(64 << 20);
        }

        using (var device = FileDevice.OpenReadWrite(path))
        {
            GptTable.Read(device).With(new GptEntry(5, PartitionTypes.LinuxData, Id, new Lba(65536), 2048, "added")).WithType(1, PartitionTypes.LinuxSwap).WithBootable(1).WriteTo(device);
        }

        var after = DiskBench.Read(path);
        Assert.Empty(after.Diagnostics);
        Assert.Equal(before.DiskId, after.DiskId);
        Assert.Equal([1, 2, 5], after.Partitions.Select(partition => partition.Number));
        Assert.Equal(before.Partitions.Select(partition => partition.PartUuid), after.Partitions.Take(2).Select(partition => partition.PartUuid));
        Assert.Equal(("one two", true, PartitionTypes.ToTypeId(PartitionTypes.LinuxSwap)), (after.Partitions[0].Name, after.Partitions[0].IsBootable, after.Partitions[0].TypeId));
        DiskBench.AssertSfdiskAgrees(path, after);
        Assert.Contains("No problems found", Tool.MustRun("sgdisk", "-v", path), StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_of_another_size_and_sectors_of_4096_stay_so()
    {
        var id = Guid.Parse("11111111-2222-3333-4444-555555555555");
        using var disk = new MemoryDevice(new byte[16 << 20]);
        var table = new GptTable(Id, [new GptEntry(7, PartitionTypes.LinuxData, id, new Lba(1024), 512, "big")], 4096) { EntryCount = 64, EntrySize = 256 };
        table.WriteTo(disk);
        GptTable.Read(disk).WithType(7, PartitionTypes.EfiSystem).WriteTo(disk);

        var read = PartitionTable.Read(disk);
        Assert.Empty(read.Diagnostics);
        Assert.Equal((4096, 7, 1024L * 4096, "big"), (read.SectorSize, read.Partitions[0].Number, read.Partitions[0].Start.Value, read.Partitions[0].Name));
        Assert.Equal(PartitionTypes.ToTypeId(PartitionTypes.EfiSystem), read.Partitions[0].TypeId);
        Assert.Equal((64, 256), (GptTable.Read(disk).EntryCount, GptTable.Read(disk).EntrySize));
    }

    [Fact]
    public void A_hybrid_mbr_is_left_alone()
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("hybrid", 32 << 20, "label: gpt\nstart=2048, size=8192\n");
        Tool.MustRun("sgdisk", "--hybrid", "1", path);
        var sector = File.ReadAllBytes(path)[..512];
        using (var device = FileDevice.OpenReadWrite(path))
        {
            GptTable.Read(device).WithType(1, PartitionTypes.LinuxSwap).WriteTo(device);
        }

        Assert.Equal(sector, File.ReadAllBytes(path)[..512]);
        Assert.Equal(PartitionTypes.ToTypeId(PartitionTypes.LinuxSwap), DiskBench.Read(path).Partitions[0].TypeId);
    }

    [Fact]
    public void An_mbr_keeps_its_id_its_extended_partition_and_its_boot_code()
    {
        using var bench = new DiskBench();
        var path = bench.Sfdisk("mbr", 32 << 20, "label: dos\nlabel-id: 0xcafe0001\nstart=63, size=8001, type=83\nstart=16384, size=16384, type=5\nstart=16447, size=4000, type=83\n");
        using (var device = FileDevice.OpenReadWrite(path))
        {
            device.Write(GuestOffset.Zero, "boot code"u8);
            var sector = new byte[512];
            device.Read(GuestOffset.Zero, sector);
            MbrTable.Parse(sector).With(new MbrEntry(3, PartitionTypes.MbrLinuxSwap, new Lba(40960), 2048)).WithType(1, 0x8e).WithBootable(1).WriteTo(device);
        }

        var after = DiskBench.Read(path);
        Assert.Equal("cafe0001", after.DiskId);
        Assert.Equal(["8e", "05", "82", "83"], after.Partitions.Select(partition => partition.TypeId));
        Assert.Equal((63L * 512, true), (after.Partitions[0].Start.Value, after.Partitions[0].IsBootable));
        Assert.Equal("boot code", System.Text.Encoding.ASCII.GetString(File.ReadAllBytes(path), 0, 9));
        DiskBench.AssertSfdiskAgrees(path, after);
    }
}
