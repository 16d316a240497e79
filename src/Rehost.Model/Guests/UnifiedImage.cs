namespace Rehost.Model;

/// <summary>Where kernel and initramfs are in a unified kernel image, and the arguments in it.</summary>
public sealed record UnifiedImage
{
    /// <summary>Arguments that the kernel gets: section .cmdline; empty when there is none.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Release as the section .uname says it; null when there is none.</summary>
    public string? Release { get; init; }

    /// <summary>First byte of the kernel in the file.</summary>
    public required long KernelOffset { get; init; }

    /// <summary>Bytes of the kernel.</summary>
    public required long KernelLength { get; init; }

    /// <summary>First byte of the initramfs in the file.</summary>
    public long InitramfsOffset { get; init; }

    /// <summary>Bytes of the initramfs; 0 when there is none.</summary>
    public long InitramfsLength { get; init; }
}
