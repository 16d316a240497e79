namespace Rehost.Inspection.Linux.Network;

/// <summary>Reads systemd-networkd's .network files and NetworkManager's keyfiles.</summary>
internal static class NetworkFiles
{
    /// <summary>A .network file (systemd.network(5)); null when it names no interface and no address to match.</summary>
    public static FoundInterface? ParseNetworkd(string text, string file)
    {
        string? name = null;
        string? mac = null;
        var method = "static";
        var addresses = new List<string>();
        foreach (var (section, key, value) in IniFile.Parse(text))
        {
            switch (section, key)
            {
                case ("Match", "Name"):
                    name = GuestLines.Words(value).FirstOrDefault();
                    break;
                case ("Match", "MACAddress" or "PermanentMACAddress"):
                    mac = FoundInterface.NormalizeMac(GuestLines.Words(value).FirstOrDefault());
                    break;
                case ("Network", "DHCP"):
                    method = value.ToLowerInvariant() is "no" or "false" or "none" or "off" or "0" ? "static" : "dhcp";
                    break;
                case ("Network" or "Address", "Address"):
                    addresses.Add(value);
                    break;
            }
        }

        var isPattern = name is not null && name.AsSpan().IndexOfAny('*', '?', '[') >= 0;
        return name is null && mac is null ? null : new FoundInterface(isPattern ? "" : name ?? "", file, method, addresses, mac) { Pattern = isPattern ? name : null };
    }

    /// <summary>A keyfile of NetworkManager (nm-settings-keyfile(5)); null when it is for no Ethernet interface.</summary>
    public static FoundInterface? ParseKeyfile(string text, string file)
    {
        string? name = null;
        string? mac = null;
        string? parent = null;
        var type = "";
        var method = "auto";
        var addresses = new List<string>();
        foreach (var (section, key, value) in IniFile.Parse(text))
        {
            switch (section, key)
            {
                case ("connection", "interface-name"):
                    name = value;
                    break;
                case ("connection", "type"):
                    type = value;
                    break;
                case ("ethernet" or "802-3-ethernet", "mac-address"):
                    mac = FoundInterface.NormalizeMac(value);
                    break;
                case ("vlan", "parent"):
                    parent = value;
                    break;
                case ("ipv4", "method"):
                    method = value;
                    break;
                case ("ipv4" or "ipv6", _) when key.StartsWith("address", StringComparison.Ordinal):
                    addresses.AddRange(value.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(',')[0].Trim()).Where(one => one.Length > 0));
                    break;
            }
        }

        var kind = type switch
        {
            "ethernet" or "802-3-ethernet" => null,
            "team" => "bond",
            _ => type,
        };
        return kind is null or "bond" or "bridge" or "vlan" ? new FoundInterface(name ?? "", file, method, addresses, mac) { Kind = kind, Over = parent } : null;
    }
}
