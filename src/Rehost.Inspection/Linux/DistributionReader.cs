using Rehost.Model;

namespace Rehost.Inspection.Linux;

/// <summary>Tells the distribution: os-release where there is one (since 2012), the vendors' own release files before.</summary>
internal static class DistributionReader
{
    private static readonly Dictionary<string, DistributionFamily> Families = new(StringComparer.Ordinal)
    {
        ["debian"] = DistributionFamily.Debian,
        ["ubuntu"] = DistributionFamily.Debian,
        ["devuan"] = DistributionFamily.Debian,
        ["raspbian"] = DistributionFamily.Debian,
        ["linuxmint"] = DistributionFamily.Debian,
        ["kali"] = DistributionFamily.Debian,
        ["rhel"] = DistributionFamily.RedHat,
        ["centos"] = DistributionFamily.RedHat,
        ["fedora"] = DistributionFamily.RedHat,
        ["rocky"] = DistributionFamily.RedHat,
        ["almalinux"] = DistributionFamily.RedHat,
        ["ol"] = DistributionFamily.RedHat,
        ["scientific"] = DistributionFamily.RedHat,
        ["amzn"] = DistributionFamily.RedHat,
        ["xenenterprise"] = DistributionFamily.RedHat,
        ["oracle"] = DistributionFamily.RedHat,
        ["eurolinux"] = DistributionFamily.RedHat,
        ["cloudlinux"] = DistributionFamily.RedHat,
        ["virtuozzo"] = DistributionFamily.RedHat,
        ["sles"] = DistributionFamily.Suse,
        ["sled"] = DistributionFamily.Suse,
        ["suse"] = DistributionFamily.Suse,
        ["opensuse"] = DistributionFamily.Suse,
        ["opensuse-leap"] = DistributionFamily.Suse,
        ["opensuse-tumbleweed"] = DistributionFamily.Suse,
        ["sles_sap"] = DistributionFamily.Suse,
        ["sle_hpc"] = DistributionFamily.Suse,
        ["arch"] = DistributionFamily.Arch,
        ["manjaro"] = DistributionFamily.Arch,
        ["alpine"] = DistributionFamily.Alpine,
        ["gentoo"] = DistributionFamily.Gentoo,
        ["mageia"] = DistributionFamily.Mageia,
        ["mandriva"] = DistributionFamily.Mageia,
        ["mandrivalinux"] = DistributionFamily.Mageia,
    };

    /// <summary>Identifier, name, version, family.</summary>
    public static (string Id, string Name, string? Version, DistributionFamily Family) Read(GuestReader reader)
    {
        if ((reader.Text("/etc/os-release") ?? reader.Text("/usr/lib/os-release")) is { } osRelease
            && ShellAssignments.Parse(osRelease) is var values && NonEmpty(values, "ID") is { } id)
        {
            var kin = GuestLines.Words(NonEmpty(values, "ID_LIKE") ?? "");
            var family = kin.Prepend(id).Select(name => Families.GetValueOrDefault(name)).FirstOrDefault(known => known != DistributionFamily.Unknown);
            return (id, NonEmpty(values, "PRETTY_NAME") ?? NonEmpty(values, "NAME") ?? id, NonEmpty(values, "VERSION_ID"), Known(family, reader));
        }

        // Ubuntu and its kin also have debian_version, so lsb-release comes first; CentOS has redhat-release, too, and both say "CentOS".
        if (reader.Text("/etc/lsb-release") is { } lsb && ShellAssignments.Parse(lsb) is var lsbValues && NonEmpty(lsbValues, "DISTRIB_ID") is { } lsbId)
        {
            var name = lsbId.ToLowerInvariant();
            if (Families.TryGetValue(name, out var family))
            {
                var version = NonEmpty(lsbValues, "DISTRIB_RELEASE");
                return (name, NonEmpty(lsbValues, "DISTRIB_DESCRIPTION") ?? $"{lsbId} {version}".Trim(), version, family);
            }
        }

        return ReadVendorFile(reader) ?? ("linux", "Linux", null, Known(DistributionFamily.Unknown, reader));
    }

