using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Puts the drivers of the network adapter and of KVM's other devices where Plug and Play finds them at the first start.</summary>
internal sealed class NetworkDriverStep : WindowsStep
{
    // Devices of the machine that is written for KVM, by their transitional and modern ids.
    private static readonly ImmutableArray<(string What, string Transitional, string Modern)> OtherDevices =
    [
        ("the serial channels of the guest agent", @"PCI\VEN_1AF4&DEV_1003", @"PCI\VEN_1AF4&DEV_1043"),
        ("the memory balloon", @"PCI\VEN_1AF4&DEV_1002", @"PCI\VEN_1AF4&DEV_1045"),
        ("the source of random numbers", @"PCI\VEN_1AF4&DEV_1005", @"PCI\VEN_1AF4&DEV_1044"),
    ];

    public override string Id => "windows-network-driver";

    public override string Title => "Driver of the network adapter";

    public override string Description =>
        "The adapter's driver (netkvm), and those of the balloon, the serial channels and the random numbers, go to the driver store (Windows 8 and later) or to a directory where Plug and Play looks (before), so that the first " +
        "start finds its network without asking anybody. Without one the machine gets an adapter whose driver comes with Windows. On Xen, XenServer's and XCP-ng's PV drivers go the same way: the first start is on the emulated IDE disk, " +
        "Plug and Play sets them up, and from the next start on disks and network are paravirtual.";

    public override ImmutableArray<string> Requirements => ["S3.8", "S3.16"];

    public override ImmutableArray<string> Reads => DriverStaging.Reads;

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (context.Options.Drivers.IsEmpty)
        {
            context.Skip($"no drivers were supplied; the adapter is {context.Target.NetworkModel}");
            return;
        }

        var staging = new DriverStaging(context, windows, registry);
        var wanted = new List<(string What, ImmutableArray<string> Ids)>();
        if (context.Target.NetworkModel == WindowsAdapter.Virtio.Model)
        {
            wanted.Add(("the network adapter", WindowsAdapter.Virtio.HardwareIds));
        }
        else if (context.Target.NetworkModel == WindowsAdapter.Vmxnet3.Model)
        {
            wanted.Add(("the network adapter", WindowsAdapter.Vmxnet3.HardwareIds));
        }

        if (context.Target.Hypervisor == Hypervisor.Kvm)
        {
            wanted.AddRange(OtherDevices.Select(device => (device.What, ImmutableArray.Create(device.Transitional, device.Modern))));
        }

        foreach (var (what, ids) in wanted)
        {
            if (DriverChoice.Choose(windows, context.Options.Drivers, ids) is { } chosen)
            {
                StorageDriverStep.Report(context, windows, chosen);
                staging.Stage(chosen, isForBoot: false, $"Plug and Play finds the driver of {what} here at the first start.");
            }
        }

        var onXen = XenPackages(context, windows).ToList();
        foreach (var chosen in onXen)
        {
            StorageDriverStep.Report(context, windows, chosen);
            staging.Stage(chosen, isForBoot: false, "Plug and Play finds Xen's drivers here at the first start, which is on emulated devices.");
        }

        if (onXen.Count > 0)
        {
            context.CheckByHand("After: the first start sets Xen's PV drivers up; restart Windows once more, and its disks and adapters are paravirtual ones.");
        }

        context.Skip("the drivers are in place already, or none of those supplied fits");
    }

    /// <summary>Xen's PV drivers that were supplied and fit, on a target that has Xen's devices.</summary>
    internal static IEnumerable<ChosenPackage> XenPackages(PlanningContext context, WindowsFacts windows)
        => HypervisorDrivers.Xen.Hypervisors.Contains(context.Target.Hypervisor) ? DriverChoice.ChooseEach(windows, context.Options.Drivers, HypervisorDrivers.Xen.IsDevice) : [];
}
