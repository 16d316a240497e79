using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Steps.Linux;

namespace Rehost.Planning;

/// <summary>
/// Fits what a target can offer to what a guest can use: the best controller and adapter that its best kernel has drivers for, the console by the names of that kernel, the firmware that it
/// boots from already. Fitting again changes nothing.
/// </summary>
internal static class TargetFit
{
    /// <summary>The target as this guest will see it.</summary>
    public static TargetCapabilities Choose(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        target = XenBoot.Choose(facts, target, options);
        var (kernel, disk) = ChooseDisk(facts, target);
        var network = target.NetworkModels.FirstOrDefault(model => kernel is not null && Has(kernel, model)) ?? target.NetworkModels.FirstOrDefault();
        var fitted = target with
        {
            DiskModel = disk?.Name ?? target.DiskModel,
            DiskPrefix = disk?.DiskPrefix ?? target.DiskPrefix,
            BootDrivers = disk?.Drivers ?? target.BootDrivers,
            NetworkModel = network?.Name ?? target.NetworkModel,
            NetworkDriver = network is null ? target.NetworkDriver : network.Drivers[0],

            // A boot loader for UEFI finds nothing to start on a BIOS, and the other way round: the machine keeps the firmware that it has.
            Firmware = target.Mode == VirtualizationMode.Hardware && options.Firmware is { } wanted ? wanted
                : target.Mode == VirtualizationMode.Hardware && facts.Machine is { Mode: VirtualizationMode.Hardware, Firmware: Firmware.Uefi } ? Firmware.Uefi : target.Firmware,
        };
        return target.IsXenNative && kernel is not null ? WithXenConsole(fitted, kernel) : fitted;
    }

    /// <summary>The kernel that the target will start by default: the guest's own default where it can run, else the best that can.</summary>
    public static InstalledKernel? DefaultKernel(GuestFacts facts, TargetCapabilities target) => facts.Kernels.FirstOrDefault(kernel => KernelChoiceStep.IsUsable(kernel, target));

    private static (InstalledKernel? Kernel, DeviceModel? Model) ChooseDisk(GuestFacts facts, TargetCapabilities target)
    {
        foreach (var kernel in facts.Kernels.Where(kernel => KernelChoiceStep.WhyNotInMode(kernel, target) is null))
        {
            if (target.DiskModels.FirstOrDefault(model => Has(kernel, model)) is { } model)
            {
                return (kernel, model);
            }
        }

        return (null, target.DiskModels.FirstOrDefault());
    }

    private static bool Has(InstalledKernel kernel, DeviceModel model) => model.Drivers.All(driver => kernel.Driver(driver).Form != DriverForm.Missing);

    // Kernels with paravirt_ops call it hvc0; those for Xen alone xvc0 (2.6.18), and before that the console was /dev/console and nothing else (2.6.9 of Red Hat 4: S2.15).
    private static TargetCapabilities WithXenConsole(TargetCapabilities target, InstalledKernel kernel)
    {
        var name = !kernel.RequiresXen ? "hvc0" : KernelVersion.IsBefore(kernel.Version, 2, 6, 18) ? "console" : "xvc0";
        ImmutableArray<string> arguments = name == "console" ? [] : [name];
        return target with { SerialConsole = name, SerialConsoleArgument = name, ConsoleArguments = arguments };
    }
}
