using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Steps.Linux;
using Rehost.Planning.Steps.Windows;
using Rehost.Planning.Windows;

namespace Rehost.Planning;

/// <summary>All steps, in the order in which they plan and are applied.</summary>
public static class ConversionSteps
{
    /// <summary>The written list. A step sees the guest's texts as the steps above it leave them.</summary>
    public static ImmutableArray<ConversionStep> All { get; } =
    [
        new SuppliedPackagesStep(),     // what was put into the guest before it was inspected: all others see it as the guest's own
        new KernelChoiceStep(),         // before all that plan for kernels: without a kernel there is nothing to plan
        new TargetDevicesStep(),        // tells what the steps below prepare the guest for
        new InitramfsDriversStep(),
        new UnifiedKernelStep(),
        new InitramfsConfigurationStep(),
        new ModuleAliasesStep(),
        new DiskLayoutStep(),           // before everything that asks where the boot loader goes
        new BootMenuStep(),             // after DiskLayout: (hd0) becomes (hd0,0) only when the disk is wrapped
        new BootMenuDefaultsStep(),     // after BootMenu: what update-grub will make next time must agree with it
        new UefiFallbackStep(),
        new DeviceMapStep(),
        new FstabStep(),
        new CrypttabStep(),
        new ResumeDeviceStep(),
        new DeviceNamesStep(),
        new InittabStep(),
        new SystemdConsoleStep(),
        new UpstartConsoleStep(),
        new SecurettyStep(),
        new InterfaceNamesStep(),
        new MachineIdentityStep(),
        new HypervisorToolsStep(),
        new LoadedModulesStep(),        // after ModuleAliases and InitramfsConfiguration, which edit lists of the same files
        new ClockStep(),
        new HardwareDetectionStep(),
        new DisplayDriverStep(),
        new XenLibrariesStep(),
        new SelinuxLabelsStep(),        // after every step that makes files
        new HelperPartitionStep(),      // after DiskLayout: behind everything else on the disk
        new BootLoaderStep(),           // last: writes outside the file systems, and reads the configuration that BootMenu decided on

        new WindowsStateStep(),         // first for Windows: signs that stop, and what the others prepare the guest for
        new OldHypervisorDriversStep(), // before the drivers of the target: a filter of the old one would hold them back, and a service of both is then made anew
        new StorageDriverStep(),
        new NetworkDriverStep(),
        new NetworkAddressesStep(),
        new BootStoreStep(),
        new BootGeometryStep(),
        new EfiFallbackLoaderStep(),
        new WindowsDisksStep(),
        new CrashControlStep(),
        new FirstBootStep(),            // last: runs what the steps above leave to the first start
    ];

    /// <summary>The steps for a guest: those of its family.</summary>
    public static IEnumerable<ConversionStep> For(GuestFacts facts)
    {
        ArgumentNullException.ThrowIfNull(facts);
        return All.Where(step => (step is WindowsStep) == (facts.Windows is not null));
    }
}
