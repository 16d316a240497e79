namespace Rehost.Inspection.Linux.Network;

/// <summary>An interface as a configuration file describes it.</summary>
/// <param name="Name">eth0.</param>
/// <param name="File">Guest path of the file.</param>
/// <param name="Method">static, dhcp, manual, none; as the file says.</param>
/// <param name="Addresses">Addresses as written.</param>
/// <param name="MacAddress">MAC address of the adapter that the file ties it to; null when none. An address that the file gives to the adapter (hwaddress, LLADDR, MACADDR) is not that.</param>
internal sealed record FoundInterface(string Name, string File, string Method, IReadOnlyList<string> Addresses, string? MacAddress)
{
    /// <summary>bond, bridge, vlan …; null for an adapter, or where the file does not say.</summary>
    public string? Kind { get; init; }

    /// <summary>What it is made of; null when the file does not say.</summary>
    public string? Over { get; init; }

    /// <summary>A pattern of names that finds the adapter; null when a name or an address does.</summary>
    public string? Pattern { get; init; }

    /// <summary>What an interface is by the conventions of its name; null for what may be an adapter.</summary>
    public static string? KindOf(string name) => name switch
    {
        _ when name.Contains(':', StringComparison.Ordinal) => "alias",
        _ when name.Contains('.', StringComparison.Ordinal) || (name.StartsWith("vlan", StringComparison.Ordinal) && name.Length > 4) => "vlan",
        _ when name.StartsWith("bond", StringComparison.Ordinal) || name.StartsWith("team", StringComparison.Ordinal) => "bond",
        _ when name.StartsWith("virbr", StringComparison.Ordinal) || name.StartsWith("xenbr", StringComparison.Ordinal) || (name.StartsWith("br", StringComparison.Ordinal) && name.Length is > 2 and <= 5 && char.IsAsciiDigit(name[^1])) => "bridge",
        _ when name.StartsWith("dummy", StringComparison.Ordinal) || name.StartsWith("tun", StringComparison.Ordinal) || name.StartsWith("tap", StringComparison.Ordinal) || name.StartsWith("wg", StringComparison.Ordinal) || name.StartsWith("ppp", StringComparison.Ordinal) => "virtual",
        _ => null,
    };

    /// <summary>A MAC address in lower case with colons; null when the text is none.</summary>
    public static string? NormalizeMac(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var mac = text.Trim().Trim('"', '\'').ToLowerInvariant().Replace('-', ':');
        return mac.Length == 17 && mac.Split(':') is { Length: 6 } parts && parts.All(part => part.Length == 2 && part.All(char.IsAsciiHexDigit)) ? mac : null;
    }
}
