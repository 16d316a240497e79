using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Volumes.Tests;

public sealed class GptReadingTests : IDisposable
{
    private const long Disk = 64L << 20;
    private const string Script = """
        label: gpt
        label-id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301
        start=2048,size=2048,type=21686148-6449-6E6F-744E-656564454649
        start=4096,size=20480,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B,name="EFI system",attrs="LegacyBIOSBootable"
        7: start=32768,type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name="Grüße"

        """;

    private readonly DiskBench _bench = new();

    [Fact]
    public void A_gpt_is_read_as_sfdisk_wrote_it()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        var table = DiskBench.Read(path);
        DiskBench.AssertSfdiskAgrees(path, table);
        Assert.Empty(table.Diagnostics);
        Assert.Equal([1, 2, 7], table.Partitions.Select(one => one.Number));
        Assert.Equal("Grüße", table.Find(7)?.Name);
        Assert.True(table.Find(2)?.IsBootable);
    }

    [Fact]
    public void A_gpt_by_sgdisk_and_by_parted_is_read()
    {
        var path = _bench.Empty("sgdisk", Disk);
        Tool.MustRun("sgdisk", "-n", "1:2048:+1M", "-t", "1:ef02", "-n", "2:0:0", "-c", "2:root", path);
        DiskBench.AssertSfdiskAgrees(path, DiskBench.Read(path));
        path = _bench.Empty("parted", Disk);
        Tool.MustRun("parted", "-s", path, "mklabel", "gpt", "mkpart", "one", "ext4", "1MiB", "20MiB", "mkpart", "two", "linux-swap", "20MiB", "40MiB");
        DiskBench.AssertSfdiskAgrees(path, DiskBench.Read(path));
    }

    [Fact]
    public void Entries_of_256_bytes_are_read()
    {
        var path = _bench.Sfdisk("disk", Disk, "label: gpt\nstart=2048,size=2048\nstart=8192,size=100\n");
        using var device = FileDevice.OpenReadWrite(path);
        Widen(device);
        var table = PartitionTable.Read(device);
        Assert.Equal([(1, 2048L), (2, 8192L)], table.Partitions.Select(one => (one.Number, one.FirstSector.Value)));
    }

    [Theory]
    [InlineData(512 + 40)]
    [InlineData(512)]
    [InlineData(1024 + 33)]
    public void A_damaged_primary_makes_the_backup_count(int damagedByte)
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        var whole = DiskBench.Read(path);
        using (var device = FileDevice.OpenReadWrite(path))
        {
            device.Write(new GuestOffset(damagedByte), [0x99]);
        }

        var table = DiskBench.Read(path);
        Assert.Equal(["PAR005"], table.Diagnostics.Select(one => one.Id));
        Assert.Equal(whole.Partitions, table.Partitions);
        Assert.Equal(whole.DiskId, table.DiskId);
    }

    [Fact]
    public void A_damaged_backup_is_warned_of()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        using var device = FileDevice.OpenReadWrite(path);
        device.WriteZeros(new GuestOffset(Disk - 512), 512);
        Assert.Equal(["PAR006"], PartitionTable.Read(device).Diagnostics.Select(one => one.Id));
    }

    [Fact]
    public void Two_damaged_copies_are_an_error()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        using var device = FileDevice.OpenReadWrite(path);
        device.WriteZeros(new GuestOffset(Disk - 512), 512);
        device.WriteZeros(new GuestOffset(512), 512);
        var thrown = Assert.Throws<DiagnosticException>(() => PartitionTable.Read(device));
        Assert.Equal("PAR007", thrown.Diagnostic.Id);
    }

    [Fact]
    public void A_truncated_image_keeps_its_readable_partitions()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(Disk / 2);
        }

        var table = DiskBench.Read(path);
        Assert.Equal(["PAR006", "PAR001"], table.Diagnostics.Select(one => one.Id));
        Assert.Equal([1, 2, 7], table.Partitions.Select(one => one.Number));
    }

    [Fact]
    public void A_hybrid_mbr_yields_to_the_gpt()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        Tool.MustRun("sgdisk", "-h", "2", path);
        var table = DiskBench.Read(path);
        Assert.Equal(PartitionTableKind.Gpt, table.Kind);
        Assert.Equal(["PAR012"], table.Diagnostics.Select(one => one.Id));
        Assert.Equal(3, table.Partitions.Length);
    }

    [Fact]
    public void A_gpt_without_its_protective_mbr_is_ignored_with_a_warning()
    {
        var path = _bench.Sfdisk("disk", Disk, Script);
        using var device = FileDevice.OpenReadWrite(path);
        device.WriteZeros(GuestOffset.Zero, 512);
        var table = PartitionTable.Read(device);
        Assert.Equal(PartitionTableKind.None, table.Kind);
        Assert.Equal(["PAR009"], table.Diagnostics.Select(one => one.Id));
    }

    public void Dispose() => _bench.Dispose();

    /// <summary>Rewrites the primary copy with 64 entries of 256 bytes.</summary>
    private static void Widen(FileDevice device)
    {
        var table = new byte[16384];
        device.Read(new GuestOffset(1024), table);
        var wide = new byte[16384];
        for (var index = 0; index < 64; index++)
        {
            table.AsSpan(index * 128, 128).CopyTo(wide.AsSpan(index * 256));
        }

        var header = new byte[512];
        device.Read(new GuestOffset(512), header);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(0x50), 64);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(0x54), 256);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x58), Crc32.Of(wide));
        header.AsSpan(0x10, 4).Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x10), Crc32.Of(header.AsSpan(0, 92)));
        device.Write(new GuestOffset(512), header);
        device.Write(new GuestOffset(1024), wide);
    }
}