    /// <summary>A name that nobody knows says nothing about how a guest is built: what it has for packages and network does.</summary>
    private static DistributionFamily Known(DistributionFamily family, GuestReader reader)
        => family != DistributionFamily.Unknown ? family
        : reader.IsFile("/var/lib/dpkg/status") ? DistributionFamily.Debian
        : reader.IsDirectory("/var/lib/pacman/local") ? DistributionFamily.Arch
        : reader.IsFile("/lib/apk/db/installed") ? DistributionFamily.Alpine
        : reader.IsDirectory("/var/db/pkg") && reader.IsThere("/etc/portage") ? DistributionFamily.Gentoo
        : reader.IsDirectory("/etc/urpmi") ? DistributionFamily.Mageia
        : reader.IsDirectory("/etc/zypp") || reader.IsDirectory("/etc/YaST2") ? DistributionFamily.Suse
        : reader.IsDirectory("/etc/sysconfig/network-scripts") || reader.IsDirectory("/etc/yum.repos.d") ? DistributionFamily.RedHat
        : DistributionFamily.Unknown;

    private static (string Id, string Name, string? Version, DistributionFamily Family)? ReadVendorFile(GuestReader reader)
    {
        // Mageia and Mandriva have a redhat-release for old programs, Oracle has Red Hat's beside its own.
        if ((FirstLine(reader, "/etc/mageia-release") ?? FirstLine(reader, "/etc/mandriva-release") ?? FirstLine(reader, "/etc/mandrakelinux-release")) is { } mageia)
        {
            return (mageia.StartsWith("Mageia", StringComparison.Ordinal) ? "mageia" : "mandriva", mageia, VersionAfter(mageia, "release"), DistributionFamily.Mageia);
        }

        if (FirstLine(reader, "/etc/enterprise-release") is { } enterprise && enterprise.StartsWith("Enterprise Linux", StringComparison.Ordinal))
        {
            return ("ol", enterprise, VersionAfter(enterprise, "release"), DistributionFamily.RedHat); // Oracle Linux 4 and 5
        }

        if ((FirstLine(reader, "/etc/oracle-release") ?? FirstLine(reader, "/etc/redhat-release") ?? FirstLine(reader, "/etc/fedora-release") ?? FirstLine(reader, "/etc/system-release")) is { } redHat)
        {
            // "CentOS release 5.11 (Final)", "Red Hat Enterprise Linux Server release 6.4 (Santiago)", "Amazon Linux AMI release 2014.03"
            var id = redHat.StartsWith("Oracle", StringComparison.Ordinal) ? "ol" : redHat.StartsWith("Amazon", StringComparison.Ordinal) ? "amzn"
                : redHat.StartsWith("XenServer", StringComparison.Ordinal) ? "xenenterprise" : redHat.StartsWith("CentOS", StringComparison.Ordinal) ? "centos" : redHat.StartsWith("Fedora", StringComparison.Ordinal) ? "fedora"
                : redHat.StartsWith("Scientific", StringComparison.Ordinal) ? "scientific" : redHat.StartsWith("Red Hat", StringComparison.Ordinal) ? "rhel" : "redhat";
            return (id, redHat, VersionAfter(redHat, "release"), DistributionFamily.RedHat);
        }

        if (reader.Text("/etc/SuSE-release") is { } suse)
        {
            var name = suse.Split('\n')[0].Trim();
            var version = IniFile.Parse(suse).LastOrDefault(item => item.Key == "VERSION").Value;
            var level = IniFile.Parse(suse).LastOrDefault(item => item.Key == "PATCHLEVEL").Value;
            version = version is not null && level is not (null or "" or "0") ? $"{version}.{level}" : version;
            return (name.Contains("openSUSE", StringComparison.Ordinal) ? "opensuse" : "sles", name, version, DistributionFamily.Suse);
        }

        if (FirstLine(reader, "/etc/alpine-release") is { } alpine)
        {
            return ("alpine", $"Alpine Linux {alpine}", alpine, DistributionFamily.Alpine);
        }

        if (FirstLine(reader, "/etc/gentoo-release") is { } gentoo)
        {
            return ("gentoo", gentoo, VersionAfter(gentoo, "release"), DistributionFamily.Gentoo);
        }

        if (reader.IsThere("/etc/arch-release"))
        {
            return ("arch", "Arch Linux", null, DistributionFamily.Arch);
        }

        return FirstLine(reader, "/etc/debian_version") is { } debian ? ("debian", $"Debian GNU/Linux {debian}", debian, DistributionFamily.Debian) : null;
    }

    private static string? VersionAfter(string text, string word)
    {
        var words = GuestLines.Words(text);
        var index = Array.IndexOf(words, word);
        return index >= 0 && index + 1 < words.Length ? words[index + 1] : null;
    }

    private static string? FirstLine(GuestReader reader, string path)
        => reader.Text(path)?.Split('\n')[0].Trim() is { Length: > 0 } line ? line : null;

    private static string? NonEmpty(Dictionary<string, string> values, string key)
        => values.TryGetValue(key, out var value) && value.Length > 0 ? value : null;
}
