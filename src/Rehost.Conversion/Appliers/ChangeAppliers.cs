using Rehost.Conversion.Appliers.Windows;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>The written list: one applier for each kind of change. A new kind is a record in the model, a class here and a line in this list; a test proves it complete.</summary>
public static class ChangeAppliers
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IChangeApplier> All { get; } =
    [
        new WriteFileApplier(),
        new EditFileApplier(),
        new DeleteFileApplier(),
        new MakeLinkApplier(),
        new ExtendInitramfsApplier(),
        new RewriteInitramfsApplier(),
        new RelabelApplier(),
        new InstallPackageApplier(),
        new PrepareFileApplier(),
        new WrapInPartitionApplier(),
        new ShiftPartitionsApplier(),
        new AddBiosBootPartitionApplier(),
        new InstallBootloaderApplier(),
        new SetRegistryValueApplier(),
        new RemoveRegistryValueApplier(),
        new RemoveRegistryKeyApplier(),
        new CreateRegistryKeyApplier(),
        new RedirectBootDeviceApplier(),
        new SetDefaultBootEntryApplier(),
        new PlaceFileApplier(),
        new DeleteDirectoryApplier(),
        new SetNtfsGeometryApplier(),
        new AddHelperPartitionApplier(),
        new CopyFileApplier(),
        new UnpackUnifiedKernelApplier(),
        new MakeInitramfsApplier(),
    ];

    /// <summary>The applier of a change.</summary>
    /// <exception cref="DiagnosticException">There is none for this kind.</exception>
    public static IChangeApplier For(Change change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return All.FirstOrDefault(applier => applier.ChangeType == change.GetType())
            ?? throw ApplyDiagnostics.Contradiction.ToException($"no applier is known for a change of kind {change.GetType().Name}", change.Subject);
    }
}
