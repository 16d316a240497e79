using System.Text.RegularExpressions;

namespace Rehost.Inspection.Linux.Network;

/// <summary>
/// Reads what matters of a netplan file by its lines and their indentation: adapters, bonds, bridges and VLANs, whether DHCP is on, addresses, and how the adapter is found (match, set-name).
/// Not a YAML parser: anchors and flow mappings other than of match are passed over, and a finding says that the file was read in part.
/// </summary>
internal static partial class NetplanFile
{
    /// <summary>Addresses and members of one interface that are read. Each one more makes a copy of all before it.</summary>
    private const int MostItems = 256;

    /// <summary>Reads one file.</summary>
    public static IEnumerable<FoundInterface> Parse(string text, string file)
    {
        var found = new List<FoundInterface>();
        var names = new Dictionary<int, string>();
        var path = new List<(int Indent, string Key)>();
        foreach (var (_, raw) in GuestLines.Of(text))
        {
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            var indent = raw.Length - raw.AsSpan().TrimStart(' ').Length;
            if (line[0] == '-')
            {
                // An item of a list may stand as deep as its key.
                path.RemoveAll(item => item.Indent > indent);
                Item(found, path, Value(line[1..]).TrimEnd(':').Trim('"', '\''));
                continue;
            }

            path.RemoveAll(item => item.Indent >= indent);
            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            var (key, value) = colon >= 0 ? (Value(line[..colon]), Value(line[(colon + 1)..])) : (Value(line.TrimEnd(':')), "");
            path.Add((indent, key));
            if (SectionOf(path) is { } section)
            {
                Key(found, section, path, value, file);
                if (key == "set-name" && path.Count - section == 3)
                {
                    names[found.Count - 1] = value;
                }
            }
        }

        // With a match, what stands below "ethernets:" is only a label; set-name, before or after it, gives the interface its name.
        return found.Select((one, index) => names.TryGetValue(index, out var name) ? one with { Name = name, Pattern = null } : one).Where(one => one.Name.Length > 0 || one.MacAddress is not null || one.Pattern is not null);
    }

    // What stands below "network:", or at the top where the file leaves that out: ethernets, bonds …
    private static int? SectionOf(List<(int Indent, string Key)> path)
    {
        var index = path.FindIndex(item => item.Key is "ethernets" or "bonds" or "bridges" or "vlans");
        return index is 0 or 1 && index + 1 < path.Count ? index : null;
    }

    private static void Key(List<FoundInterface> found, int section, List<(int Indent, string Key)> path, string value, string file)
    {
        var depth = path.Count - section;
        var key = path[^1].Key;
        if (depth == 2)
        {
            var kind = path[section].Key is "ethernets" ? null : path[section].Key[..^1];
            found.Add(new FoundInterface(key, file, "static", [], null) { Kind = kind });
            return;
        }

        var isMatch = path[section + 2].Key == "match";
        var one = found[^1];
        found[^1] = (key, depth) switch
        {
            ("dhcp4" or "dhcp6", 3) when value.ToLowerInvariant() is "true" or "yes" or "on" => one with { Method = "dhcp" },
            ("match", 3) when value.StartsWith('{') => Match(Match(one, "macaddress", Flow("macaddress", value)), "name", Flow("name", value)),
            ("link", 3) => one with { Over = value },
            ("interfaces", 3) when value.StartsWith('[') => one with { Over = string.Join(", ", List(value)) },
            ("addresses", 3) when value.StartsWith('[') => one with { Addresses = [.. one.Addresses.Concat(List(value)).Take(MostItems)] },
            ("macaddress" or "name", 4) when isMatch => Match(one, key, value),
            _ => one,
        };
    }

    private static FoundInterface Match(FoundInterface one, string key, string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            return one;
        }

        if (key == "macaddress")
        {
            return one with { MacAddress = FoundInterface.NormalizeMac(value), Name = "", Pattern = null };
        }

        var isPattern = value.AsSpan().IndexOfAny('*', '?', '[') >= 0;
        return one with { Name = isPattern ? "" : value, Pattern = isPattern ? value : null };
    }

    private static void Item(List<FoundInterface> found, List<(int Indent, string Key)> path, string value)
    {
        if (SectionOf(path) is not { } section || path.Count - section != 3 || found.Count == 0)
        {
            return;
        }

        found[^1] = path[^1].Key switch
        {
            "addresses" when found[^1].Addresses.Count < MostItems => found[^1] with { Addresses = [.. found[^1].Addresses, value] },
            "interfaces" when (found[^1].Over?.Length ?? 0) < MostItems * 16 => found[^1] with { Over = found[^1].Over is { } over ? $"{over}, {value}" : value },
            _ => found[^1],
        };
    }

    private static IEnumerable<string> List(string value) => value.Trim('[', ']').Split(',').Select(Value).Where(one => one.Length > 0);

    private static string? Flow(string key, string value) => FlowItem().Matches(value).Where(item => item.Groups["key"].Value == key).Select(item => item.Groups["value"].Value).FirstOrDefault();

    private static string Value(string text) => text.Split(" #")[0].Trim().Trim('"', '\'');

    // A key starts where no letter stands before it: else a line of nothing but letters would be read from each of them.
    [GeneratedRegex("""(?<![a-z])(?<key>[a-z]+)\s*:\s*["']?(?<value>[^,"'}\s]+)""", RegexOptions.CultureInvariant)]
    private static partial Regex FlowItem();
}
