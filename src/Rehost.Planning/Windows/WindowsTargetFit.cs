using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// Fits what a target can offer to what a Windows guest can be given: the best controller and adapter for which the operator supplied a driver or the guest has one, else the best whose driver
/// comes with Windows; the firmware that it starts from already. Fitting again changes nothing.
/// </summary>
internal static class WindowsTargetFit
{
    /// <summary>The target as this guest will see it.</summary>
    public static TargetCapabilities Choose(GuestFacts facts, WindowsFacts windows, TargetCapabilities target, ConversionOptions options)
    {
        if (target.IsXenNative)
        {
            target = TargetCapabilities.XenHvm with { Hypervisor = target.Hypervisor }; // Windows runs with firmware or not at all
        }

        var bus = ChooseBus(windows, target.Hypervisor, options);
        var adapter = WindowsAdapter.Choose(windows, target.Hypervisor, options);
        return target with
        {
            DiskModel = bus?.Model ?? WindowsBus.Of(target.Hypervisor)[^1].Model,
            DiskPrefix = bus?.DiskPrefix ?? WindowsBus.Of(target.Hypervisor)[^1].DiskPrefix,
            BootDrivers = [],
            NetworkModel = adapter.Model,
            NetworkDriver = adapter.Model,
            Firmware = options.Firmware ?? FirmwareOf(facts, windows),
            DiskModels = [],
            NetworkModels = [],
        };
    }

    /// <summary>The controller that will be used; null when the guest has a driver for none.</summary>
    public static WindowsBus? ChooseBus(WindowsFacts windows, Hypervisor hypervisor, ConversionOptions options)
        => WindowsBus.Of(hypervisor).FirstOrDefault(bus => (windows.Architecture != "arm64" || bus.Model != WindowsBus.Ide.Model) && (DriverChoice.Choose(windows, options.Drivers, bus.HardwareIds) is not null || GuestDrivers.PackageFor(windows, bus) is not null || !bus.InBoxOf(windows).IsEmpty));

    // Windows starts with what wrote its boot files: a store on an EFI system partition and a GPT disk is UEFI, whatever a description without firmware says.
    private static Firmware FirmwareOf(GuestFacts facts, WindowsFacts windows)
    {
        if (facts.Machine is { Mode: VirtualizationMode.Hardware, Firmware: Firmware.Uefi })
        {
            return Firmware.Uefi;
        }

        var system = facts.Volumes.FirstOrDefault(volume => volume.DeviceName == windows.SystemVolume);
        return facts.Disks.FirstOrDefault(disk => disk.DiskId == system?.DiskId)?.Scheme == PartitionScheme.Gpt ? Firmware.Uefi : Firmware.Bios;
    }
}

/// <summary>A network adapter that a hypervisor can give a Windows guest.</summary>
/// <param name="Model">In the target's words.</param>
/// <param name="HardwareIds">Ids of the adapter.</param>
internal sealed record WindowsAdapter(string Model, System.Collections.Immutable.ImmutableArray<string> HardwareIds)
{
    /// <summary>virtio-net: transitional and modern device.</summary>
    public static readonly WindowsAdapter Virtio = new("virtio", [@"PCI\VEN_1AF4&DEV_1000", @"PCI\VEN_1AF4&DEV_1041"]);

    /// <summary>VMware's.</summary>
    public static readonly WindowsAdapter Vmxnet3 = new("vmxnet3", [@"PCI\VEN_15AD&DEV_07B0"]);

    private static readonly WindowsAdapter E1000e = new("e1000e", [@"PCI\VEN_8086&DEV_10D3"]);
    private static readonly WindowsAdapter E1000 = new("e1000", [@"PCI\VEN_8086&DEV_100E"]);
    private static readonly WindowsAdapter Rtl8139 = new("rtl8139", [@"PCI\VEN_10EC&DEV_8139"]);

    /// <summary>The adapter that will be used: the paravirtual one where there is a driver, else one that comes with Windows: e1000e from Windows 8 on, e1000 from Vista on, RTL8139 before.</summary>
    public static WindowsAdapter Choose(WindowsFacts windows, Hypervisor hypervisor, ConversionOptions options)
    {
        var best = hypervisor switch { Hypervisor.Kvm => Virtio, Hypervisor.Vmware => Vmxnet3, _ => null };
        if (best is not null && (DriverChoice.Choose(windows, options.Drivers, best.HardwareIds) is not null || windows.DriverPackages.Any(package => package.HardwareIds.Any(id => DriverChoice.IsFor(id, best.HardwareIds)))))
        {
            return best;
        }

        return (hypervisor, windows.Version) switch
        {
            (Hypervisor.Kvm, var version) when version.IsAtLeast(6, 2) => E1000e,
            (Hypervisor.Vmware, var version) when version.IsAtLeast(6, 2) => E1000e,
            (_, var version) when version.IsAtLeast(6, 0) || hypervisor == Hypervisor.Vmware => E1000,
            _ => Rtl8139,
        };
    }
}
