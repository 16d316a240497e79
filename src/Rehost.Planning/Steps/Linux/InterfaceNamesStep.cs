using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Keeps the names of network interfaces that the guest's configuration uses.</summary>
internal sealed partial class InterfaceNamesStep : ConversionStep
{
    private const string Rules = "/etc/udev/rules.d/70-persistent-net.rules";

    public override string Id => "interface-names";

    public override string Title => "Names of network interfaces";

    public override string Description =>
        "A guest that configures eth0 or ens192 loses its address when the new adapter becomes enp1s0. The target's adapters keep their MAC addresses, and each configured " +
        "interface is tied to its adapter by MAC: with a systemd .link file where udev reads them, with HWADDR in ifcfg files of Red Hat until 5, else with a udev rule. Rules that demand Xen's driver are freed of it; rules and " +
        "HWADDR lines with an address that no adapter has are commented out, because they would keep a name from the adapter that is there.";

    public override ImmutableArray<string> Requirements => ["S0.50", "S1.26", "S1.37", "S2.18"];

    public override ImmutableArray<string> Reads => [Rules, "/etc/systemd/network/*.link", "/etc/udev/rules.d/*net*.rules", "/etc/sysconfig/network-scripts/ifcfg-*", "/etc/udev", "/lib/udev", "/usr/lib/udev"];

    public override void Plan(PlanningContext context)
    {
        var adapters = context.Facts.Machine.NetworkAdapters;
        foreach (var adapter in adapters.Where(adapter => adapter.MacAddress is null))
        {
            context.Report(PlanDiagnostics.NoMacAddress.Create($"the adapter on {adapter.Network ?? "its network"} has none", context.Facts.Machine.Name));
        }

        if (context.Text(Rules) is { } rules)
        {
            context.SetText(Rules, XenDriver().Replace(rules, ""), "The rule would only match an adapter that Xen drives.");
        }

        if (!adapters.IsEmpty)
        {
            FreeNames(context, adapters.Select(adapter => adapter.MacAddress).OfType<string>().ToHashSet(StringComparer.OrdinalIgnoreCase));
        }

        foreach (var nic in context.Facts.NetworkInterfaces.Where(nic => SafeName().IsMatch(nic.Name)).DistinctBy(nic => nic.Name))
        {
            if (nic.MacAddress is { } mac)
            {
                Tie(context, nic, mac);
            }
            else if (LooksPhysical().IsMatch(nic.Name) && nic.Method != "manual")
            {
                context.Report(PlanDiagnostics.InterfaceWithoutAdapter.Create($"{nic.ConfiguredIn} configures {nic.Name}; the machine has {adapters.Length} adapters", nic.ConfiguredIn));
            }
        }

        context.Skip("no interface is configured by a name that would change");
    }

    private static void Tie(PlanningContext context, NetworkInterface nic, string mac)
    {
        if (Mentions(context, mac))
        {
            return;
        }

        var reason = $"{nic.ConfiguredIn} configures {nic.Name} ({nic.Method}); the adapter with MAC {mac} must keep that name.";
        if (context.Facts.OperatingSystem.HasLinkFiles)
        {
            context.SetText($"/etc/systemd/network/10-rehost-{nic.Name}.link", $"# Keeps the name that this machine's network configuration uses.\n[Match]\nMACAddress={mac}\n\n[Link]\nName={nic.Name}\n", reason);
        }
        else if (IsRedHatWithoutRules(context))
        {
            // udev gives names there in the order in which drivers find adapters; ifup puts them right by HWADDR (sysconfig.txt). One adapter is eth0 anyway.
            if (context.Facts.Machine.NetworkAdapters.Length > 1 && context.Text(nic.ConfiguredIn) is { } text && !HardwareAddress().IsMatch(text))
            {
                context.SetText(nic.ConfiguredIn, Lines.Append(text, [$"HWADDR={mac.ToUpperInvariant()}"]), reason);
            }
        }
        else if (HasUdev(context))
        {
            var rule = $"SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\", KERNEL==\"eth*\", NAME=\"{nic.Name}\"";
            context.SetText(Rules, Lines.Append(context.Text(Rules) ?? "", [rule]), reason);
        }
    }

