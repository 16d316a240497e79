using System.Xml;

namespace Rehost.Inspection.Linux.Network;

/// <summary>
/// wicked's own configuration (wicked-config(5)): interface elements, one after the other, with prefixes (ipv4:static) that no file declares. Mostly SUSE's ifcfg files stand for it.
/// </summary>
internal static class WickedFile
{
    private const int LongestValue = 256;

    /// <summary>Interfaces of one file; what stands before a fault of its syntax counts.</summary>
    /// <param name="text">The file.</param>
    /// <param name="file">Guest path.</param>
    /// <param name="isWhole">Whether all of it was read.</param>
    public static IReadOnlyList<FoundInterface> Parse(string text, string file, out bool isWhole)
    {
        var found = new List<FoundInterface>();
        var open = new List<string>();
        FoundInterface? current = null;
        var addresses = new List<string>();
        isWhole = false;
        try
        {
            using var reader = new XmlTextReader(text, XmlNodeType.Element, null) { Namespaces = false, DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, WhitespaceHandling = WhitespaceHandling.None };
            while (reader.Read())
            {
                switch (reader.NodeType)
                {
                    case XmlNodeType.Element:
                        if (reader.Name == "interface" && current is null)
                        {
                            (current, addresses) = (new FoundInterface("", file, "none", [], null), []);
                            open.Clear();
                        }
                        else if (current is not null)
                        {
                            current = With(current, reader.Name, open.Count);
                        }

                        if (!reader.IsEmptyElement)
                        {
                            open.Add(reader.Name);
                        }

                        break;
                    case XmlNodeType.Text when current is not null && reader.Value.Length <= LongestValue:
                        current = Read(current, open, reader.Value.Trim(), addresses);
                        break;
                    case XmlNodeType.EndElement:
                        open.RemoveAt(open.Count - 1);
                        if (reader.Name == "interface" && open.Count == 0 && current is not null)
                        {
                            found.Add(current with { Addresses = addresses });
                            current = null;
                        }

                        break;
                    default:
                        break;
                }
            }

            isWhole = true;
        }
        catch (XmlException)
        {
            // The rest of the file cannot be read.
        }

        return [.. found.Where(one => one.Name.Length > 0 || one.MacAddress is not null)];
    }

    // Elements directly in an interface say what it is, and how it gets its addresses.
    private static FoundInterface With(FoundInterface one, string element, int depth) => (element, depth) switch
    {
        ("ipv4:static", 1) when one.Method == "none" => one with { Method = "static" },
        ("ipv4:dhcp", 1) => one with { Method = "dhcp" },
        ("bridge" or "bond" or "vlan", 1) => one with { Kind = element },
        _ => one,
    };

    private static FoundInterface Read(FoundInterface one, List<string> open, string value, List<string> addresses)
    {
        switch (open)
        {
            case ["interface", "name"]:
                return one with { Name = value };
            case ["interface", "name", "permanent-address"]:
                return one with { MacAddress = FoundInterface.NormalizeMac(value) };
            case ["interface", "vlan", "device"]:
                return one with { Over = value };
            case ["interface", "ipv4:dhcp", "enabled"] when value == "false":
                return one with { Method = addresses.Count > 0 ? "static" : "none" };
            case ["interface", "ipv4:static" or "ipv6:static", "address", "local"]:
                addresses.Add(value);
                return one;
            default:
                return one;
        }
    }
}
