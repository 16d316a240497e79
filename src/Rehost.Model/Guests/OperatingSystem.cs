namespace Rehost.Model;

/// <summary>Families of Linux distributions that are administered alike.</summary>
public enum DistributionFamily
{
    /// <summary>None of the known ones; handled by what it has.</summary>
    Unknown,

    /// <summary>Debian, Ubuntu and kin.</summary>
    Debian,

    /// <summary>Red Hat, CentOS, Fedora and kin.</summary>
    RedHat,

    /// <summary>SLES and openSUSE.</summary>
    Suse,

    /// <summary>Arch and kin.</summary>
    Arch,

    /// <summary>Alpine.</summary>
    Alpine,

    /// <summary>Gentoo.</summary>
    Gentoo,

    /// <summary>Mageia and Mandriva.</summary>
    Mageia,
}

/// <summary>The program that is process 1.</summary>
public enum InitSystem
{
    /// <summary>Not recognised.</summary>
    Unknown,

    /// <summary>systemd.</summary>
    Systemd,

    /// <summary>System V init with /etc/inittab.</summary>
    SysVinit,

    /// <summary>Upstart with /etc/init/*.conf.</summary>
    Upstart,

    /// <summary>OpenRC (with busybox or sysvinit as process 1).</summary>
    OpenRc,
}

/// <summary>What runs in the guest.</summary>
public sealed record OperatingSystem
{
    /// <summary>Identifier as os-release spells it: debian, centos, arch; "linux" when unknown.</summary>
    public required string Id { get; init; }

    /// <summary>Name for people.</summary>
    public required string Name { get; init; }

    /// <summary>Version as the guest says it; null when it says none.</summary>
    public string? Version { get; init; }

    /// <summary>Family.</summary>
    public DistributionFamily Family { get; init; }

    /// <summary>Architecture of the user space in the kernel's words: x86_64, i686, aarch64.</summary>
    public required string Architecture { get; init; }

    /// <summary>Process 1.</summary>
    public InitSystem Init { get; init; }

    /// <summary>Whether udev reads systemd .link files for interface names.</summary>
    public bool HasLinkFiles { get; init; }

    /// <summary>Host name from the guest's files; null when not set.</summary>
    public string? HostName { get; init; }
}
