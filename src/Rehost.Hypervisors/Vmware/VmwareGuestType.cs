using System.Globalization;

namespace Rehost.Hypervisors.Vmware;

/// <summary>
/// VMware's name of a guest's system, as of ESXi 5.5 (VirtualMachineGuestOsIdentifier of the vSphere API): newer hosts know these too, older hosts refuse what they do not know.
/// It decides defaults of the host and which VMware Tools it offers, never the devices, which the description lists.
/// </summary>
public static class VmwareGuestType
{
    /// <summary>The name, as the OVF attribute vmw:osType has it.</summary>
    /// <param name="system">The guest's system.</param>
    /// <param name="kernel">Release of its default kernel, for a distribution without a name of its own; null when there is none.</param>
    public static string Of(Model.OperatingSystem system, string? kernel)
    {
        ArgumentNullException.ThrowIfNull(system);
        if (system.Id == "windows")
        {
            return OfWindows(system);
        }

        var version = Number(system.Version);
        var name = system.Id switch
        {
            "ubuntu" => "ubuntu",
            "fedora" => "fedora",
            "centos" or "almalinux" or "rocky" or "scientific" => "centos",
            "ol" or "oracle" => "oracleLinux",
            "rhel" when version >= 2 => Numbered("rhel", Math.Min(version, 7)),
            "sles" or "sled" when version >= 10 => Numbered("sles", Math.Min(version, 12)),
            "opensuse" or "opensuse-leap" or "opensuse-tumbleweed" => "opensuse",
            "debian" when version >= 4 => Numbered("debian", Math.Min(version, 7)),
            _ => Number(kernel) switch { >= 3 => "other3xLinux", 2 when kernel?.StartsWith("2.6", StringComparison.Ordinal) == true => "other26xLinux", 2 => "other24xLinux", _ => "otherLinux" },
        };
        var is64 = system.Architecture is "x86_64" or "amd64";

        // Names that end in a number have an underscore before the width.
        return name + (is64 ? char.IsAsciiDigit(name[^1]) ? "_64Guest" : "64Guest" : "Guest");
    }

    private static string OfWindows(Model.OperatingSystem system)
    {
        var parts = (system.Version ?? "").Split('.');
        var version = parts.Length > 1 ? $"{parts[0]}.{parts[1]}" : "";
        var isServer = system.Name.Contains("Server", StringComparison.OrdinalIgnoreCase);
        var is64 = system.Architecture is "x86_64";
        return version switch
        {
            "5.0" => isServer ? "win2000ServGuest" : "win2000ProGuest",
            "5.1" => "winXPProGuest",
            "5.2" => isServer ? is64 ? "winNetStandard64Guest" : "winNetStandardGuest" : "winXPPro64Guest",
            "6.0" => isServer ? is64 ? "winLonghorn64Guest" : "winLonghornGuest" : is64 ? "winVista64Guest" : "winVistaGuest",
            "6.1" => isServer ? "windows7Server64Guest" : is64 ? "windows7_64Guest" : "windows7Guest",
            "6.2" or "6.3" => isServer ? "windows8Server64Guest" : is64 ? "windows8_64Guest" : "windows8Guest",
            _ => isServer ? "windows9Server64Guest" : is64 ? "windows9_64Guest" : "windows9Guest",
        };
    }

    private static string Numbered(string name, int version) => string.Create(CultureInfo.InvariantCulture, $"{name}{version}");

    private static int Number(string? version)
        => int.TryParse(string.Concat((version ?? "").TakeWhile(char.IsAsciiDigit)), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
