namespace Rehost.Inspection.Linux.Network;

/// <summary>Reads ifcfg files of Red Hat (/etc/sysconfig/network-scripts) and SUSE (/etc/sysconfig/network).</summary>
internal static class IfcfgFile
{
    private static readonly string[] BackupSuffixes = ["~", ".bak", ".orig", ".rpmnew", ".rpmsave", ".rpmorig", ".old", ".swp"];

    /// <summary>Whether the network scripts read a file of that name.</summary>
    public static bool IsRead(string path) => !BackupSuffixes.Any(suffix => path.EndsWith(suffix, StringComparison.Ordinal));

    /// <summary>Reads one file.</summary>
    public static FoundInterface Parse(string text, string file)
    {
        var values = ShellAssignments.Parse(text);
        var fileName = file[(file.LastIndexOf('/') + 1)..];
        var suffix = fileName.StartsWith("ifcfg-", StringComparison.Ordinal) ? fileName["ifcfg-".Length..] : fileName;
        var addresses = new List<string>();
        foreach (var (key, value) in values.Where(item => item.Value.Length > 0).OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            if (key is "IPV6ADDR" || (key.StartsWith("IPADDR", StringComparison.Ordinal) && key["IPADDR".Length..].All(c => char.IsAsciiDigit(c) || c == '_')))
            {
                addresses.Add(key == "IPV6ADDR" ? value : WithMask(value, values, key["IPADDR".Length..]));
            }
        }

        var mac = FoundInterface.NormalizeMac(values.GetValueOrDefault("HWADDR"))
            ?? FoundInterface.NormalizeMac(suffix.StartsWith("eth-id-", StringComparison.Ordinal) ? suffix["eth-id-".Length..] : null);
        // SLES 9 and 10 name the file by the address and not the interface, which has its name from a udev rule.
        var name = values.TryGetValue("DEVICE", out var device) && device.Length > 0 ? device : suffix.StartsWith("eth-id-", StringComparison.Ordinal) ? "" : suffix;
        return new FoundInterface(name, file, values.GetValueOrDefault("BOOTPROTO", "none"), addresses, mac) { Kind = KindOf(values), Over = Over(values) };
    }

    private static string? KindOf(Dictionary<string, string> values) => values.GetValueOrDefault("TYPE", "").ToLowerInvariant() switch
    {
        "bond" or "team" => "bond",
        "bridge" or "ovsbridge" => "bridge",
        "vlan" => "vlan",
        _ when IsYes(values, "VLAN") || values.ContainsKey("ETHERDEVICE") => "vlan",
        _ when IsYes(values, "BONDING_MASTER") || values.ContainsKey("BONDING_OPTS") => "bond",
        _ when IsYes(values, "BRIDGE") => "bridge",
        _ => null,
    };

    private static string? Over(Dictionary<string, string> values)
    {
        var parts = values.Where(item => item.Key is "ETHERDEVICE" or "PHYSDEV" or "BRIDGE_PORTS" || item.Key.StartsWith("BONDING_SLAVE", StringComparison.Ordinal))
            .OrderBy(item => item.Key, StringComparer.Ordinal).SelectMany(item => GuestLines.Words(item.Value)).ToList();
        return parts.Count == 0 ? null : string.Join(", ", parts);
    }

    private static bool IsYes(Dictionary<string, string> values, string key) => values.TryGetValue(key, out var value) && value.ToLowerInvariant() is "yes" or "1" or "true";

    private static string WithMask(string address, Dictionary<string, string> values, string suffix)
    {
        if (address.Contains('/', StringComparison.Ordinal))
        {
            return address;
        }

        foreach (var key in (string[])["PREFIX" + suffix, "PREFIXLEN" + suffix, "NETMASK" + suffix])
        {
            if (values.TryGetValue(key, out var mask) && mask.Length > 0)
            {
                return $"{address}/{mask}";
            }
        }

        return address;
    }
}
