namespace Rehost.Inspection.Linux.Network;

/// <summary>An interface as a configuration file describes it.</summary>
/// <param name="Name">eth0.</param>
/// <param name="File">Guest path of the file.</param>
/// <param name="Method">static, dhcp, manual, none; as the file says.</param>
/// <param name="Addresses">Addresses as written.</param>
/// <param name="MacAddress">MAC address that the file ties to it; null when none.</param>
internal sealed record FoundInterface(string Name, string File, string Method, IReadOnlyList<string> Addresses, string? MacAddress)
{
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
