using Rehost.Model;
using Rehost.Volumes;

namespace Rehost.Conversion.Appliers;

/// <summary>Adds a BIOS boot partition to a GPT. Everything else in the table, unknown attributes included, stays.</summary>
internal sealed class AddBiosBootPartitionApplier() : ChangeApplier<AddBiosBootPartition>(ApplyPhase.Layout)
{
    protected override void Check(AddBiosBootPartition change, ApplyContext context)
    {
        var device = context.Disk(change.DiskId).Device;
        var table = PartitionTable.Read(device);
        if (table.Kind != PartitionTableKind.Gpt)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"the plan saw a GPT, found is {table.Kind}", change.DiskId);
        }

        if (change.Offset <= 0 || change.LengthBytes <= 0 || change.Offset % table.SectorSize != 0 || change.LengthBytes % table.SectorSize != 0)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{change.LengthBytes} bytes at {change.Offset}; needed are whole sectors of {table.SectorSize} bytes", change.DiskId);
        }

        if (table.Partitions.FirstOrDefault(one => one.Start.Value < change.Offset + change.LengthBytes && change.Offset < one.End.Value) is { } taken)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{change.LengthBytes} bytes at {change.Offset} overlap partition {taken.Number}", change.DiskId);
        }

        _ = GptEditor.Open(device, table.SectorSize, change.DiskId).FindFreeEntry();
    }

    protected override void Apply(AddBiosBootPartition change, ApplyContext context, CancellationToken cancellationToken)
    {
        var device = context.Disk(change.DiskId).Device;
        var table = PartitionTable.Read(device);
        GptEditor.Open(device, table.SectorSize, change.DiskId).Add(PartitionTypes.BiosBoot, change.Offset / table.SectorSize, change.LengthBytes / table.SectorSize, "BIOS boot partition");
    }
}
