using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>The machine that a Windows guest gets.</summary>
internal static class WindowsMachine
{
    /// <summary>
    /// q35 from Windows Vista on, and for UEFI; pc for what has no AHCI driver, for IDE, and where the virtio driver knows only the transitional devices, which q35's PCI Express ports do not have.
    /// </summary>
    public static string Chipset(GuestFacts facts, WindowsFacts windows, TargetCapabilities target, ConversionOptions options)
    {
        if (windows.Architecture == "arm64")
        {
            return "virt";
        }

        if (target.Firmware == Firmware.Uefi)
        {
            return "q35";
        }

        if (!windows.Version.IsAtLeast(6, 0) || target.DiskModel == "ide" || facts.Machine.Chipset == "pc")
        {
            return "pc";
        }

        var bus = WindowsBus.Of(Hypervisor.Kvm).FirstOrDefault(bus => bus.Model == target.DiskModel);
        if (bus is null || bus.InBox.Length > 0)
        {
            return "q35";
        }

        var ids = DriverChoice.Choose(windows, options.Drivers, bus.HardwareIds) is { } chosen ? chosen.Models.Select(model => model.HardwareId) : GuestDrivers.PackageFor(windows, bus)?.HardwareIds ?? [];
        return ids.Any(id => DriverChoice.IsFor(id, [bus.HardwareIds[^1]])) ? "q35" : "pc";
    }

    /// <summary>A TPM where the source had one, and for Windows 11, which takes no upgrade without. What the old one held stays behind: BitLocker must be off before in any case.</summary>
    public static bool HasTpm(VirtualMachine source, WindowsFacts windows, TargetCapabilities target)
        => source.HasTpm == true ? windows.Version.IsAtLeast(6, 1) : !windows.IsServer && windows.Version.IsAtLeast(10, 0, 22000) && target.Firmware == Firmware.Uefi;
}
