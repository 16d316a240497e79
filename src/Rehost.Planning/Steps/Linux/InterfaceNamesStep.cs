using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;
using Rehost.Planning.Network;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Keeps the names of network interfaces that the guest's configuration uses.</summary>
internal sealed partial class InterfaceNamesStep : ConversionStep
{
    private const string Rules = "/etc/udev/rules.d/70-persistent-net.rules";

    // eudev and udev 197 to 208 name by slot without .link files; a guest of Xen, whose adapters have no slot, is still eth0 there.
    private static readonly string[] SlotRules = ["/lib/udev/rules.d/80-net-name-slot.rules", "/usr/lib/udev/rules.d/80-net-name-slot.rules"];

    public override string Id => "interface-names";

    public override string Title => "Names of network interfaces";

    public override string Description =>
        "A guest that configures eth0 or ens192 loses its address when the new adapter becomes enp1s0. The target's adapters keep their MAC addresses, and each configured " +
        "interface is tied to its adapter by MAC with a udev rule, as installers and netplan do: unlike a .link file it also renames what an initramfs has named already (systemd 219 to 239), and leaves VLANs, bonds and bridges " +
        "alone, which have their adapter's address. Red Hat until 5 gets HWADDR in its ifcfg file instead. Nothing is written where the name holds by itself: a file ties it already, the configuration finds its adapter by address, or eth0 is the only " +
        "adapter of a guest that names none by their place. Where a bare disk says nothing of its adapters, net.ifnames=0 keeps eth0. Rules that demand the old hypervisor's driver or slot are freed of it; lines with an address that no adapter has are commented out, " +
        "and those of a copy (--clone) get the copy's addresses. Where a name cannot be kept, the lines of the firewall's rules that have it are reported. The plan shows a table of all interfaces.";

    public override ImmutableArray<string> Requirements => ["S0.36", "S0.38", "S0.50", "S1.26", "S1.37", "S2.18"];

    public override ImmutableArray<string> Reads => [Rules, .. AddressBindings.Reads, "/etc/udev", "/lib/udev", "/usr/lib/udev", .. SlotRules, .. FirewallLines.Reads];

    public override void Plan(PlanningContext context)
    {
        var adapters = context.Facts.Machine.NetworkAdapters;
        foreach (var (adapter, mac) in adapters.Zip(context.Addresses.All).Where(item => item.First.MacAddress is null))
        {
            context.Report(PlanDiagnostics.NoMacAddress.Create($"the adapter on {adapter.Network ?? "its network"} has none; it gets {mac}", context.Facts.Machine.Name));
        }

        foreach (var path in context.FilesIn("/etc/udev/rules.d").Select(file => file.Path).Where(path => path.EndsWith(".rules", StringComparison.Ordinal)).ToList())
        {
            if (context.Text(path) is { } rules)
            {
                context.SetText(path, Lines.Map(rules, FreeOfHardware), "The rule would only match an adapter in the old hypervisor's slot or with its driver.");
            }
        }

        if (!adapters.IsEmpty)
        {
            AddressBindings.Rewrite(context);
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var nic in context.Facts.NetworkInterfaces.GroupBy(nic => nic.Name, StringComparer.Ordinal).Select(Merge))
        {
            var index = IndexOf(context, nic);
            var isOurs = SafeName().IsMatch(nic.Name) && nic is { Kind: null, MatchedBy: null };
            var heldBy = nic switch
            {
                { Kind: { } kind } => nic.Over is { } over ? $"{kind} over {over}" : $"made by the guest itself ({kind})",
                { MatchedBy: "address" } => $"{nic.ConfiguredIn} finds the adapter by its address",
                { MatchedBy: { } pattern } => HoldPattern(context, nic, pattern),
                _ when index >= 0 && isOurs => Tie(context, nic, context.Addresses.All[index]),
                _ => Untied(context, nic),
            };
            if (index >= 0)
            {
                seen.Add(context.Addresses.All[index]);
            }

            context.Network.Add(new InterfacePlan
            {
                Name = nic.Name,
                ConfiguredIn = nic.ConfiguredIn,
                Method = nic.Method,
                Addresses = nic.Addresses,
                Before = Adapter(index, adapters.Select(adapter => adapter.MacAddress), index >= 0 ? adapters[index].Model : null, nic),
                After = Adapter(index, context.Addresses.All, context.Target.NetworkModel, nic),
                HeldBy = heldBy,
            });
        }

        foreach (var (adapter, mac) in adapters.Zip(context.Addresses.All).Where(item => !seen.Contains(item.Second)))
        {
            context.Network.Add(new InterfacePlan
            {
                Name = "-",
                Before = $"{adapter.Model ?? "adapter"} {adapter.MacAddress ?? "(no fixed address)"}",
                After = $"{context.Target.NetworkModel} {mac}",
                HeldBy = "no file configures it by name",
            });
        }

        context.Skip("no interface is configured by a name that would change");
    }

