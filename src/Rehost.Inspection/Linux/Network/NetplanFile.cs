namespace Rehost.Inspection.Linux.Network;

/// <summary>
/// Reads what matters of a netplan file by its lines and their indentation: interfaces under "ethernets", whether DHCP is on, addresses, the MAC address to match.
/// Not a YAML parser: anchors, flow mappings and the like are passed over, and a finding says that the file was read in part.
/// </summary>
internal static class NetplanFile
{
    /// <summary>Reads one file.</summary>
    public static IEnumerable<FoundInterface> Parse(string text, string file)
    {
        var found = new List<FoundInterface>();
        var ethernetsIndent = -1;
        var nameIndent = -1;
        var isInAddresses = false;
        foreach (var (_, raw) in GuestLines.Of(text))
        {
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var indent = raw.Length - raw.AsSpan().TrimStart(' ').Length;
            if (ethernetsIndent >= 0 && indent <= ethernetsIndent)
            {
                (ethernetsIndent, nameIndent, isInAddresses) = (-1, -1, false);
            }

            if (ethernetsIndent < 0)
            {
                ethernetsIndent = line == "ethernets:" ? indent : -1;
                continue;
            }

            nameIndent = nameIndent < 0 ? indent : nameIndent;
            if (indent <= nameIndent)
            {
                isInAddresses = false;
                if (line.EndsWith(':'))
                {
                    found.Add(new FoundInterface(Value(line[..^1]), file, "static", [], null));
                }

                continue;
            }

            if (found.Count == 0)
            {
                continue;
            }

            if (line[0] == '-')
            {
                found[^1] = isInAddresses ? found[^1] with { Addresses = [.. found[^1].Addresses, Value(line[1..]).TrimEnd(':').Trim('"', '\'')] } : found[^1];
                continue;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (key, value) = colon < 0 ? (line, "") : (line[..colon].Trim(), line[(colon + 1)..].Trim());
            isInAddresses = key == "addresses" && indent > nameIndent;
            switch (key)
            {
                case "dhcp4" or "dhcp6" when Value(value).ToLowerInvariant() is "true" or "yes" or "on":
                    found[^1] = found[^1] with { Method = "dhcp" };
                    break;
                case "macaddress":
                    found[^1] = found[^1] with { MacAddress = FoundInterface.NormalizeMac(value) };
                    break;
                case "set-name":
                    found[^1] = found[^1] with { Name = Value(value) };
                    break;
                case "addresses" when value.StartsWith('['):
                    found[^1] = found[^1] with { Addresses = [.. found[^1].Addresses, .. value.Trim('[', ']').Split(',').Select(Value).Where(one => one.Length > 0)] };
                    break;
            }
        }

        // "nameservers: addresses:" stands deeper than an interface's own addresses, and names servers: what is no CIDR is none of ours.
        return found.Select(one => one with { Addresses = [.. one.Addresses.Where(address => address.Contains('/', StringComparison.Ordinal))] });
    }

    private static string Value(string text) => text.Split(" #")[0].Trim().Trim('"', '\'');
}
