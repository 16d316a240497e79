using System.Collections.Immutable;
using System.Globalization;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Linux.Network;

/// <summary>Collects the interfaces that the guest configures and ties them to the machine's adapters.</summary>
internal static class NetworkReader
{
    private const int MaximumFiles = 256;

    /// <summary>Interfaces in order of file and appearance, without the loopback.</summary>
    public static ImmutableArray<NetworkInterface> Read(GuestReader reader, VirtualMachine machine)
    {
        var found = new List<FoundInterface>();
        found.AddRange(ReadInterfaces(reader));
        foreach (var pattern in (string[])["/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*"])
        {
            found.AddRange(Texts(reader, pattern).Where(file => IfcfgFile.IsRead(file.Path)).Select(file => IfcfgFile.Parse(file.Text, file.Path)));
        }

        found.AddRange(Texts(reader, "/etc/systemd/network/*.network").Select(file => NetworkFiles.ParseNetworkd(file.Text, file.Path)).OfType<FoundInterface>());
        found.AddRange(Texts(reader, "/etc/NetworkManager/system-connections/*").Select(file => NetworkFiles.ParseKeyfile(file.Text, file.Path)).OfType<FoundInterface>());
        var netplan = Texts(reader, "/etc/netplan/*.yaml").ToList();
        found.AddRange(netplan.SelectMany(file => NetplanFile.Parse(file.Text, file.Path)));
        reader.Findings.AddRange(netplan.Select(file => InspectionDiagnostics.NetworkReadInPart.Create("of a netplan file, Ethernet interfaces, DHCP and addresses are read", file.Path)));

        foreach (var (path, text) in Texts(reader, "/etc/wicked/ifconfig/*.xml"))
        {
            found.AddRange(WickedFile.Parse(text, path, out var isWhole));
            if (!isWhole)
            {
                reader.Findings.Add(InspectionDiagnostics.NetworkReadInPart.Create("its XML ends in a fault", path));
            }
        }

        found.AddRange(Texts(reader, "/etc/netctl/*").Select(file => OtherNetworkFiles.ParseNetctl(file.Text, file.Path)).OfType<FoundInterface>());
        found.AddRange(Texts(reader, "/etc/conf.d/net").Concat(Texts(reader, "/etc/conf.d/network")).SelectMany(file => OtherNetworkFiles.ParseNetifrc(file.Text, file.Path)));
        found.AddRange(Texts(reader, "/etc/rc.conf").SelectMany(file => OtherNetworkFiles.ParseOldArch(file.Text, file.Path)));
        var names = ReadNames(reader);
        var placed = ReadPlacedNames(reader);
        return ByPosition([.. found.Where(one => one.Name != "lo").Select(one => ToFacts(one, names, machine)).OfType<NetworkInterface>()], placed, machine);
    }

    /// <summary>
    /// Names of adapters that say nothing of a position, and adapters that no file names: where there are as many of the one as of the other, they belong together in order. The order is that of
    /// VMware's slots where the names come from there, and that of the names elsewhere.
    /// </summary>
    private static ImmutableArray<NetworkInterface> ByPosition(ImmutableArray<NetworkInterface> interfaces, HashSet<string> placed, VirtualMachine machine)
    {
        var taken = interfaces.Select(one => one.MacAddress).OfType<string>().ToHashSet(StringComparer.Ordinal);
        var free = machine.NetworkAdapters.Where(adapter => adapter.MacAddress is { } mac && !taken.Contains(mac)).ToList();
        var nameless = interfaces.Where(one => one is { MacAddress: null, Kind: null, MatchedBy: null } && (IsPhysical(one.Name) || placed.Contains(one.Name))).Select(one => one.Name)
            .Distinct(StringComparer.Ordinal).OrderBy(name => VmwareSlots.OrderOf(name) ?? -1).ThenBy(name => name, VersionOrder.Instance).ToList();
        var known = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in nameless.ToList())
        {
            if (VmwareSlots.SlotOf(name) is { } slot && free.Find(adapter => adapter.PciSlot == slot) is { MacAddress: { } mac } adapter)
            {
                known[name] = mac;
                nameless.Remove(name);
                free.Remove(adapter);
            }
        }

        if (nameless.Count == free.Count)
        {
            for (var i = 0; i < free.Count; i++)
            {
                known[nameless[i]] = free[i].MacAddress ?? "";
            }
        }