    /// <summary>
    /// Whether names of kernels (eth0) must be kept by net.ifnames=0: the guest configures such names, its udev would give others, and no adapter is known by whose address a rule could do it.
    /// </summary>
    internal static bool NeedsKernelNames(PlanningContext context) => context.Facts.OperatingSystem.HasLinkFiles && context.Facts.Machine.NetworkAdapters.IsEmpty
        && context.Facts.NetworkInterfaces.Any(nic => nic is { Kind: null, MatchedBy: null, MacAddress: null } && KernelName().IsMatch(nic.Name));

    private static string Tie(PlanningContext context, NetworkInterface nic, string mac)
    {
        if (AddressBindings.FileThatTies(context, nic.Name, mac) is { } file)
        {
            return $"address in {file}";
        }

        var system = context.Facts.OperatingSystem;
        if (!system.HasLinkFiles && AddressBindings.IfcfgWith(context, mac) is { } ifcfg)
        {
            return $"HWADDR in {ifcfg}";
        }

        var isOnly = context.Facts.Machine.NetworkAdapters.Length == 1 && nic.Name == "eth0";
        if (isOnly && system.HasLinkFiles && HasKernelNames(context.Facts))
        {
            return "net.ifnames=0, which the guest has";
        }

        if (isOnly && !system.HasLinkFiles && system.Init != InitSystem.Systemd && !Array.Exists(SlotRules, context.Exists))
        {
            return "the only adapter, which the kernel calls eth0";
        }

        var reason = $"{nic.ConfiguredIn} configures {nic.Name} ({nic.Method}); the adapter with MAC {mac} must keep that name.";
        if (IsRedHatWithoutRules(context))
        {
            // udev gives names there in the order in which drivers find adapters; ifup puts them right by HWADDR (sysconfig.txt). One adapter is eth0 anyway.
            if (!isOnly && context.Text(nic.ConfiguredIn) is { } text && !AddressBindings.HasHardwareAddress(text))
            {
                context.SetText(nic.ConfiguredIn, Lines.Append(text, [$"HWADDR={mac.ToUpperInvariant()}"]), reason);
                return $"HWADDR in {nic.ConfiguredIn}";
            }

            return "the kernel's order of adapters";
        }

        if (!HasUdev(context))
        {
            return "the kernel's order of adapters";
        }

        // DRIVERS=="?*" keeps the rule from VLANs and bonds, which have no device of their own below them.
        var only = system.HasLinkFiles ? "" : " KERNEL==\"eth*\",";
        var rule = $"SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{{address}}==\"{mac}\", ATTR{{type}}==\"1\",{only} NAME=\"{nic.Name}\"";
        context.SetText(Rules, Lines.Append(context.Text(Rules) ?? "", [rule]), reason);
        return $"address in {Rules}";
    }

    // "eth*" finds nothing where udev names by place, "en*" nothing where the kernel's names stay: the adapters get names that the pattern means.
    private static string HoldPattern(PlanningContext context, NetworkInterface nic, string pattern)
    {
        var prefix = pattern.StartsWith("eth", StringComparison.Ordinal) ? "eth" : pattern.StartsWith("en", StringComparison.Ordinal) ? "enX" : null;
        var isLost = context.Facts.OperatingSystem.HasLinkFiles && !context.Facts.Machine.NetworkAdapters.IsEmpty
            && (prefix == "eth" ? !HasKernelNames(context.Facts) : prefix == "enX" && context.Target.Mode == VirtualizationMode.Paravirtual);
        if (!isLost || !pattern.EndsWith('*') || pattern.Length > 4)
        {
            return $"the pattern {pattern} in {nic.ConfiguredIn}";
        }

        for (var i = 0; i < context.Addresses.All.Length; i++)
        {
            var name = $"{prefix}{i}";
            if (!context.Facts.NetworkInterfaces.Any(other => other.MatchedBy is null && other.MacAddress is { } mac && context.Addresses.IndexOf(mac) == i))
            {
                Tie(context, nic with { Name = name }, context.Addresses.All[i]);
            }
        }

        return $"the pattern {pattern}; adapters get names that it means in {Rules}";
    }

    private static string Untied(PlanningContext context, NetworkInterface nic)
    {
        if (NeedsKernelNames(context) && KernelName().IsMatch(nic.Name))
        {
            return "net.ifnames=0 in the kernel's arguments";
        }

        if (LooksPhysical().IsMatch(nic.Name) && nic.Method != "manual")
        {
            context.Report(PlanDiagnostics.InterfaceWithoutAdapter.Create($"{nic.ConfiguredIn} configures {nic.Name}; the machine has {context.Facts.Machine.NetworkAdapters.Length} adapters", nic.ConfiguredIn));
            if (FirewallLines.Naming(context, nic.Name) is { Count: > 0 } lines)
            {
                context.CheckByHand($"Rules of the firewall name {nic.Name}, which may have another name on the target: {string.Join("; ", lines)}.");
            }
        }

        return "nothing: look at it after the first boot";
    }

