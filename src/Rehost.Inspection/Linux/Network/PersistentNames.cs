namespace Rehost.Inspection.Linux.Network;

/// <summary>Names that files tie to MAC addresses: udev's 70-persistent-net.rules (2006 to 2013), systemd's .link files.</summary>
internal static class PersistentNames
{
    /// <summary>Name by MAC address from udev rules; a later rule wins.</summary>
    public static IEnumerable<(string Mac, string Name)> FromRules(string text)
    {
        foreach (var line in GuestLines.Joined(text))
        {
            string? mac = null;
            string? name = null;
            foreach (var part in line.Split(','))
            {
                var item = part.Trim();
                mac = FoundInterface.NormalizeMac(Quoted(item, "ATTR{address}==") ?? Quoted(item, "SYSFS{address}==") ?? Quoted(item, "ATTRS{address}==")) ?? mac;
                name = Quoted(item, "NAME=") ?? Quoted(item, "NAME:=") ?? name;
            }

            if (mac is not null && name is not null)
            {
                yield return (mac, name);
            }
        }
    }

    /// <summary>Name by MAC address from a .link file (systemd.link(5)); null when it ties none.</summary>
    public static (string Mac, string Name)? FromLinkFile(string text)
    {
        string? mac = null;
        string? name = null;
        foreach (var (section, key, value) in IniFile.Parse(text))
        {
            switch (section, key)
            {
                case ("Match", "MACAddress" or "PermanentMACAddress"):
                    mac = FoundInterface.NormalizeMac(GuestLines.Words(value).FirstOrDefault());
                    break;
                case ("Link", "Name"):
                    name = value;
                    break;
            }
        }

        return mac is not null && name is not null ? (mac, name) : null;
    }

    /// <summary>Names that files give to adapters by where they are plugged in or which driver they have, not by address: a .link file with Path=, a rule with KERNELS==.</summary>
    public static IEnumerable<string> ByPlace(string text, bool isLinkFile)
    {
        if (isLinkFile)
        {
            var items = IniFile.Parse(text).ToList();
            return items.Exists(item => item is ("Match", "MACAddress" or "PermanentMACAddress", _)) ? [] : items.Where(item => item is ("Link", "Name", { Length: > 0 })).Select(item => item.Value).ToList();
        }

        return GuestLines.Joined(text).Where(line => line.Contains("net", StringComparison.Ordinal) && !line.Contains("{address}", StringComparison.Ordinal))
            .SelectMany(line => line.Split(',')).Select(item => Quoted(item.Trim(), "NAME=") ?? Quoted(item.Trim(), "NAME:=")).OfType<string>()
            .Where(name => name.Length > 0 && !name.Contains('$', StringComparison.Ordinal) && !name.Contains('%', StringComparison.Ordinal)).ToList();
    }

    /// <summary>Name by MAC address from /etc/mactab ("eth0 00:…", nameif(8)) and /etc/iftab ("eth0 mac 00:…", ifrename(8)) of guests without udev rules.</summary>
    public static IEnumerable<(string Mac, string Name)> FromTable(string text)
    {
        foreach (var (_, line) in GuestLines.Effective(text))
        {
            var words = GuestLines.Words(line);
            var mac = words.Skip(1).Select(FoundInterface.NormalizeMac).FirstOrDefault(one => one is not null);
            if (mac is not null && words[0].AsSpan().IndexOfAny('*', '?') < 0)
            {
                yield return (mac, words[0]);
            }
        }
    }

    private static string? Quoted(string item, string start)
        => item.StartsWith(start, StringComparison.Ordinal) && item.Length > start.Length + 1 && item[start.Length] == '"' && item[^1] == '"' ? item[(start.Length + 1)..^1] : null;
}
