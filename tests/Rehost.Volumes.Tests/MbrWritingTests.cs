using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Mbr;

namespace Rehost.Volumes.Tests;

public sealed class MbrWritingTests : IDisposable
{
    private const long Disk = 20L << 30;
    private readonly DiskBench _bench = new();

    [Fact]
    public void The_sector_equals_the_one_sfdisk_writes()
    {
        var path = _bench.Sfdisk("disk", Disk, "label: dos\nlabel-id: 0x1a2b3c4d\nstart=2048,size=20971520,type=83,bootable\nstart=20973568,size=2097152,type=82\n");
        using var theirs = FileDevice.OpenRead(path);
        var expected = new byte[512];
        theirs.Read(GuestOffset.Zero, expected);
        var table = new MbrTable(0x1a2b3c4d, [
            new MbrEntry(1, PartitionTypes.MbrLinux, new Lba(2048), 20971520, IsBootable: true),
            new MbrEntry(2, PartitionTypes.MbrLinuxSwap, new Lba(20973568), 2097152)]);
        Assert.Equal(expected, table.ToSector());
    }

    [Fact]
    public void Sfdisk_and_we_read_back_what_was_written()
    {
        var path = _bench.Empty("disk", Disk);
        using var device = FileDevice.OpenReadWrite(path);
        var table = new MbrTable(0xdeadbeef, [new MbrEntry(2, PartitionTypes.MbrLinux, new Lba(63), 31457280), new MbrEntry(4, 0x82, new Lba(31459328), 100000)]);
        table.WriteTo(device);
        DiskBench.AssertSfdiskAgrees(path, PartitionTable.Read(device));
        Assert.Equal(0, Tool.Run("sfdisk", "--verify", path).ExitCode);
        Assert.Contains("msdos", Tool.MustRun("parted", "-s", "-m", path, "print"), StringComparison.Ordinal);
    }

    [Fact]
    public void Boot_code_stays_and_the_boot_flag_moves()
    {
        var sector = new byte[512];
        sector.AsSpan(0, 440).Fill(0xcc);
        new MbrTable(1, [new MbrEntry(1, 0x83, new Lba(2048), 10, IsBootable: true), new MbrEntry(2, 0x83, new Lba(4096), 10)]).WriteTo(sector);
        var parsed = MbrTable.Parse(sector);
        parsed.WithBootable(2).WriteTo(sector);
        Assert.Equal((0xcc, 0x00, 0x80), (sector[439], sector[0x1be], sector[0x1ce]));
        Assert.Equal([false, true], MbrTable.Parse(sector).Entries.Select(one => one.IsBootable));
    }

    [Theory]
    [InlineData(0, 2048, 1)]
    [InlineData(5, 2048, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 2048, 0)]
    [InlineData(1, 2048, 1L << 32)]
    [InlineData(1, 1L << 32, 1)]
    [InlineData(2, 1005, 10)]
    [InlineData(3, 1005, 10)]
    public void What_an_mbr_cannot_express_is_refused(int number, long start, long sectors)
    {
        var table = new MbrTable(1, [new MbrEntry(3, 0x83, new Lba(1000), 10), new MbrEntry(number, 0x83, new Lba(start), sectors)]);
        Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(table.ToSector).Diagnostic.Id);
    }

    [Fact]
    public void A_partition_beyond_the_disk_is_refused()
    {
        var table = new MbrTable(1, [new MbrEntry(1, 0x83, new Lba(8), 10)]);
        Assert.Throws<DiagnosticException>(() => table.WriteTo(new MemoryDevice(new byte[17 * 512])));
        table.WriteTo(new MemoryDevice(new byte[18 * 512]));
    }

    public void Dispose() => _bench.Dispose();
}