    // An adapter without an address on the source has none in the facts, and an address of the facts may be of an adapter that is gone: then the name or the place tells.
    private static int IndexOf(PlanningContext context, NetworkInterface nic)
    {
        if (nic.Kind is not null)
        {
            return -1;
        }

        var known = nic.MacAddress is { } mac ? context.Addresses.IndexOf(mac) : -1;
        if (known >= 0 || nic.MatchedBy is not null)
        {
            return known;
        }

        var others = context.Facts.NetworkInterfaces.Where(other => other is { Kind: null, MatchedBy: null } && other.Name != nic.Name).ToList();
        var claimed = others.Select(other => other.MacAddress is { } address ? context.Addresses.IndexOf(address) : -1).ToHashSet();
        var free = Enumerable.Range(0, context.Facts.Machine.NetworkAdapters.Length).Where(index => !claimed.Contains(index)).ToList();
        return KernelName().Match(nic.Name) is { Success: true } match && free.Contains(int.Parse(match.Groups["index"].Value, CultureInfo.InvariantCulture)) ? int.Parse(match.Groups["index"].Value, CultureInfo.InvariantCulture)
            : free.Count == 1 && LooksPhysical().IsMatch(nic.Name) && !others.Exists(other => LooksPhysical().IsMatch(other.Name) && (other.MacAddress is null || context.Addresses.IndexOf(other.MacAddress) < 0)) ? free[0] : -1;
    }

    private static NetworkInterface Merge(IGrouping<string, NetworkInterface> same) => same.First() with
    {
        Addresses = [.. same.SelectMany(one => one.Addresses).Distinct(StringComparer.Ordinal)],
        MacAddress = same.Select(one => one.MacAddress).FirstOrDefault(mac => mac is not null),
    };

    private static string Adapter(int index, IEnumerable<string?> addresses, string? model, NetworkInterface nic)
        => nic.Kind is { } kind ? nic.Over is { } over ? $"{kind} over {over}" : kind
        : index < 0 ? nic.MatchedBy is not null && nic.MacAddress is null ? "every adapter that matches" : nic.MacAddress is { } foreign ? $"{foreign}, which no adapter has" : "not known"
        : $"{model ?? "adapter"} {addresses.ElementAt(index) ?? "(no fixed address)"}";

    private static bool HasKernelNames(GuestFacts facts) => facts.BootConfigurations.SelectMany(configuration => configuration.Entries).Any(entry => entry.Arguments.Split(' ').Contains("net.ifnames=0"))
        || facts.Machine.ParavirtualBoot?.CommandLine.Split(' ').Contains("net.ifnames=0") == true;

    private static string FreeOfHardware(string line)
        => line.TrimStart().StartsWith('#') || !line.Contains("NAME=", StringComparison.Ordinal) || !line.Contains("{address}", StringComparison.Ordinal) ? line : OldHardware().Replace(line, "");

    // Alpine and other small guests have mdev, and those before 2005 hotplug, which rename nothing: the first adapter is eth0.
    private static bool HasUdev(PlanningContext context)
        => context.Facts.OperatingSystem is { Init: InitSystem.Systemd } || context.Exists(Rules) || context.Exists("/lib/udev") || context.Exists("/usr/lib/udev") || context.Exists("/etc/udev");

    private static bool IsRedHatWithoutRules(PlanningContext context)
        => context.Facts.OperatingSystem is { Family: DistributionFamily.RedHat, Version: ['3' or '4' or '5', ..] version } && (version.Length == 1 || version[1] == '.') && !context.Exists(Rules);

    [GeneratedRegex("""\s*\b(DRIVERS|DRIVER|KERNELS|BUS|SUBSYSTEMS|ID|ENV\{ID_PATH\})==?"(?!\?\*")[^"]*",?""", RegexOptions.CultureInvariant)]
    private static partial Regex OldHardware();

    [GeneratedRegex("^[A-Za-z0-9_.-]{1,15}$", RegexOptions.CultureInvariant)]
    private static partial Regex SafeName();

    [GeneratedRegex("^eth(?<index>[0-9]{1,2})$", RegexOptions.CultureInvariant)]
    private static partial Regex KernelName();

    [GeneratedRegex("^(eth|en|em|p[0-9]+p)[0-9a-zA-Z]*[0-9]$", RegexOptions.CultureInvariant)]
    private static partial Regex LooksPhysical();
}
