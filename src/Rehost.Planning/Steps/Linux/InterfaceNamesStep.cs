using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Keeps the names of network interfaces, so that the guest's addresses stay with them.</summary>
internal sealed partial class InterfaceNamesStep : ConversionStep
{
    private const string Rules = "/etc/udev/rules.d/70-persistent-net.rules";

    public override string Id => "interface-names";

    public override string Title => "Names of network interfaces";

    public override string Description =>
        "A guest that configures eth0 loses its address when the new adapter becomes enp1s0. The target's adapters keep their MAC addresses, and each configured " +
        "interface is tied to its adapter by MAC: with a systemd .link file where udev reads them, else with a udev rule. Rules that demand Xen's driver are freed of it.";

    public override ImmutableArray<string> Requirements => ["S1.26", "S0.50", "S1.37", "S2.18"];

    public override ImmutableArray<string> Reads => [Rules, "/etc/systemd/network/*.link", "/etc/udev/rules.d/*net*.rules"];

    public override void Plan(PlanningContext context)
    {
        foreach (var adapter in context.Facts.Machine.NetworkAdapters.Where(adapter => adapter.MacAddress is null))
        {
            context.Report(PlanDiagnostics.NoMacAddress.Create($"the adapter on {adapter.Network ?? "its network"} has none", context.Facts.Machine.Name));
        }

        if (context.Text(Rules) is { } rules)
        {
            context.SetText(Rules, XenDriver().Replace(rules, ""), "The rule would only match an adapter that Xen drives.");
        }

        foreach (var nic in context.Facts.NetworkInterfaces.Where(nic => nic.MacAddress is not null && SafeName().IsMatch(nic.Name)))
        {
            var mac = nic.MacAddress ?? "";
            if (Mentions(context, mac))
            {
                continue;
            }

            var reason = $"{nic.ConfiguredIn} configures {nic.Name} ({nic.Method}); the adapter with MAC {mac} must keep that name.";
            if (context.Facts.OperatingSystem.HasLinkFiles)
            {
                context.SetText($"/etc/systemd/network/10-rehost-{nic.Name}.link", $"# Keeps the name that this machine's network configuration uses.\n[Match]\nMACAddress={mac}\n\n[Link]\nName={nic.Name}\n", reason);
            }
            else
            {
                var rule = $"SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", KERNEL==\"eth*\", NAME=\"{nic.Name}\"";
                context.SetText(Rules, Lines.Append(context.Text(Rules) ?? "", [rule]), reason);
            }
        }

        context.Skip("no interface is configured by a name that would change");
    }

    private static bool Mentions(PlanningContext context, string mac)
        => context.FilesIn("/etc/systemd/network").Concat(context.FilesIn("/etc/udev/rules.d"))
            .Any(file => context.Text(file.Path)?.Contains(mac, StringComparison.OrdinalIgnoreCase) == true);

    [GeneratedRegex("""\s*(DRIVERS|DRIVER|KERNELS|BUS|SUBSYSTEMS)==?"(vif[^"]*|xen[^"]*)",?""", RegexOptions.CultureInvariant)]
    private static partial Regex XenDriver();

    [GeneratedRegex("^[A-Za-z0-9_.-]{1,15}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeName();
}
