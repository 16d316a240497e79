namespace Rehost.Model;

/// <summary>A package of the operator whose files are put into the guest. It was unpacked before the guest was inspected, so that the plan knows its kernels; no script of it is run.</summary>
public sealed record InstallPackage : Change
{
    /// <summary>The package.</summary>
    public required SuppliedPackage Package { get; init; }

    /// <inheritdoc/>
    public override string Subject => Package.FileName;
}

/// <summary>A file that was made or changed for a package's sake: module indexes, an initramfs, an entry of the boot menu.</summary>
public sealed record PrepareFile : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Unified diff; null for a binary file.</summary>
    public string? Diff { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}
