namespace Rehost.Inspection.Linux.Network;

/// <summary>Reads /etc/network/interfaces of Debian and Alpine (interfaces(5)).</summary>
internal static class InterfacesFile
{
    private static readonly string[] StanzaKeywords = ["iface", "auto", "mapping", "source", "source-directory", "template", "no-auto-down", "no-scripts", "rename"];

    /// <summary>Interfaces of one file; what it includes goes to <paramref name="included"/> as pattern or directory.</summary>
    public static IEnumerable<FoundInterface> Parse(string text, string file, ICollection<string> included)
    {
        var found = new List<FoundInterface>();
        string? name = null;
        var method = "";
        string? kind = null;
        string? over = null;
        var addresses = new List<string>();

        void Close()
        {
            if (name is not null)
            {
                found.Add(new FoundInterface(name, file, method, [.. addresses], null) { Kind = kind, Over = over });
            }

            (name, method, kind, over) = (null, "", null, null);
            addresses.Clear();
        }

        foreach (var line in GuestLines.Joined(text))
        {
            var (keyword, rest) = GuestLines.SplitFirst(line);
            if (StanzaKeywords.Contains(keyword) || keyword.StartsWith("allow-", StringComparison.Ordinal))
            {
                Close();
            }

            switch (keyword)
            {
                case "iface":
                    var words = GuestLines.Words(rest);
                    name = words.Length > 0 ? words[0] : null;
                    method = words.Length > 2 ? words[2] : "";
                    break;
                case "source":
                    included.Add(rest);
                    break;
                case "source-directory":
                    included.Add(rest.TrimEnd('/') + "/*");
                    break;
                case "address" when name is not null:
                    addresses.Add(rest);
                    break;
                case "netmask" when name is not null && addresses.Count > 0 && !addresses[^1].Contains('/', StringComparison.Ordinal):
                    addresses[^1] = $"{addresses[^1]}/{rest}";
                    break;
                case "bond-slaves" or "bond_slaves" or "slaves" or "bridge_ports" or "bridge-ports" or "vlan-raw-device" or "vlan_raw_device" when name is not null:
                    kind = keyword.StartsWith("br", StringComparison.Ordinal) ? "bridge" : keyword.StartsWith('v') ? "vlan" : "bond";
                    over = rest is "none" ? null : string.Join(", ", GuestLines.Words(rest));
                    break;
            }
        }

        Close();
        return Merge(found);
    }

    /// <summary>An interface has one stanza for each address family.</summary>
    private static IEnumerable<FoundInterface> Merge(IEnumerable<FoundInterface> found)
        => found.GroupBy(one => one.Name, StringComparer.Ordinal).Select(group => group.First() with
        {
            Addresses = [.. group.SelectMany(one => one.Addresses)],
            Kind = group.Select(one => one.Kind).FirstOrDefault(kind => kind is not null),
            Over = group.Select(one => one.Over).FirstOrDefault(over => over is not null),
        });
}
