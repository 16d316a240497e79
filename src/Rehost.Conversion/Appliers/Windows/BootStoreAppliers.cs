using System.Globalization;
using Rehost.Model;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>Points device elements of boot configuration stores at partitions that are there; everything else in the element stays.</summary>
internal sealed class RedirectBootDeviceApplier() : ChangeApplier<RedirectBootDevice>(ApplyPhase.Files)
{
    protected override void Check(RedirectBootDevice change, ApplyContext context)
    {
        var store = BcdStore.Open(context.Hives.Open(change.StorePath));
        var entry = Guid.TryParseExact(change.ObjectId, "b", out var id) ? store.Find(id) : null;
        if (entry?.Find(change.ElementType) is not { Format: BcdElementFormat.Device } element)
        {
            throw ApplyDiagnostics.Missing.ToException("the store has no such device element", change.Subject);
        }

        if (element.ToString() != change.Before)
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"found {element}, the plan saw {change.Before}", change.Subject);
        }

        var partition = PartitionOf(change);
        var device = element.AsDevice();
        entry.Set(BcdElement.OfDevice(change.ElementType, device.Partition is null ? BcdDevice.Of(partition) : device.With(partition)));
    }

    protected override void Apply(RedirectBootDevice change, ApplyContext context, CancellationToken cancellationToken) => context.Hives.Write(change.StorePath);

    private static BcdPartition PartitionOf(RedirectBootDevice change)
        => Guid.TryParse(change.PartitionId, out var partition) && Guid.TryParse(change.DiskTableId, out var disk) ? new BcdPartition.Gpt(partition, disk)
        : ulong.TryParse(change.PartitionId, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) && uint.TryParse(change.DiskTableId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var signature)
            ? new BcdPartition.Mbr(offset, signature)
            : throw ApplyDiagnostics.Contradiction.ToException($"'{change.PartitionId}' on '{change.DiskTableId}' is no partition", change.Subject);
}

/// <summary>Sets the default entry of boot configuration stores.</summary>
internal sealed class SetDefaultBootEntryApplier() : ChangeApplier<SetDefaultBootEntry>(ApplyPhase.Files)
{
    protected override void Check(SetDefaultBootEntry change, ApplyContext context)
    {
        var store = BcdStore.Open(context.Hives.Open(change.StorePath));
        var manager = store.BootManager ?? throw ApplyDiagnostics.Missing.ToException("the store has no boot manager", change.Subject);
        var found = manager.Find(BcdNames.DefaultEntry)?.AsId().ToString("b");
        if (found != change.Before)
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"the default entry is {found ?? "not said"}, the plan saw {change.Before ?? "none"}", change.Subject);
        }

        if (!Guid.TryParseExact(change.EntryId, "b", out var id) || store.Find(id) is null)
        {
            throw ApplyDiagnostics.Contradiction.ToException($"{change.EntryId} is no entry of the store", change.Subject);
        }

        manager.Set(BcdElement.OfId(BcdNames.DefaultEntry, id));
    }

    protected override void Apply(SetDefaultBootEntry change, ApplyContext context, CancellationToken cancellationToken) => context.Hives.Write(change.StorePath);
}
