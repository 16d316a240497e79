using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>In what form a kernel has a driver.</summary>
public enum DriverForm
{
    /// <summary>Not at all.</summary>
    Missing,

    /// <summary>As a loadable module.</summary>
    Module,

    /// <summary>Compiled into the kernel.</summary>
    BuiltIn,
}

/// <summary>A driver of a kernel.</summary>
/// <param name="Name">Module name with underscores: virtio_blk.</param>
/// <param name="Form">In what form it is there.</param>
/// <param name="LoadOrder">Guest paths of the module files to load, dependencies first, the driver last; empty unless a module.</param>
/// <param name="InInitramfs">Whether the kernel's initramfs holds it already (or it is built in).</param>
public sealed record KernelDriver(string Name, DriverForm Form, ImmutableArray<string> LoadOrder, bool InInitramfs);

/// <summary>A kernel with its modules and initramfs.</summary>
public sealed record InstalledKernel
{
    /// <summary>Release as uname -r prints it.</summary>
    public required string Version { get; init; }

    /// <summary>Guest path of the image.</summary>
    public required string ImagePath { get; init; }

    /// <summary>Guest path of the modules directory; null when there is none.</summary>
    public string? ModulesPath { get; init; }

    /// <summary>Initramfs; null when there is none.</summary>
    public InitramfsFacts? Initramfs { get; init; }

    /// <summary>Where it is in a unified kernel image, whose path <see cref="ImagePath"/> is then; null for a kernel in a file of its own.</summary>
    public UnifiedImage? Unified { get; init; }

    /// <summary>Whether the kernel can run only as a Xen PV guest (2.6.18-xen and the like).</summary>
    public bool RequiresXen { get; init; }

    /// <summary>
    /// What the kernel needs of Xen to run as a PV guest, in the words of the hypervisor's capabilities: x86_64, x86_32p (PAE), x86_32; null when it cannot run as one or nothing is known.
    /// </summary>
    public string? ParavirtualAbi { get; init; }

    /// <summary>Whether the kernel has the entry for Xen PVH guests (ELF note PHYS32_ENTRY, CONFIG_PVH or CONFIG_XEN_PVH since 4.12).</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool SupportsPvh { get; init; }

    /// <summary>Whether the effective boot configuration boots this kernel by default.</summary>
    public bool IsDefault { get; init; }

    /// <summary>The drivers that matter for a change of hypervisor, by name.</summary>
    public ImmutableArray<KernelDriver> Drivers { get; init; } = [];

    /// <summary>The driver of a name, or the one that older kernels have for the same device; a missing one when nothing is known of it.</summary>
    public KernelDriver Driver(string name)
        => Drivers.FirstOrDefault(driver => driver.Name == name && driver.Form != DriverForm.Missing)
        ?? OlderNames(name).Select(older => Drivers.FirstOrDefault(driver => driver.Name == older && driver.Form != DriverForm.Missing)).FirstOrDefault(driver => driver is not null)
        ?? new KernelDriver(name, DriverForm.Missing, [], false);

    // Xen's front ends were renamed when they came into the kernel (2.6.23); SUSE's had other names until SLES 11. LSI's SPI half was split from mptscsih in 2.6.13.
    private static ImmutableArray<string> OlderNames(string name) => name switch
    {
        "xen_blkfront" => ["xenblk", "xen_vbd"],
        "xen_netfront" => ["xennet", "xen_vnif"],
        "mptspi" => ["mptscsih"],
        _ => [],
    };
}

/// <summary>The program that made an initramfs.</summary>
public enum InitramfsGenerator
{
    /// <summary>Not recognised.</summary>
    Unknown,

    /// <summary>initramfs-tools of Debian and Ubuntu.</summary>
    InitramfsTools,

    /// <summary>dracut.</summary>
    Dracut,

    /// <summary>mkinitcpio of Arch.</summary>
    Mkinitcpio,

    /// <summary>mkinitrd of Red Hat 4 and 5, with nash.</summary>
    Nash,

    /// <summary>mkinitrd of SUSE.</summary>
    SuseMkinitrd,

    /// <summary>genkernel of Gentoo.</summary>
    Genkernel,

    /// <summary>mkinitfs of Alpine.</summary>
    Mkinitfs,

    /// <summary>An earlier conversion.</summary>
    Rehost,
}

/// <summary>An initramfs as it stands in the guest.</summary>
public sealed record InitramfsFacts
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes.</summary>
    public long LengthBytes { get; init; }

    /// <summary>SHA-256 in lower-case hex.</summary>
    public required string Sha256 { get; init; }

    /// <summary>Compressor of the main archive: gzip, xz, lzma, bzip2, lz4, lzo, zstd, none.</summary>
    public string Compression { get; init; } = "none";

    /// <summary>The program that made it.</summary>
    public InitramfsGenerator Generator { get; init; }

    /// <summary>Names of the modules it holds, with underscores, sorted.</summary>
    public ImmutableArray<string> Modules { get; init; } = [];

    /// <summary>
    /// Directory of dracut's hooks inside the archive (usr/lib/dracut/hooks), or of systemd's units where systemd starts an image of mkinitcpio (etc/systemd/system); null for others.
    /// </summary>
    public string? HooksPath { get; init; }

    /// <summary>Path of the program that the kernel starts in it, without leading slash: init, linuxrc; null when none was found.</summary>
    public string? InitPath { get; init; }

    /// <summary>Text of that program where it is a script that must be edited to load a driver: not for initramfs-tools and dracut, which take hooks.</summary>
    public string? InitScript { get; init; }

    /// <summary>Why its content could not be listed; null when it could.</summary>
    public string? UnreadableReason { get; init; }
}
