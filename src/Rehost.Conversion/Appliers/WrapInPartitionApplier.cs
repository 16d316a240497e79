using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes;
using Rehost.Volumes.Mbr;

namespace Rehost.Conversion.Appliers;

/// <summary>Gives an unpartitioned disk a partition table and one partition around its content (S1.10): the target grows, nothing is shrunk.</summary>
internal sealed class WrapInPartitionApplier() : ChangeApplier<WrapInPartition>(ApplyPhase.Layout)
{
    protected override void Check(WrapInPartition change, ApplyContext context)
    {
        var disk = context.Disk(change.DiskId);
        if (PartitionTable.Read(disk.Device) is { Kind: not PartitionTableKind.None } table)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"the plan saw no partition table, and there is one of kind {table.Kind}", change.DiskId);
        }

        DiskLayout.DemandHead(change.PartitionOffset, change.DiskId);
        DiskLayout.DemandTarget(change.PartitionOffset, disk.Device.Length, change.TargetLength, change.DiskId);
        _ = Signature(change);
        _ = Table(change, disk.Device.Length);
    }

    protected override void Apply(WrapInPartition change, ApplyContext context, CancellationToken cancellationToken)
    {
        var disk = context.Disk(change.DiskId);
        var head = new byte[change.PartitionOffset];
        Table(change, disk.Device.Length).WriteTo(head.AsSpan(0, MbrTable.SectorLength));
        disk.Move(head, 0, change.TargetLength);
    }

    /// <summary>The partition ends with the content, filled up to a whole sector; it is marked active (S1.7), because some BIOSes want that.</summary>
    private static MbrTable Table(WrapInPartition change, long contentLength)
    {
        var sectors = (contentLength + Lba.SectorSize - 1) / Lba.SectorSize;
        return new MbrTable(Signature(change), [new MbrEntry(1, PartitionTypes.MbrLinux, new Lba(change.PartitionOffset / Lba.SectorSize), sectors, IsBootable: true)]);
    }

    private static uint Signature(WrapInPartition change)
        => uint.TryParse(change.DiskSignature, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var signature)
            ? signature
            : throw ApplyDiagnostics.Contradiction.ToException($"\"{change.DiskSignature}\" is no disk signature of 8 hexadecimal digits", change.DiskId);
}
