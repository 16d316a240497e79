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

    /// <summary>Whether the kernel can run only as a Xen PV guest (2.6.18-xen and the like).</summary>
    public bool RequiresXen { get; init; }

    /// <summary>Whether the effective boot configuration boots this kernel by default.</summary>
    public bool IsDefault { get; init; }

    /// <summary>The drivers that matter for a change of hypervisor, by name.</summary>
    public ImmutableArray<KernelDriver> Drivers { get; init; } = [];

    /// <summary>The driver of a name; a missing one when nothing is known of it.</summary>
    public KernelDriver Driver(string name) => Drivers.FirstOrDefault(driver => driver.Name == name) ?? new KernelDriver(name, DriverForm.Missing, [], false);
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

    /// <summary>Directory of dracut's hooks inside the archive (usr/lib/dracut/hooks); null for others.</summary>
    public string? HooksPath { get; init; }

    /// <summary>Why its content could not be listed; null when it could.</summary>
    public string? UnreadableReason { get; init; }
}