    private static void FreeNames(PlanningContext context, HashSet<string> known)
    {
        if (known.Count == 0)
        {
            return;
        }

        foreach (var path in context.FilesIn("/etc/udev/rules.d").Select(file => file.Path).Where(path => path.EndsWith("persistent-net.rules", StringComparison.Ordinal) || path.EndsWith("net_persistent_names.rules", StringComparison.Ordinal)))
        {
            context.SetText(path, Lines.Map(context.Text(path) ?? "", line => RuleAddress().Match(line) is { Success: true } rule && !known.Contains(rule.Groups["mac"].Value) ? "#" + line : line),
                "No adapter of the machine has this address, and the rule would keep its name from the one that is there.");
        }

        foreach (var path in context.FilesIn("/etc/sysconfig/network-scripts").Select(file => file.Path).Where(path => !path.EndsWith(".bak", StringComparison.Ordinal)))
        {
            context.SetText(path, Lines.Map(context.Text(path) ?? "", line => HardwareAddress().Match(line) is { Success: true } address && !known.Contains(address.Groups["mac"].Value) ? "#" + line : line),
                "No adapter of the machine has this address, and the interface would stay down.");
        }
    }

    // Alpine and other small guests have mdev, which renames nothing: the first adapter is eth0.
    private static bool HasUdev(PlanningContext context)
        => context.Facts.OperatingSystem.Init != InitSystem.OpenRc || context.Exists(Rules) || context.Exists("/lib/udev") || context.Exists("/usr/lib/udev") || context.Exists("/etc/udev");

    private static bool IsRedHatWithoutRules(PlanningContext context)
        => context.Facts.OperatingSystem is { Family: DistributionFamily.RedHat, Version: ['3' or '4' or '5', ..] version } && (version.Length == 1 || version[1] == '.') && !context.Exists(Rules);

    private static bool Mentions(PlanningContext context, string mac)
        => context.FilesIn("/etc/systemd/network").Concat(context.FilesIn("/etc/udev/rules.d")).Any(file => Says(context.Text(file.Path), mac))
        || (!context.Facts.OperatingSystem.HasLinkFiles && context.FilesIn("/etc/sysconfig/network-scripts").Any(file => Lines.Of(context.Text(file.Path) ?? "")
            .Any(line => HardwareAddress().Match(line) is { Success: true } address && address.Groups["mac"].Value.Equals(mac, StringComparison.OrdinalIgnoreCase))));

    private static bool Says(string? text, string mac) => text is not null && Lines.Of(text).Any(line => !line.TrimStart().StartsWith('#') && line.Contains(mac, StringComparison.OrdinalIgnoreCase));

    [GeneratedRegex("""\s*(DRIVERS|DRIVER|KERNELS|BUS|SUBSYSTEMS)==?"(vif[^"]*|xen[^"]*)",?""", RegexOptions.CultureInvariant)]
    private static partial Regex XenDriver();

    [GeneratedRegex("^[A-Za-z0-9_.-]{1,15}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeName();

    [GeneratedRegex("^(eth|en|em|p[0-9]+p)[0-9a-zA-Z]*[0-9]$", RegexOptions.CultureInvariant)]
    private static partial Regex LooksPhysical();

    [GeneratedRegex("""^[^#]*(ATTR|ATTRS|SYSFS)\{address\}=="(?<mac>[0-9a-fA-F:]{17})".*""", RegexOptions.CultureInvariant)]
    private static partial Regex RuleAddress();

    [GeneratedRegex("""^\s*HWADDR=["']?(?<mac>[0-9a-fA-F:-]{17})["']?""", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex HardwareAddress();
}
