using System.Globalization;
using Rehost.Model;

namespace Rehost.Inspection.Windows.Drivers;

/// <summary>
/// What a models section is for, from its decoration: NT[architecture][.[major][.[minor][.[product type][.[suite][.[build]]]]]] ("INF Manufacturer Section"). Without architecture it is
/// for x86, as Windows XP SP1 and later read it.
/// </summary>
/// <param name="Architecture">x86, amd64, arm64; others as written.</param>
/// <param name="Minimum">Oldest version; null when not said.</param>
/// <param name="ProductType">1 workstation, 2 domain controller, 3 server; null when not said.</param>
internal sealed record InfDecoration(string Architecture, WindowsVersion? Minimum, int? ProductType)
{
    /// <summary>Understands a decoration; null when it is none.</summary>
    public static InfDecoration? Parse(string text)
    {
        if (text.Length == 0)
        {
            return new InfDecoration("x86", null, null);
        }

        if (!text.StartsWith("NT", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var parts = text[2..].Split('.');
        var architecture = parts[0].ToLowerInvariant() switch { "" or "x86" => "x86", var other => other };
        var major = Number(parts, 1);
        return new InfDecoration(architecture, major is null ? null : new WindowsVersion(major.Value, Number(parts, 2) ?? 0, Number(parts, 5) ?? 0), Number(parts, 3));
    }

    private static int? Number(string[] parts, int index)
    {
        if (index >= parts.Length || parts[index].Length == 0)
        {
            return null;
        }

        var text = parts[index];
        var isHexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return int.TryParse(isHexadecimal ? text[2..] : text, isHexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }
}
