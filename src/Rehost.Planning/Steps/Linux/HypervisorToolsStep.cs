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
        "xe-guest-utilities and the like fail at every boot without their hypervisor. Their services are masked (systemd) or their start links removed (System V), which " +
        "can be undone; the packages stay, because removing them is the guest's package manager's work.";

    public override ImmutableArray<string> Requirements => ["S1.37", "S0.50"];

    public override ImmutableArray<string> Reads => ["/etc/rc[2345S].d/S*", "/etc/rc.d/rc[2345].d/S*", "/etc/init/*.conf", Units + "/*.service"];

    public override void Plan(PlanningContext context)
    {
        foreach (var tool in context.Facts.HypervisorTools.Where(tool => tool.Hypervisor != context.Target.Hypervisor))
        {
            var reason = $"{tool.Name} works only on {tool.Hypervisor} and fails elsewhere.";
            foreach (var service in tool.Services)
            {
                SwitchOff(context, service, reason);
            }

            context.CheckByHand($"Remove the package {tool.Name} with the guest's package manager; its services are switched off.");
        }

        context.Skip("no tools of another hypervisor were found");
    }

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

        foreach (var link in context.Facts.Files.Keys.Where(path => StartLink().Match(path) is { Success: true } match && match.Groups["service"].Value == service))
        {
            context.Delete(link, reason);
        }
    }

    [GeneratedRegex(@"^/etc/(rc\.d/)?rc[2345S]\.d/S[0-9]{2}(?<service>[^/]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex StartLink();
}
