using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Moves all partitions of an MBR disk up by one distance. Logical partitions are described relative to the extended one and its boot records, which move along, so only sector 0 changes.
/// </summary>
internal sealed class ShiftPartitionsApplier() : ChangeApplier<ShiftPartitions>(ApplyPhase.Layout)
{
    protected override void Check(ShiftPartitions change, ApplyContext context)
    {
        var disk = context.Disk(change.DiskId);
        if (change.ShiftBytes <= 0 || change.ShiftBytes % Lba.SectorSize != 0)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"partitions are to move by {change.ShiftBytes} bytes; needed are whole sectors", change.DiskId);
        }

        var first = FirstPartition(disk.Device, change.DiskId);
        DiskLayout.DemandHead(first + change.ShiftBytes, change.DiskId);
        DiskLayout.DemandTarget(change.ShiftBytes, disk.Device.Length, change.TargetLength, change.DiskId);
        Table(disk.Device, change).WriteTo(new byte[MbrTable.SectorLength]);
    }

    protected override void Apply(ShiftPartitions change, ApplyContext context, CancellationToken cancellationToken)
    {
        var disk = context.Disk(change.DiskId);
        var first = FirstPartition(disk.Device, change.DiskId);
        var head = new byte[first + change.ShiftBytes];

        // Sector 0 keeps its boot code; what the old boot loader left in the gap is found there by no one any more, and zeros stay in its place.
        disk.Device.Read(GuestOffset.Zero, head.AsSpan(0, MbrTable.SectorLength));
        Table(disk.Device, change).WriteTo(head.AsSpan(0, MbrTable.SectorLength));
        disk.Move(head, first, change.TargetLength);
    }

    private static long FirstPartition(IBlockDevice device, string diskId)
    {
        var table = PartitionTable.Read(device);
        return table is { Kind: PartitionTableKind.Mbr, Partitions.IsEmpty: false }
            ? table.FirstUsedByte(device).Value
            : throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"the plan saw an MBR with partitions, found is {table.Kind}", diskId);
    }

    private static MbrTable Table(IBlockDevice device, ShiftPartitions change)
    {
        var sector = new byte[MbrTable.SectorLength];
        device.Read(GuestOffset.Zero, sector);
        var table = MbrTable.Parse(sector);
        var distance = change.ShiftBytes / Lba.SectorSize;
        return table with { Entries = [.. table.Entries.Select(entry => entry with { Start = new Lba(entry.Start.Value + distance) })] };
    }
}
