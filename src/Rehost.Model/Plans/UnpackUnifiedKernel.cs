using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>Takes kernel and initramfs out of a unified kernel image, which itself stays as it is, and puts an archive with drivers in front of the initramfs.</summary>
public sealed record UnpackUnifiedKernel : Change
{
    /// <summary>Guest path of the image.</summary>
    public required string ImagePath { get; init; }

    /// <summary>Where the parts are in it.</summary>
    public required UnifiedImage Image { get; init; }

    /// <summary>Guest path of the new kernel.</summary>
    public required string KernelPath { get; init; }

    /// <summary>Guest path of the new initramfs; null when the image has none.</summary>
    public string? InitramfsPath { get; init; }

    /// <summary>The program that made the initramfs, which decides the form of the hook.</summary>
    public InitramfsGenerator Generator { get; init; }

    /// <summary>Directory of hooks inside the initramfs.</summary>
    public string? HooksPath { get; init; }

    /// <summary>Guest paths of the modules, in the order in which they are loaded; none to leave the initramfs as it is.</summary>
    public ImmutableArray<string> Modules { get; init; } = [];

    /// <inheritdoc/>
    public override string Subject => KernelPath;
}
