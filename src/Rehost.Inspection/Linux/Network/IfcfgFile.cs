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

        var mac = FoundInterface.NormalizeMac(values.GetValueOrDefault("HWADDR")) ?? FoundInterface.NormalizeMac(values.GetValueOrDefault("LLADDR"))
            ?? FoundInterface.NormalizeMac(suffix.StartsWith("eth-id-", StringComparison.Ordinal) ? suffix["eth-id-".Length..] : null);
        return new FoundInterface(
            values.TryGetValue("DEVICE", out var device) && device.Length > 0 ? device : suffix, file, values.GetValueOrDefault("BOOTPROTO", "none"), addresses, mac);
    }

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
