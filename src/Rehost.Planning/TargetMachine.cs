using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning;

/// <summary>Describes the machine on the target: the source's with disks, network and firmware as the target gives them.</summary>
internal static class TargetMachine
{
    public static VirtualMachine Describe(PlanningContext context, ImmutableArray<StepOutcome> outcomes)
    {
        var source = context.Facts.Machine;
        var name = SafeName(context.Options.Name ?? source.Name);
        var lengths = outcomes.SelectMany(outcome => outcome.Changes).Select(TargetLength).Where(length => length is not null)
            .ToDictionary(length => length.GetValueOrDefault().DiskId, length => length.GetValueOrDefault().Length, StringComparer.Ordinal);
        var bootDisk = context.BootDisk?.Disk.DiskId ?? WindowsBootDisk(context);
        return new VirtualMachine
        {
            Name = name,
            Description = source.Description,
            Uuid = source.Uuid,
            Hypervisor = context.Target.Hypervisor,
            Mode = context.Target.Mode,
            Firmware = context.Target.Firmware,
            Chipset = context.Target.Hypervisor != Hypervisor.Kvm ? null : context.Facts.Windows is { } windows ? Windows.WindowsMachine.Chipset(context.Facts, windows, context.Target, context.Options) : Chipset(context),
            MemoryBytes = source.MemoryBytes,
            VirtualCpus = source.VirtualCpus,
            Disks = [.. source.Disks.Select((disk, index) => disk with
            {
                DeviceName = context.Devices.TargetDiskName(index),
                LengthBytes = lengths.GetValueOrDefault(disk.Id, disk.LengthBytes),
                Format = context.Options.DiskFormat,
                Path = IsPackage(context.Options.DiskFormat) ? $"{name}.{context.Options.DiskFormat}" : $"{name}-{context.Devices.TargetDiskName(index)}.{Extension(context.Options.DiskFormat)}",
                IsBootable = disk.Id == bootDisk,
            })],
            NetworkAdapters = [.. source.NetworkAdapters.Select(adapter => adapter with { Model = context.Target.NetworkModel })],
            ParavirtualBoot = context.Target.Mode == VirtualizationMode.Paravirtual ? new ParavirtualBoot("pygrub", null, null, "") : null,
        };
    }

    // The disk of the store that the firmware finds first; where it is on the system disk, that.
    private static string? WindowsBootDisk(PlanningContext context) => context.Facts.Windows is { } windows
        ? context.Facts.Volumes.FirstOrDefault(volume => volume.DeviceName == (windows.BootStores.FirstOrDefault(store => store.VolumeName != windows.SystemVolume)?.VolumeName ?? windows.SystemVolume))?.DiskId
        : null;

    private static (string DiskId, long Length)? TargetLength(Change change) => change switch
    {
        WrapInPartition wrap => (wrap.DiskId, wrap.TargetLength),
        ShiftPartitions shift => (shift.DiskId, shift.TargetLength),
        _ => null,
    };

    // Behind the PCI Express ports of q35, virtio devices speak virtio 1.0 only, which Linux learned with 3.19 and RHEL 7.2 with its 3.10.0-327. Every kernel that
    // may be booted counts; a kernel whose version says nothing gets the chipset that all can drive.
    private static string Chipset(PlanningContext context)
    {
        var usable = context.Facts.Kernels.Where(kernel => Steps.Linux.KernelChoiceStep.IsUsable(kernel, context.Target)).ToList();
        return usable.Count > 0 && usable.TrueForAll(kernel => MajorVersion(kernel.Version) >= 4) ? "q35" : "pc";
    }

    private static int MajorVersion(string release)
        => int.TryParse(release.Split('.')[0], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var major) ? major : 0;

    // One file that holds the configuration and all disks.
    private static bool IsPackage(string format) => format is "ova" or "xva";

    private static string Extension(string format) => format == "raw" ? "img" : format;

    // The name becomes a file name and a libvirt domain name: letters, digits and a few marks; never a path.
    private static string SafeName(string name)
    {
        var safe = new string([.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.' ? letter : '_')]).TrimStart('.', '-');
        return safe.Length == 0 ? "guest" : safe[..Math.Min(safe.Length, 64)];
    }
}
