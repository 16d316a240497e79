using Rehost.Blocks;
using Rehost.Testing;

namespace Rehost.Volumes.Tests;

/// <summary>Disks that are one volume, some of which look as if they had a table (S1.10).</summary>
public sealed class NoTableTests : IDisposable
{
    private readonly DiskBench _bench = new();

    [Theory]
    [InlineData("ext4")]
    [InlineData("ext3")]
    public void A_bare_ext_file_system_has_no_table(string type)
    {
        var path = _bench.Empty("disk", 32 << 20);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", type, path);
        AssertNone(DiskBench.Read(path));
    }

    [Fact]
    public void A_bare_ext_file_system_with_a_boot_sector_has_no_table()
    {
        var path = _bench.Empty("disk", 32 << 20);
        Tool.MustRun("mke2fs", "-q", "-F", path);
        using (var device = FileDevice.OpenReadWrite(path))
        {
            device.Write(new GuestOffset(510), [0x55, 0xaa]);
        }

        AssertNone(DiskBench.Read(path), "PAR008");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_fat_boot_sector_is_no_table(bool textInTable)
    {
        var bytes = new byte[1 << 20];
        byte[] bpb = [0xeb, 0x58, 0x90, .. "mkfs.fat"u8, 0, 2, 1, 32, 0, 2, 0, 0, 0, 0, 0xf8];
        bpb.CopyTo(bytes, 0);
        bytes[0x1fe] = 0x55;
        bytes[0x1ff] = 0xaa;
        if (textInTable)
        {
            "Remove disks or other media.\xff\r\nPress any key to restart"u8.ToArray().CopyTo(bytes, 0x1b0);
        }

        AssertNone(PartitionTable.Read(new MemoryDevice(bytes)), textInTable ? "PAR011" : "PAR008");
    }

    [Fact]
    public void An_ntfs_boot_sector_with_chance_boot_indicators_is_no_table()
    {
        var bytes = new byte[1 << 20];
        MbrReadingTests.Table(bytes, 0, (0x41, 0x20202020, 0x6e6f6e65));
        byte[] jump = [0xeb, 0x52, 0x90, .. "NTFS    "u8];
        jump.CopyTo(bytes, 0);
        AssertNone(PartitionTable.Read(new MemoryDevice(bytes)), "PAR011");
    }

    [Fact]
    public void A_table_behind_a_kept_bpb_is_a_table()
    {
        var bytes = new byte[1 << 20];
        byte[] bpb = [0xeb, 0x63, 0x90, .. "mkfs.fat"u8, 0, 2, 1, 32, 0, 2, 0, 0, 0, 0, 0xf8];
        bpb.CopyTo(bytes, 0);
        MbrReadingTests.Table(bytes, 0, (0x83, 63, 1000));
        Assert.Equal(PartitionTableKind.Mbr, PartitionTable.Read(new MemoryDevice(bytes)).Kind);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    public void A_tiny_disk_has_no_table(int length) => AssertNone(PartitionTable.Read(new MemoryDevice(new byte[length])));

    public void Dispose() => _bench.Dispose();

    private static void AssertNone(PartitionTable table, params string[] diagnostics)
    {
        Assert.Equal(PartitionTableKind.None, table.Kind);
        Assert.Empty(table.Partitions);
        Assert.Equal("", table.DiskId);
        Assert.Equal(diagnostics, table.Diagnostics.Select(one => one.Id));
    }
}
