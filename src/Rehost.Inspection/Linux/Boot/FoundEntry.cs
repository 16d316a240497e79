using Rehost.Model;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>An entry of a boot menu, led back to the guest's files.</summary>
/// <param name="Configuration">Index of its configuration, the one in effect first.</param>
/// <param name="IsDefault">Whether it is its configuration's default.</param>
/// <param name="Entry">The entry.</param>
/// <param name="ImagePath">Guest path of its kernel; null when the path leads nowhere.</param>
/// <param name="InitramfsPath">Guest path of its last initramfs file (the first may be microcode); null when there is none.</param>
internal sealed record FoundEntry(int Configuration, bool IsDefault, BootMenuEntry Entry, string? ImagePath, string? InitramfsPath);

/// <summary>A configuration file before its kernels are known.</summary>
/// <param name="Kind">Language.</param>
/// <param name="Path">Guest path.</param>
/// <param name="Menu">What it says.</param>
/// <param name="UsesLoaderEntries">Whether its entries come from files of loader/entries.</param>
internal sealed record FoundConfiguration(BootConfigurationKind Kind, string Path, BootMenu Menu, bool UsesLoaderEntries = false);
