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

    private static string? Quoted(string item, string start)
        => item.StartsWith(start, StringComparison.Ordinal) && item.Length > start.Length + 1 && item[start.Length] == '"' && item[^1] == '"' ? item[(start.Length + 1)..^1] : null;
}
