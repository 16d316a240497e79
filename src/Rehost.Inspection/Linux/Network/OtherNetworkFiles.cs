namespace Rehost.Inspection.Linux.Network;

/// <summary>Network settings of Arch (netctl, and rc.conf before 2012) and Gentoo (netifrc).</summary>
internal static class OtherNetworkFiles
{
    /// <summary>A profile of netctl(5); null when it is for no Ethernet interface.</summary>
    public static FoundInterface? ParseNetctl(string text, string file)
    {
        var values = ShellAssignments.Parse(text);
        return values.TryGetValue("Interface", out var name) && name.Length > 0 && values.GetValueOrDefault("Connection", "ethernet") == "ethernet"
            ? new FoundInterface(name, file, values.GetValueOrDefault("IP", "dhcp"), Words(values.GetValueOrDefault("Address", "")), null) : null;
    }

    /// <summary>Lines config_eth0="192.0.2.5/24" of netifrc, or config_eth0=( "…" ) before Baselayout 2.</summary>
    public static IEnumerable<FoundInterface> ParseNetifrc(string text, string file)
    {
        foreach (var line in GuestLines.Joined(text))
        {
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > "config_".Length && line.StartsWith("config_", StringComparison.Ordinal))
            {
                var value = line[(equals + 1)..].Trim('(', ')', ' ', '"', '\'');
                var first = GuestLines.Words(value).FirstOrDefault("");
                var isStatic = first.Length > 0 && (char.IsAsciiDigit(value[0]) || value.Contains(':', StringComparison.Ordinal));
                yield return new FoundInterface(line["config_".Length..equals], file, isStatic ? "static" : first.Length == 0 ? "dhcp" : first, isStatic ? [first] : [], null);
            }
        }
    }

    /// <summary>Arch's rc.conf: interface=eth0 with address=, or eth0="dhcp" with INTERFACES=(eth0).</summary>
    public static IEnumerable<FoundInterface> ParseOldArch(string text, string file)
    {
        var values = ShellAssignments.Parse(text);
        if (values.TryGetValue("interface", out var name) && name.Length > 0)
        {
            var address = values.GetValueOrDefault("address", "");
            return [new FoundInterface(name, file, address.Length > 0 ? "static" : "dhcp", address.Length > 0 ? [$"{address}/{values.GetValueOrDefault("netmask", "")}".TrimEnd('/')] : [], null)];
        }

        return values.Where(item => item.Key.StartsWith("eth", StringComparison.Ordinal) && item.Value.Length > 0)
            .OrderBy(item => item.Key, StringComparer.Ordinal)
            .Select(item => new FoundInterface(item.Key, file, item.Value.StartsWith("dhcp", StringComparison.Ordinal) ? "dhcp" : "static", [], null)).ToList();
    }

    private static string[] Words(string text) => [.. GuestLines.Words(text.Trim('(', ')')).Select(word => word.Trim('\'', '"')).Where(word => word.Length > 0)];
}