        return [.. interfaces.Select(one => one.MacAddress is null && one.MatchedBy is null && known.TryGetValue(one.Name, out var mac) ? one with { MacAddress = mac } : one)];
    }

    /// <summary>What systemd and biosdevname call adapters; bonds, bridges and VLANs have no adapter of their own.</summary>
    private static bool IsPhysical(string name)
        => !name.Contains('.', StringComparison.Ordinal) && !name.Contains(':', StringComparison.Ordinal) && name.Any(char.IsAsciiDigit)
        && (name.StartsWith("en", StringComparison.Ordinal) || name.StartsWith("eth", StringComparison.Ordinal) || name.StartsWith("em", StringComparison.Ordinal)
            || (name.StartsWith('p') && name.Contains('p', StringComparison.Ordinal) && name.Length > 3 && char.IsAsciiDigit(name[1])));

    /// <summary>Where the name says the position: eth1 is the second adapter, enX1 (systemd's name for a Xen vif) as well.</summary>
    public static int? PositionOf(string name)
    {
        foreach (var prefix in (string[])["eth", "enX"])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && name.Length <= prefix.Length + 3
                && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var position))
            {
                return position;
            }
        }

        return null;
    }

    private static NetworkInterface? ToFacts(FoundInterface found, IReadOnlyDictionary<string, string> names, VirtualMachine machine)
    {
        var name = found.Name;
        var mac = found.MacAddress;
        var kind = found.Kind ?? FoundInterface.KindOf(name);
        string? matchedBy = null;
        if (name.Length == 0)
        {
            // Found by address or pattern: what the interface is called follows from other files that name that address; else the configuration does not care.
            var byAddress = names.FirstOrDefault(item => mac is not null && item.Value == mac).Key;
            matchedBy = byAddress is not null ? null : found.Pattern ?? "address";
            name = byAddress ?? found.Pattern ?? mac ?? "";
        }

        if (kind is null && matchedBy is null)
        {
            mac ??= names.GetValueOrDefault(name)
                ?? (PositionOf(name) is { } index && index < machine.NetworkAdapters.Length ? machine.NetworkAdapters[index].MacAddress : null);
        }

        return name.Length == 0 ? null : new NetworkInterface(name, found.File, found.Method, [.. found.Addresses], kind is null ? mac : null)
        {
            Kind = kind,
            Over = found.Over ?? (kind is "vlan" or "alias" ? Parent(name) : null),
            MatchedBy = matchedBy,
        };
    }

    // eth0.100, eth0:1
    private static string? Parent(string name) => name.LastIndexOfAny(['.', ':']) is > 0 and var end ? name[..end] : null;

    private static HashSet<string> ReadPlacedNames(GuestReader reader)
        => [.. Texts(reader, "/etc/udev/rules.d/*net*.rules").SelectMany(file => PersistentNames.ByPlace(file.Text, isLinkFile: false)),
            .. Texts(reader, "/etc/systemd/network/*.link").SelectMany(file => PersistentNames.ByPlace(file.Text, isLinkFile: true))];

    private static Dictionary<string, string> ReadNames(GuestReader reader)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (mac, name) in Texts(reader, "/etc/mactab").Concat(Texts(reader, "/etc/iftab")).SelectMany(file => PersistentNames.FromTable(file.Text)))
        {
            names[name] = mac;
        }

        foreach (var (_, text) in Texts(reader, "/etc/udev/rules.d/*net*.rules"))
        {
            foreach (var (mac, name) in PersistentNames.FromRules(text))
            {
                names[name] = mac;
            }
        }

        foreach (var (_, text) in Texts(reader, "/etc/systemd/network/*.link"))
        {
            if (PersistentNames.FromLinkFile(text) is { } link)
            {
                names[link.Name] = link.Mac;
            }
        }

        return names;
    }

    private static List<FoundInterface> ReadInterfaces(GuestReader reader)
    {
        var found = new List<FoundInterface>();
        var waiting = new Queue<string>(["/etc/network/interfaces"]);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (waiting.TryDequeue(out var path) && seen.Count < MaximumFiles)
        {
            if (!seen.Add(path) || reader.Text(path) is not { } text)
            {
                continue;
            }

            var included = new List<string>();
            found.AddRange(InterfacesFile.Parse(text, path, included));
            foreach (var pattern in included.Take(MaximumFiles))
            {
                // interfaces(5): a pattern is taken from the directory of the file that has it.
                var absolute = pattern.StartsWith('/') ? pattern : path[..path.LastIndexOf('/')] + "/" + pattern;
                foreach (var match in reader.Glob(absolute).Where(match => reader.Find(match)?.Kind == NodeKind.File).Take(MaximumFiles))
                {
                    waiting.Enqueue(match);
                }
            }
        }

        return found;
    }

    private static IEnumerable<(string Path, string Text)> Texts(GuestReader reader, string pattern)
        => reader.Glob(pattern).Take(MaximumFiles).Select(path => (path, Text: reader.Text(path))).Where(file => file.Text is not null).Select(file => (file.path, file.Text ?? ""));
}
