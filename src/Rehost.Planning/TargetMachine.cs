using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
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
            .GroupBy(length => length.GetValueOrDefault().DiskId, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Max(length => length.GetValueOrDefault().Length), StringComparer.Ordinal);
        var bootDisk = context.BootDisk?.Disk.DiskId ?? (context.Facts.Windows is null ? XenBootDisk(context) : WindowsBootDisk(context));
        return new VirtualMachine
        {
            Name = name,
            Description = source.Description,
            Uuid = context.Options.IsClone ? CloneUuid(source, name) : source.Uuid,
            Hypervisor = context.Target.Hypervisor,
            Mode = context.Target.Mode,
            Firmware = context.Target.Firmware,
            Chipset = context.Target.Hypervisor != Hypervisor.Kvm ? null : context.Facts.Windows is { } windows ? Windows.WindowsMachine.Chipset(context.Facts, windows, context.Target, context.Options) : Chipset(context),
            HasTpm = context.Facts.Windows is { } guest && Windows.WindowsMachine.HasTpm(source, guest, context.Target) ? true : null,
            HasSecureBoot = context.Facts.Windows is not null && context.Target.Firmware == Firmware.Uefi ? source.HasSecureBoot : null,
            MemoryBytes = source.MemoryBytes,
            VirtualCpus = source.VirtualCpus,
            EventActions = context.Target.Hypervisor is Hypervisor.Xen or Hypervisor.XenServer ? EventActions.Over(context.Options.EventActions, source.EventActions) : null,
            Disks = context.Options.DiskLayout == "partitions" ? Partitions(context, name) : [.. source.Disks.Select((disk, index) => disk with
            {
                DeviceName = context.Devices.TargetDiskName(index),
                LengthBytes = lengths.GetValueOrDefault(disk.Id, disk.LengthBytes),
                Format = context.Options.DiskFormat,
                Path = IsPackage(context.Options.DiskFormat) ? $"{name}.{context.Options.DiskFormat}" : PathOf(context, name, context.Devices.TargetDiskName(index)),
                IsBootable = disk.Id == bootDisk,
                Bus = context.Target.Hypervisor == Hypervisor.Kvm && context.Target.DiskModel != "virtio" ? context.Target.DiskModel : null,
            })],
            NetworkAdapters = [.. source.NetworkAdapters.Zip(context.Addresses.All, (adapter, mac) => adapter with
            {
                Model = context.Target.NetworkModel,
                MacAddress = mac,

                // At this place Windows knows the adapter again, and with it its addresses.
                PciSlot = context.Facts.Windows is { } known ? Windows.PredictedAdapter.Find(context.Facts, known, context.Registry, context.Target, context.Options)?.PciSlot : null,
            })],
            ParavirtualBoot = BootOf(context, name),
        };
    }

    // The disk of the store that the firmware finds first; where it is on the system disk, that.
    private static string? WindowsBootDisk(PlanningContext context) => context.Facts.Windows is { } windows
        ? context.Facts.Volumes.FirstOrDefault(volume => volume.DeviceName == (windows.BootStores.FirstOrDefault(store => store.VolumeName != windows.SystemVolume)?.VolumeName ?? windows.SystemVolume))?.DiskId
        : null;

    /// <summary>What the host needs beside the disks; null for nothing.</summary>
    public static IReadOnlyList<HandedOutFile>? HandedOut(PlanningContext context)
    {
        if (context.Target.XenBoot != XenBootForm.Direct || TargetFit.DefaultKernel(context.Facts, context.Target) is not { } kernel)
        {
            return null;
        }

        var name = SafeName(context.Options.Name ?? context.Facts.Machine.Name);
        if (context.IsZeroWrite)
        {
            Steps.Linux.HelperPartitionStep.TryPrefix(context, kernel, out var drivers, out _);
            List<HandedOutFile> untouched = [new HandedOutFile(kernel.ImagePath, KernelName(name), Steps.Linux.UnifiedKernelStep.KernelPart(kernel))];
            return kernel.Initramfs is { } own ? [.. untouched, new HandedOutFile(own.Path, InitramfsName(name), Steps.Linux.UnifiedKernelStep.InitramfsPart(kernel), drivers)] : untouched;
        }

        List<HandedOutFile> files = [new HandedOutFile(Steps.Linux.UnifiedKernelStep.ImagePath(kernel), KernelName(name))];
        if ((Steps.Linux.OwnInitramfs.PathFor(context, kernel) ?? Steps.Linux.UnifiedKernelStep.InitramfsPath(kernel)) is { } initramfs)
        {
            files.Add(new HandedOutFile(initramfs, InitramfsName(name)));
        }

        return files;
    }

    // A device for each partition that holds something, under the name that the partition has; the one that pygrub must read comes first, because it looks at the first only.
    private static ImmutableArray<VirtualDisk> Partitions(PlanningContext context, string name)
    {
        var kernel = TargetFit.DefaultKernel(context.Facts, context.Target);
        var boot = kernel is null ? null : context.Devices.Holding(kernel.ImagePath);
        var disks = ImmutableArray.CreateBuilder<VirtualDisk>();
        for (var index = 0; index < context.Facts.Machine.Disks.Length; index++)
        {
            var disk = context.Facts.Machine.Disks[index];
            var device = context.Devices.TargetDiskName(index);
            var facts = context.Facts.Disks.FirstOrDefault(one => one.DiskId == disk.Id);
            var parts = context.Facts.Volumes.Where(volume => volume.DiskId == disk.Id && volume.BuiltOn.IsEmpty && volume.PartitionNumber > 0 && volume.Offset != facts?.BiosBootPartitionOffset)
                .Where(volume => !context.Facts.Volumes.Any(inner => inner != volume && inner.DiskId == volume.DiskId && inner.BuiltOn.IsEmpty && inner.Offset > volume.Offset && inner.Offset < volume.Offset + volume.LengthBytes))
                .OrderBy(volume => volume.PartitionNumber).ToList();
            if (parts.Count == 0)
            {
                disks.Add(disk with { DeviceName = device, Format = context.Options.DiskFormat, Path = PathOf(context, name, device), IsBootable = boot?.DiskId == disk.Id });
            }

            foreach (var part in parts)
            {
                var partName = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{device}{part.PartitionNumber}");
                disks.Add(disk with
                {
                    Id = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{disk.Id}:{part.PartitionNumber}"),
                    DeviceName = partName,
                    LengthBytes = part.LengthBytes,
                    Format = context.Options.DiskFormat,
                    Path = PathOf(context, name, partName),
                    IsBootable = boot == part,
                    Part = new DiskPart(disk.Id, part.Offset, part.LengthBytes),
                });
            }
        }

        return [.. disks.OrderByDescending(disk => disk.IsBootable)];
    }

    private static string PathOf(PlanningContext context, string name, string device)
        => context.Options.DiskTargets?.GetValueOrDefault(device) ?? $"{name}-{device}.{Extension(context.Options.DiskFormat)}";

    private static ParavirtualBoot? BootOf(PlanningContext context, string name) => context.Target switch
    {
        { IsXenNative: false } => null,
        { XenBoot: XenBootForm.Direct } when TargetFit.DefaultKernel(context.Facts, context.Target) is { } kernel
            => new ParavirtualBoot(null, KernelName(name), kernel.Initramfs is null && !Steps.Linux.OwnInitramfs.IsMade(context, kernel) ? null : InitramfsName(name), Steps.Linux.BootMenuStep.ArgumentsFor(kernel, context)),
        { XenBoot: XenBootForm.Pvgrub } => new ParavirtualBoot("pvgrub", XenBoot.GrubOf(context), null, ""),
        // XenServer adds these to what pygrub finds in the menu; said twice they do no harm, and an operator looks for them there (S0.32).
        { Hypervisor: Hypervisor.XenServer, ConsoleArguments: [.., var console] } => new ParavirtualBoot("pygrub", null, null, "console=" + console),
        _ => new ParavirtualBoot("pygrub", null, null, ""),
    };

    // XenServer's pygrub is given the devices that are marked (S0.34), and nothing of the guest is written there that would tell.
    private static string? XenBootDisk(PlanningContext context)
        => context.Target.Hypervisor is not (Hypervisor.Xen or Hypervisor.XenServer) ? null
        : TargetFit.DefaultKernel(context.Facts, context.Target) is { } kernel && context.Devices.Holding(kernel.ImagePath) is { BuiltOn.IsEmpty: true } volume ? volume.DiskId
        : context.Facts.Machine.Disks.FirstOrDefault()?.Id;

    private static string KernelName(string machine) => machine + "-vmlinuz";

    private static string InitramfsName(string machine) => machine + "-initrd.img";


    // Follows from the source and the copy's name, as its addresses do; version and variant as RFC 9562 has them for such (8).
    private static Guid CloneUuid(VirtualMachine source, string name)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"uuid {source.Uuid} {source.Name} {string.Join(' ', source.NetworkAdapters.Select(adapter => adapter.MacAddress))} {name}"))[..16];
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash, bigEndian: true);
    }

    private static (string DiskId, long Length)? TargetLength(Change change) => change switch
    {
        WrapInPartition wrap => (wrap.DiskId, wrap.TargetLength),
        ShiftPartitions shift => (shift.DiskId, shift.TargetLength),
        AddHelperPartition helper => (helper.DiskId, helper.TargetLength),
        _ => null,
    };

    // Behind the PCI Express ports of q35, virtio devices speak virtio 1.0 only, which Linux learned with 3.19 and RHEL 7.2 with its 3.10.0-327. Every kernel that
    // may be booted counts; a kernel whose version says nothing gets the chipset that all can drive.
    private static string Chipset(PlanningContext context)
    {
        if (context.Target.DiskModel == "ide")
        {
            return "pc"; // q35 has no IDE.
        }

        var usable = context.Facts.Kernels.Where(kernel => Steps.Linux.KernelChoiceStep.IsUsable(kernel, context.Target)).ToList();
        return usable.Count > 0 && usable.TrueForAll(kernel => MajorVersion(kernel.Version) >= 4) ? "q35" : "pc";
    }

    private static int MajorVersion(string release)
        => int.TryParse(release.Split('.')[0], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var major) ? major : 0;

    // One file that holds the configuration and all disks.
    private static bool IsPackage(string format) => format is "ova" or "xva";

    private static string Extension(string format) => format == "raw" ? "img" : format;

    // The name becomes a file name and a libvirt domain name: letters, digits and a few marks; never a path.
    private static string SafeName(string name) => HostFileName.From(name);
}
