using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Boot configuration stores that point at partitions which are not there.</summary>
internal sealed class BootStoreStep : WindowsStep
{
    private const uint BootManagerType = 0x10100002;
    private const uint FirmwareManagerType = 0x10100001;
    private const uint LoaderType = 0x10200003;
    private const uint ResumeType = 0x10200004;
    private const uint Device = 0x11000001;
    private const uint OsDevice = 0x21000001;
    private const uint AssociatedOsDevice = 0x21000005;
    private const uint SystemRootElement = 0x22000002;

    public override string Id => "windows-boot-store";

    public override string Title => "Boot configuration";

    public override string Description =>
        "The store names the partitions of the boot manager and of Windows by disk signature and offset, or by GPT ids. After cloning, or on a disk whose signature was changed, they name what is not there, and Windows says \"the boot " +
        "selection failed\" or finds no bootable disk. Such elements are pointed at the partition that holds the store (boot manager) or this Windows (its loader); a default entry that is missing becomes the loader that starts this " +
        "Windows. Every store is looked at, that of \\Boot and that of the EFI system partition; nothing in them is removed. Drivers are not in the store, whatever is said: S3.10's diagnosis was wrong there.";

    public override ImmutableArray<string> Requirements => ["S3.9", "S3.10"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var stores = windows.BootStores.Where(store => !store.Path.EndsWith("boot.ini", StringComparison.OrdinalIgnoreCase)).ToList();
        foreach (var store in stores)
        {
            Repair(context, windows, store);
        }

        if (stores.Count > 0 && !stores.Any(store => Loaders(store, windows).Any()))
        {
            context.Report(WindowsPlanDiagnostics.NoLoaderEntry.Create($"{string.Join(", ", stores.Select(store => store.Path))}: no loader has the folder {FolderOf(windows)} and a partition that is or could be {windows.SystemVolume}"));
        }

        context.Skip(stores.Count == 0 ? "there is no boot configuration store (boot.ini counts partitions, which do not change)" : "every entry that starts this Windows names partitions that are there");
    }

    private static void Repair(PlanningContext context, WindowsFacts windows, BootStoreFacts store)
    {
        foreach (var element in store.Elements.Where(element => element is { DiskTableId: not null, VolumeName: null }))
        {
            if (RightVolume(windows, store, element) is not { } name || context.Facts.Volumes.FirstOrDefault(volume => volume.DeviceName == name) is not { PartitionNumber: > 0 } volume
                || context.Facts.Disks.FirstOrDefault(disk => disk.DiskId == volume.DiskId) is not { TableId: { } table } disk)
            {
                context.Report(WindowsPlanDiagnostics.BootEntryNotRepaired.Create($"{element.Name} of {element.ObjectId} names {element.Text}", store.Path));
                continue;
            }

            context.Add(new RedirectBootDevice
            {
                StepId = context.Step.Id,
                Requirements = context.Step.Requirements,
                Reason = $"{element.Name} names {element.Text}, which is not there; {name} is what it must mean.",
                StorePath = store.Path,
                ObjectId = element.ObjectId,
                ElementType = element.ElementType,
                Before = element.Text,
                DiskTableId = table,
                PartitionId = disk.Scheme == PartitionScheme.Gpt ? volume.PartitionUuid ?? "" : volume.Offset.ToString(CultureInfo.InvariantCulture),
            });
        }

        var loaders = Loaders(store, windows).ToList();
        if (loaders.Count > 0 && !store.Elements.Any(element => element.ObjectType == LoaderType && element.ObjectId == store.DefaultEntry))
        {
            context.Add(new SetDefaultBootEntry
            {
                StepId = context.Step.Id,
                Requirements = context.Step.Requirements,
                Reason = "The store has no default entry that is there; this is the loader of this Windows.",
                StorePath = store.Path,
                Before = store.DefaultEntry,
                EntryId = loaders[0],
            });
        }
    }

    /// <summary>Ids of loaders that start this Windows, after the repair.</summary>
    private static IEnumerable<string> Loaders(BootStoreFacts store, WindowsFacts windows)
        => store.Elements.Where(element => element.ObjectType == LoaderType && element.ElementType == OsDevice && (element.VolumeName == windows.SystemVolume || (element.VolumeName is null && IsOfThisWindows(store, windows, element.ObjectId)))
            && IsOfThisWindows(store, windows, element.ObjectId)).Select(element => element.ObjectId);

    // The loader's folder says which Windows it starts; a device that names nothing can then only mean the volume with that folder.
    private static string? RightVolume(WindowsFacts windows, BootStoreFacts store, BootElementFacts element) => (element.ObjectType, element.ElementType) switch
    {
        (BootManagerType or FirmwareManagerType, Device) => store.VolumeName,
        (LoaderType, Device or OsDevice) when IsOfThisWindows(store, windows, element.ObjectId) => windows.SystemVolume,
        (ResumeType, Device or OsDevice or AssociatedOsDevice) => windows.SystemVolume,
        (0x10200005, Device) => store.VolumeName, // the memory test lies beside the boot manager
        _ => null,
    };

    private static bool IsOfThisWindows(BootStoreFacts store, WindowsFacts windows, string objectId)
        => store.Elements.Any(element => element.ObjectId == objectId && element.ElementType == SystemRootElement && element.Text.Trim('\\').Equals(FolderOf(windows), StringComparison.OrdinalIgnoreCase))
        && !store.Elements.Any(element => element.ObjectId == objectId && element.Text.StartsWith("ramdisk=", StringComparison.Ordinal));

    private static string FolderOf(WindowsFacts windows) => windows.SystemRoot.Trim('/').Replace('/', '\\');
}
