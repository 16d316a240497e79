using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Says in words what the other steps prepare Windows for, and what an administrator should do before and after.</summary>
internal sealed class WindowsStateStep : WindowsStep
{
    public override string Id => "windows-state";

    public override string Title => "Windows on its new hardware";

    public override string Description =>
        "Tells the controller, adapter and firmware that the guest gets, and what to do before the export (uninstall tools, switch off fast startup, note licences) and after the first start. " +
        "Hibernation, an unclean volume and BitLocker stop the conversion here, each with the way out.";

    public override ImmutableArray<string> Requirements => ["S3.8", "S3.16"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        if (windows.Architecture is not ("x86" or "amd64") && (windows.Architecture != "arm64" || context.Target.Hypervisor != Hypervisor.Kvm))
        {
            context.Report(WindowsPlanDiagnostics.UnknownArchitecture.Create($"it is made for {windows.Architecture}"));
        }

        if (context.Options.GuestChanges == GuestChanges.None)
        {
            context.Report(WindowsPlanDiagnostics.MustChange.Create("--guest-changes none was given"));
        }

        foreach (var known in HypervisorDrivers.All.Where(known => !known.Hypervisors.Contains(context.Target.Hypervisor)))
        {
            foreach (var program in windows.Programs.Where(program => known.Programs.Any(word => program.Name.Contains(word, StringComparison.OrdinalIgnoreCase))))
            {
                context.CheckByHand($"Before: where the guest still runs, uninstalling {program.Name} in it is cleaner than what can be done offline; with it installed, its drivers are removed by this conversion.");
            }
        }

        if (windows.FastStartup)
        {
            context.CheckByHand("Before: switch fast startup off (powercfg /h off), or each export must be made after a restart.");
        }

        if (windows.ActivationKind is { } kind)
        {
            context.CheckByHand($"After: look at the activation (slmgr /xpr); the licence is of the kind {kind}, and the hardware is new.");
        }

        foreach (var adapter in windows.NetworkAdapters.Where(adapter => !adapter.Addresses.IsEmpty && !adapter.UsesDhcp))
        {
            context.CheckByHand($"After: \"{adapter.Name ?? adapter.InterfaceId}\" had {string.Join(", ", adapter.Addresses)}{(adapter.Gateways.IsEmpty ? "" : $", gateway {string.Join(", ", adapter.Gateways)}")}{(adapter.NameServers.IsEmpty ? "" : $", name servers {string.Join(", ", adapter.NameServers)}")}.");
        }

        foreach (var letter in windows.DriveLetters.Where(letter => letter.VolumeName is not null))
        {
            context.CheckByHand($"After: drive {letter.Letter} must be {letter.VolumeName} ({letter.Means}); disks keep their signatures, so letters stay.");
        }

        context.Skip($"Windows {windows.Version} for {windows.Architecture} gets disks on {context.Target.DiskModel}, an adapter {context.Target.NetworkModel}, {context.Target.Firmware} firmware, chipset {WindowsMachine.Chipset(context.Facts, windows, context.Target, context.Options)}");
    }
}
