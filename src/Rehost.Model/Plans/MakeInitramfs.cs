using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>
/// Makes an initramfs of ours for a kernel that has none and needs one on the target: it loads modules of the guest's kernel, mounts the root, and starts the guest's init. No program of the guest is in it.
/// </summary>
public sealed record MakeInitramfs : Change
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>SHA-256 of the one that an earlier conversion made; null where there is none.</summary>
    public string? BeforeSha256 { get; init; }

    /// <summary>Release of the kernel that it is for.</summary>
    public required string KernelVersion { get; init; }

    /// <summary>Whether the kernel is for x86_64; else for 32-bit x86.</summary>
    public required bool Is64Bit { get; init; }

    /// <summary>Guest paths of the modules, in the order in which they are loaded.</summary>
    public required ImmutableArray<string> Modules { get; init; }

    /// <summary>The root by the kernel's name: /dev/vda1.</summary>
    public required string RootDevice { get; init; }

    /// <summary>Its file system: ext4.</summary>
    public required string RootType { get; init; }

    /// <summary>Options of the mount beside ro; empty for none.</summary>
    public string RootOptions { get; init; } = "";

    /// <summary>Programs that are tried as the guest's first process, in order.</summary>
    public required ImmutableArray<string> InitPrograms { get; init; }

    /// <inheritdoc/>
    public override string Subject => Path;
}
