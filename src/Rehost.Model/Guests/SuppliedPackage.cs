using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>A package that the operator supplied and that was unpacked into the guest before it was inspected.</summary>
public sealed record SuppliedPackage
{
    /// <summary>Name of the file on the operator's machine, without its directory.</summary>
    public required string FileName { get; init; }

    /// <summary>SHA-256 of the file.</summary>
    public required string Sha256 { get; init; }

    /// <summary>rpm or deb.</summary>
    public required string Format { get; init; }

    /// <summary>Name of the package.</summary>
    public required string Name { get; init; }

    /// <summary>Version as the package says it.</summary>
    public required string Version { get; init; }

    /// <summary>Architecture as the package says it.</summary>
    public required string Architecture { get; init; }

    /// <summary>Files and links that were unpacked.</summary>
    public int FileCount { get; init; }

    /// <summary>Bytes that they hold.</summary>
    public long Bytes { get; init; }

    /// <summary>Releases of the kernels that it has.</summary>
    public ImmutableArray<string> KernelVersions { get; init; } = [];

    /// <summary>Scripts that the package manager would have run, and that were not.</summary>
    public ImmutableArray<string> ScriptsNotRun { get; init; } = [];

    /// <summary>Files of the guest's configuration that were there and that were kept.</summary>
    public ImmutableArray<string> Kept { get; init; } = [];

    /// <summary>Services that it brings.</summary>
    public ImmutableArray<PackageService> Services { get; init; } = [];

    /// <summary>What it put into the guest: files, and directories that are new with all that is in them.</summary>
    public ImmutableArray<string> Paths { get; init; } = [];
}

/// <summary>A service of a package.</summary>
/// <param name="Name">Name without .service.</param>
/// <param name="Path">Guest path of the unit, init script or job.</param>
/// <param name="Kind">unit, script (System V), job (upstart, which needs no link).</param>
/// <param name="WantedBy">Targets of a unit that want it.</param>
/// <param name="Levels">Runlevels in which a script starts.</param>
/// <param name="Start">Place in the order of starting.</param>
/// <param name="Stop">Place in the order of stopping.</param>
public sealed record PackageService(string Name, string Path, string Kind, ImmutableArray<string> WantedBy, string Levels, int Start, int Stop);

/// <summary>A file that unpacking packages made or changed beside their own: indexes of modules, an initramfs, a boot menu.</summary>
/// <param name="Path">Guest path.</param>
/// <param name="What">What it is: "initramfs of 2.6.18-128.el5xen, made of that of 2.6.18-128.el5".</param>
/// <param name="Before">Text before; null for a new or binary file.</param>
/// <param name="After">Text after; null for a binary file.</param>
public sealed record PreparedFile(string Path, string What, string? Before, string? After);
