using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>What all appliers of registry changes share: the change is made in memory when it is checked, and the hive is written when it is applied.</summary>
internal abstract class RegistryApplier<T>() : ChangeApplier<T>(ApplyPhase.Files)
    where T : RegistryChange
{
    protected override void Check(T change, ApplyContext context) => Change(change, context.Hives.Open(change.HivePath));

    protected override void Apply(T change, ApplyContext context, CancellationToken cancellationToken) => context.Hives.Write(change.HivePath);

    protected abstract void Change(T change, Hive hive);

    protected static void DemandBefore(RegistryChange change, RegistryKey? key, string name, RegistryData? before)
    {
        var found = key?.FindValue(name) is { } value ? RegistryDataForm.Of(value) : null;
        if (found != before)
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"found {found?.ToString() ?? "no such value"}, the plan saw {before?.ToString() ?? "none"}", change.Subject);
        }
    }
}

/// <summary>Sets registry values.</summary>
internal sealed class SetRegistryValueApplier : RegistryApplier<SetRegistryValue>
{
    protected override void Change(SetRegistryValue change, Hive hive)
    {
        DemandBefore(change, hive.Root.Find(change.Key), change.Name, change.Before);
        hive.Root.Create(change.Key).Set(RegistryDataForm.ToValue(change.Name, change.After));
    }
}

/// <summary>Removes registry values.</summary>
internal sealed class RemoveRegistryValueApplier : RegistryApplier<RemoveRegistryValue>
{
    protected override void Change(RemoveRegistryValue change, Hive hive)
    {
        var key = hive.Root.Find(change.Key);
        DemandBefore(change, key, change.Name, change.Before);
        key?.RemoveValue(change.Name);
    }
}

/// <summary>Removes registry keys with all below them.</summary>
internal sealed class RemoveRegistryKeyApplier : RegistryApplier<RemoveRegistryKey>
{
    protected override void Change(RemoveRegistryKey change, Hive hive)
    {
        var key = hive.Root.Find(change.Key) ?? throw ApplyDiagnostics.Missing.ToException("the plan removes this key, and it is not there", change.Subject);
        if (change.BeforeSha256 is { } seen && RegistryDataForm.TreeHash(key) is var found && !string.Equals(found, seen, StringComparison.OrdinalIgnoreCase))
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"what is below it has the SHA-256 {found}, the plan saw {seen}", change.Subject);
        }

        var slash = change.Key.LastIndexOf('\\');
        (slash < 0 ? hive.Root : hive.Root.Demand(change.Key[..slash])).Remove(change.Key[(slash + 1)..]);
    }
}

/// <summary>Makes empty registry keys.</summary>
internal sealed class CreateRegistryKeyApplier : RegistryApplier<CreateRegistryKey>
{
    protected override void Change(CreateRegistryKey change, Hive hive) => hive.Root.Create(change.Key);
}
