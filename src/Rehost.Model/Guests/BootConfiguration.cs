using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>The language of a boot loader's configuration.</summary>
public enum BootConfigurationKind
{
    /// <summary>GRUB 2: grub.cfg.</summary>
    Grub2,

    /// <summary>GRUB legacy: menu.lst, grub.conf.</summary>
    GrubLegacy,

    /// <summary>SYSLINUX, EXTLINUX.</summary>
    Extlinux,

    /// <summary>One entry of the Boot Loader Specification: a file of loader/entries, for systemd-boot and GRUB's blscfg.</summary>
    LoaderEntry,

    /// <summary>LILO: lilo.conf, from which its installer makes a map of disk blocks.</summary>
    Lilo,
}

/// <summary>A boot loader's configuration file.</summary>
public sealed record BootConfiguration
{
    /// <summary>Language.</summary>
    public required BootConfigurationKind Kind { get; init; }

    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Entries in order.</summary>
    public ImmutableArray<BootEntry> Entries { get; init; } = [];

    /// <summary>Index of the entry booted by default; 0 when the file does not say.</summary>
    public int DefaultIndex { get; init; }

    /// <summary>Whether the entries come from loader/entries, which only a GRUB with Red Hat's blscfg reads.</summary>
    public bool UsesLoaderEntries { get; init; }
}

/// <summary>One entry of a boot menu.</summary>
/// <param name="Title">Title.</param>
/// <param name="KernelPath">Kernel path as written, seen from the volume that holds it.</param>
/// <param name="InitramfsPath">Initramfs path as written; null when none.</param>
/// <param name="Arguments">Kernel arguments.</param>
/// <param name="KernelVersion">Release of the kernel that the path leads to; null when it leads nowhere.</param>
public sealed record BootEntry(string Title, string KernelPath, string? InitramfsPath, string Arguments, string? KernelVersion);

/// <summary>A network interface that the guest configures.</summary>
/// <param name="Name">eth0.</param>
/// <param name="ConfiguredIn">Guest path of the file that configures it.</param>
/// <param name="Method">static, dhcp, manual; as the file says.</param>
/// <param name="Addresses">Addresses as written.</param>
/// <param name="MacAddress">MAC address that the guest's files tie to it, or that its position gives it; null when neither.</param>
public sealed record NetworkInterface(string Name, string ConfiguredIn, string Method, ImmutableArray<string> Addresses, string? MacAddress)
{
    /// <summary>What it is when it is no adapter: bond, bridge, vlan, alias; null for an adapter.</summary>
    public string? Kind { get; init; }

    /// <summary>What such an interface is made of, as the files say: "ens192, ens224"; null when they do not say.</summary>
    public string? Over { get; init; }

    /// <summary>How the configuration finds its adapter when not by <see cref="Name"/>: "address", or a pattern of names (en*); null for the name.</summary>
    public string? MatchedBy { get; init; }
}

/// <summary>Software of a hypervisor inside the guest.</summary>
/// <param name="Name">xe-guest-utilities, open-vm-tools.</param>
/// <param name="Hypervisor">Whose it is.</param>
/// <param name="Services">Service names: units without .service, init scripts.</param>
/// <param name="Paths">Guest paths by which it was recognised.</param>
public sealed record HypervisorTool(string Name, Hypervisor Hypervisor, ImmutableArray<string> Services, ImmutableArray<string> Paths);

/// <summary>What a guest path is.</summary>
public enum GuestFileKind
{
    /// <summary>Regular file.</summary>
    File,

    /// <summary>Symbolic link.</summary>
    Link,

    /// <summary>Directory.</summary>
    Directory,

    /// <summary>Anything else.</summary>
    Other,
}

/// <summary>A guest file that planning may read.</summary>
public sealed record GuestFile
{
    /// <summary>Path as asked for.</summary>
    public required string Path { get; init; }

    /// <summary>What it is; a link is not followed.</summary>
    public required GuestFileKind Kind { get; init; }

    /// <summary>Content decoded by <see cref="GuestText"/>; for a link, the content of the file it leads to. Null for directories, broken links and files too large to be text.</summary>
    public string? Text { get; init; }

    /// <summary>SHA-256 of the content in lower-case hex; null where <see cref="Text"/> is null.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Target of a link, as stored.</summary>
    public string? LinkTarget { get; init; }

    /// <summary>Permission bits.</summary>
    public int Permissions { get; init; }
}
