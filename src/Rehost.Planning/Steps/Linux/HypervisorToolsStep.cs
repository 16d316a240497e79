using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Switches off the source hypervisor's tools.</summary>
internal sealed partial class HypervisorToolsStep : ConversionStep
{
    private const string Units = "/etc/systemd/system";

    public override string Id => "hypervisor-tools";

    public override string Title => "Tools of the source hypervisor";

    public override string Description =>
        "xe-guest-utilities, VMware Tools, VirtualBox's additions, Parallels' tools and the daemons for Hyper-V fail at every boot without their hypervisor, or hang. Their services are masked (systemd), switched off by an override " +
        "(upstart), or their start links removed (System V, OpenRC), which can be undone; the packages stay, because removing them is the guest's package manager's work.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S1.37", "X.1"];

    public override ImmutableArray<string> Reads => ["/etc/rc[2345S].d/S*", "/etc/rc.d/rc[2345].d/S*", "/etc/init.d/rc[2345].d/S*", "/etc/runlevels/*/*", "/etc/init/*.conf", Units + "/*.service"];

    public override void Plan(PlanningContext context)
    {
        foreach (var tool in context.Facts.HypervisorTools.Where(tool => tool.Hypervisor != context.Target.Hypervisor && !IsSupplied(tool, context)))
        {
            var reason = tool.Hypervisor == Hypervisor.Unknown ? $"{tool.Name} works only on its own hypervisor and fails elsewhere." : $"{tool.Name} works only on {tool.Hypervisor} and fails elsewhere.";
            foreach (var service in tool.Services)
            {
                SwitchOff(context, service, reason);
            }

            context.CheckByHand($"Remove the package {tool.Name} with the guest's package manager; its services are switched off.");
        }

        context.Skip("no tools of another hypervisor were found");
    }

    // What the operator gives for the target is wanted there, whoever else has tools of that name.
    private static bool IsSupplied(HypervisorTool tool, PlanningContext context)
        => context.Facts.Packages is { } packages && packages.SelectMany(package => package.Services).Any(service => tool.Services.Contains(service.Name));

    private static void SwitchOff(PlanningContext context, string service, string reason)
    {
        switch (context.Facts.OperatingSystem.Init)
        {
            case InitSystem.Systemd:
                context.Link($"{Units}/{service}.service", "/dev/null", reason);
                break;
            case InitSystem.Upstart when context.Exists($"/etc/init/{service}.conf"):
                context.SetText($"/etc/init/{service}.override", "manual\n", reason);
                break;
            default:
                break;
        }

        foreach (var link in context.Facts.Files.Keys.Where(path => StartLink().Match(path) is { Success: true } match && match.Groups["service"].Value == service && context.Exists(path)).ToList())
        {
            context.Delete(link, reason);
        }
    }

    [GeneratedRegex(@"^/etc/(((rc\.d/|init\.d/)?rc[2345S]\.d/S[0-9]{2})|runlevels/[^/]+/)(?<service>[^/]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex StartLink();
}
