using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes.Gpt;

namespace Rehost.Volumes.Tests;

public sealed class GptWritingTests : IDisposable
{
    private static readonly Guid Id = new("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
    private readonly DiskBench _bench = new();

    [Fact]
    public void Sgdisk_sfdisk_and_parted_accept_what_was_written()
    {
        var path = _bench.Empty("disk", 64 << 20);
        using var device = FileDevice.OpenReadWrite(path);
        Table(512).WriteTo(device);
        var table = PartitionTable.Read(device);
        Assert.Empty(table.Diagnostics);
        DiskBench.AssertSfdiskAgrees(path, table);
        var verdict = Tool.Run("sgdisk", "-v", path);
        Assert.Contains("No problems found", verdict.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Warning", verdict.Output + verdict.Error, StringComparison.Ordinal);
        Assert.Equal(0, Tool.Run("sfdisk", "--verify", path).ExitCode);
        Assert.Contains(":gpt:", Tool.MustRun("parted", "-s", "-m", path, "print"), StringComparison.Ordinal);
    }

    [Fact]
    public void Sectors_of_4096_bytes_are_written_and_found()
    {
        using var device = new MemoryDevice(new byte[64 << 20]);
        Table(4096).WriteTo(device);
        var table = PartitionTable.Read(device);
        Assert.Empty(table.Diagnostics);
        Assert.Equal(4096, table.SectorSize);
        Assert.Equal([(2048L * 4096, 2048L * 4096), (4096L * 4096, 1000L * 4096)], table.Partitions.Select(one => (one.Start.Value, one.Length)));
        device.WriteZeros(new GuestOffset(4096), 4096);
        var fromBackup = PartitionTable.Read(device);
        Assert.Equal(["PAR005"], fromBackup.Diagnostics.Select(one => one.Id));
        Assert.Equal(table.Partitions, fromBackup.Partitions);
    }

    [Fact]
    public void Fdisk_reads_our_4096_byte_sectors_and_we_read_its()
    {
        var path = _bench.Empty("disk", 64 << 20);
        using (var device = FileDevice.OpenReadWrite(path))
        {
            Table(4096).WriteTo(device);
        }

        var listing = Tool.Run("fdisk", "-b", "4096", "-l", path);
        Assert.Equal("", listing.Error);
        Assert.Contains("Disklabel type: gpt", listing.Output, StringComparison.Ordinal);
        Assert.Contains("BIOS boot", listing.Output, StringComparison.Ordinal);

        path = _bench.Empty("theirs", 64 << 20);
        var made = Tool.RunWithInput("fdisk", "g\nn\n3\n512\n+4M\nw\n"u8.ToArray(), "-b", "4096", path);
        Assert.True(made.ExitCode == 0, made.Output + made.Error);
        var table = DiskBench.Read(path);
        Assert.Empty(table.Diagnostics);
        Assert.Equal((4096, 3, 512L * 4096, 4L << 20), (table.SectorSize, table.Partitions[0].Number, table.Partitions[0].Start.Value, table.Partitions[0].Length));
    }

    [Fact]
    public void Boot_code_stays_and_the_bytes_are_always_the_same()
    {
        var first = new byte[1 << 21];
        first.AsSpan(0, 440).Fill(0xcc);
        var second = (byte[])first.Clone();
        var table = new GptTable(Id, [new GptEntry(1, PartitionTypes.BiosBoot, Id, new Lba(34), 100)]);
        table.WriteTo(new MemoryDevice(first));
        table.WriteTo(new MemoryDevice(second));
        Assert.Equal(first, second);
        Assert.Equal(0xcc, first[439]);
    }

    [Theory]
    [InlineData(0, 2048, 1, "")]
    [InlineData(129, 2048, 1, "")]
    [InlineData(1, 33, 1, "")]
    [InlineData(1, 4000, 97, "")]
    [InlineData(1, 2048, 0, "")]
    [InlineData(1, 2048, long.MaxValue, "")]
    [InlineData(1, 1000, 10, "")]
    [InlineData(1, 2048, 1, "a name that has more than 36 characters")]
    public void What_a_gpt_cannot_express_is_refused(int number, long start, long sectors, string name)
    {
        var other = new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3302");
        var table = new GptTable(Id, [new GptEntry(2, PartitionTypes.LinuxData, Id, new Lba(1000), 10), new GptEntry(number, PartitionTypes.LinuxData, other, new Lba(start), sectors, name)]);
        Assert.Equal("PAR013", Assert.Throws<DiagnosticException>(() => table.WriteTo(new MemoryDevice(new byte[1 << 21]))).Diagnostic.Id);
    }

    public void Dispose() => _bench.Dispose();

    private static GptTable Table(int sectorSize) => new(Id, [
        new GptEntry(1, PartitionTypes.BiosBoot, new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3302"), new Lba(2048), 2048),
        new GptEntry(3, PartitionTypes.LinuxData, new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3303"), new Lba(4096), 1000, "root", GptEntry.LegacyBootable)], sectorSize);
}
