using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>
/// Adds a partition of ours behind everything that the guest has, on a disk that grows by it: a FAT file system with a boot loader's configuration, and, where the guest's volumes are not to be
/// changed, with all that the guest needs on the target.
/// </summary>
public sealed record AddHelperPartition : Change
{
    /// <summary>Label of a helper partition; by it a target that has one already is known.</summary>
    public const string HelperLabel = "REHOST";

    /// <summary>Label of an EFI system partition of ours.</summary>
    public const string EfiLabel = "REHOST-EFI";

    /// <summary>The disk.</summary>
    public required string DiskId { get; init; }

    /// <summary>First byte on the target.</summary>
    public required long Offset { get; init; }

    /// <summary>Bytes of the partition.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Bytes of the target disk.</summary>
    public required long TargetLength { get; init; }

    /// <summary>Whether the firmware is to find it as an EFI system partition.</summary>
    public bool IsEfiSystem { get; init; }

    /// <summary>Label of the file system.</summary>
    public required string Label { get; init; }

    /// <summary>Serial number of the file system, as /dev/disk/by-uuid shows it: 1A2B-3C4D.</summary>
    public required string VolumeId { get; init; }

    /// <summary>What is put there.</summary>
    public required ImmutableArray<HelperFile> Files { get; init; }

    /// <inheritdoc/>
    public override string Subject => DiskId;
}

/// <summary>A file of a helper partition: exactly one of <see cref="Content"/>, <see cref="CopyOf"/>, <see cref="Drivers"/> and <see cref="Loader"/> says what is in it.</summary>
public sealed record HelperFile
{
    /// <summary>Path in the partition.</summary>
    public required string Path { get; init; }

    /// <summary>Text, see <see cref="GuestText"/>.</summary>
    public string? Content { get; init; }

    /// <summary>Guest path of the file that is copied.</summary>
    public string? CopyOf { get; init; }

    /// <summary>SHA-256 of the file that was seen there; null where it was not hashed.</summary>
    public string? Sha256 { get; init; }

    /// <summary>The stretch of that file which is copied: a kernel inside a unified image. Null for all of it.</summary>
    public FilePart? Part { get; init; }

    /// <summary>An archive for the kernel to unpack before its initramfs.</summary>
    public HelperArchive? Drivers { get; init; }

    /// <summary>A GRUB 2 for UEFI.</summary>
    public EfiLoader? Loader { get; init; }
}

/// <summary>A stretch of a file.</summary>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
public sealed record FilePart(long Offset, long Length);

/// <summary>What goes in front of an initramfs that is not itself changed: drivers with the hook that loads them, and files.</summary>
public sealed record HelperArchive
{
    /// <summary>Release of the kernel that it is for.</summary>
    public required string KernelVersion { get; init; }

    /// <summary>The program that made the initramfs, which decides the form of the hook.</summary>
    public required InitramfsGenerator Generator { get; init; }

    /// <summary>Directory of hooks inside the initramfs, see <see cref="InitramfsFacts.HooksPath"/>.</summary>
    public string? HooksPath { get; init; }

    /// <summary>Guest paths of the modules, in the order in which they are loaded.</summary>
    public ImmutableArray<string> Modules { get; init; } = [];

    /// <summary>More files of the archive: device names, names of interfaces.</summary>
    public ImmutableArray<ArchiveText> Files { get; init; } = [];
}

/// <summary>A text file in an archive.</summary>
/// <param name="Path">Path without leading slash.</param>
/// <param name="Content">Text.</param>
/// <param name="Permissions">Permission bits.</param>
public sealed record ArchiveText(string Path, string Content, int Permissions = 0x1A4);

/// <summary>A GRUB 2 for UEFI, put together from its own files, and what it reads.</summary>
public sealed record EfiLoader
{
    /// <summary>UUID of the file system that holds the configuration.</summary>
    public required string FileSystemUuid { get; init; }

    /// <summary>Directory of the configuration, seen from that file system.</summary>
    public required string Prefix { get; init; }

    /// <summary>Configuration file, seen from that file system.</summary>
    public required string ConfigurationPath { get; init; }

    /// <summary>Language of that file.</summary>
    public BootConfigurationKind ConfigurationKind { get; init; }

    /// <summary>Guest directory of GRUB's files for this firmware; null for this machine's.</summary>
    public string? GuestModulesPath { get; init; }

    /// <summary>Serial console to use beside the screen, or null.</summary>
    public string? SerialConsole { get; init; }
}
