using System.Globalization;

namespace Rehost.Planning;

/// <summary>What a release of XenServer, Citrix Hypervisor or XCP-ng takes.</summary>
/// <param name="Name">As the operator named it: 5.5, 7, 8, xcp-8.2.</param>
/// <param name="IsXcp">XCP-ng.</param>
/// <param name="Version">Major and minor version; 8 alone of XenServer is XenServer 8 of 2023, which counts itself as 8.4.</param>
public sealed record XenServerRelease(string Name, bool IsXcp, Version Version)
{
    /// <summary>Names for --xenserver-version, as examples.</summary>
    public const string Examples = "5.5, 5.6, 6, 6.5, 7, 7.6, 8, xcp-8.0 to xcp-8.3";

    private static readonly Version XenServer8 = new(8, 4);

    /// <summary>64-bit PV guests: Citrix Hypervisor 8.2 and XCP-ng 8.3 take none.</summary>
    public bool TakesParavirtual => Version < (IsXcp ? new Version(8, 3) : new Version(8, 2));

    /// <summary>32-bit PV guests: until 7.6.</summary>
    public bool TakesParavirtual32 => Version < new Version(8, 0);

    /// <summary>PVH guests as a domain type: xapi has it since 7.5; of use since Xen 4.13 of Citrix Hypervisor 8.1.</summary>
    public bool TakesPvh => Version >= new Version(8, 1);

    /// <summary>UEFI: since Citrix Hypervisor 8.0.</summary>
    public bool TakesUefi => Version >= new Version(8, 0);

    /// <summary>XXH64 of chunks: since Citrix Hypervisor 8.1 and XCP-ng 8.1 (xapi 1.170).</summary>
    public bool KnowsXxHash => Version >= new Version(8, 1);

    /// <summary>Archives in zstd: since xapi 1.161, behind Citrix Hypervisor 8.0.</summary>
    public bool KnowsZstd => Version >= new Version(8, 1);

    /// <summary>Reads a name; null when it is none.</summary>
    public static XenServerRelease? Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var isXcp = name.StartsWith("xcp-", StringComparison.OrdinalIgnoreCase);
        var digits = (isXcp ? name[4..].Replace("ng-", "", StringComparison.OrdinalIgnoreCase) : name).Replace(".x", "", StringComparison.Ordinal);
        var parts = digits.Split('.');
        if (parts.Length > 3 || !parts.All(part => part.Length is > 0 and <= 3 && part.All(char.IsAsciiDigit)))
        {
            return null;
        }

        var major = int.Parse(parts[0], CultureInfo.InvariantCulture);
        var minor = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        var version = !isXcp && major == 8 && parts.Length == 1 ? XenServer8 : new Version(major, minor);
        return version < new Version(5, 5) || version >= new Version(10, 0) || (isXcp && version < new Version(7, 4)) ? null : new XenServerRelease(name, isXcp, version);
    }
}
