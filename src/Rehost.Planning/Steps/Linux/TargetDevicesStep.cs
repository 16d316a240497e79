using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Says which controller, adapter, console and firmware the machine gets, and why.</summary>
internal sealed class TargetDevicesStep : ConversionStep
{
    private static readonly string[] VirtioDrivers = ["virtio_pci", "virtio_blk", "virtio_net"];

    public override string Id => "target-devices";

    public override string Title => "Devices that guest and target both know";

    public override string Description =>
        "Of the disk controllers and network adapters that the target offers, the machine gets the best that its default kernel has drivers for: virtio on KVM, or an emulated SATA or IDE disk and e1000 or rtl8139 adapter for kernels before virtio; Xen's own on Xen PV; a paravirtual or LSI controller, " +
        "vmxnet3, e1000 or vlance by age on VMware. The console has the name that the kernel gives it (hvc0, or xvc0 and /dev/console before paravirt_ops). A machine that starts from UEFI keeps that. The step changes nothing by itself.";

    public override ImmutableArray<string> Requirements => ["S0.32", "S1.27", "S2.23", "S3.7", "X.6"];

    public override bool EditsGuest => false;

    public override void Plan(PlanningContext context)
    {
        var target = context.Target;
        if (TargetFit.DefaultKernel(context.Facts, target) is not { } kernel)
        {
            context.Skip("no kernel of the guest can run on the target");
            return;
        }

        if (kernel.Driver(target.NetworkDriver).Form == DriverForm.Missing)
        {
            context.Report(PlanDiagnostics.NoNetworkDriver.Create($"kernel {kernel.Version} has no driver {target.NetworkDriver}"));
        }

        if (target.Hypervisor == Hypervisor.Kvm && (target.DiskModel != "virtio" || target.NetworkModel != "virtio"))
        {
            var missing = VirtioDrivers.Where(name => kernel.Driver(name).Form == DriverForm.Missing);
            context.Report(PlanDiagnostics.EmulatedDevices.Create($"kernel {kernel.Version} has no {string.Join(", ", missing)}: disks at {target.DiskModel}, network adapter {target.NetworkModel}"));
        }

        // The host's request to switch off comes as a press of ACPI's power button; on Xen PV it comes through XenStore.
        if (!target.IsXenNative && BootMenuStep.ArgumentsFor(kernel, context).Split(' ').FirstOrDefault(argument => argument is "acpi=off" or "noacpi") is { } off)
        {
            context.CheckByHand($"The kernel is started with {off}, which some hardware of its time needed: without ACPI the machine cannot be shut down by its host, and has one processor. Try it without.");
        }

        var drivers = string.Join(", ", target.BootDrivers.Append(target.NetworkDriver).Select(name => kernel.Driver(name).Name));
        context.Skip($"kernel {kernel.Version} is started, which has {drivers}: disks at {target.DiskModel}, network adapter {target.NetworkModel}, console {target.SerialConsole}");
    }
}
