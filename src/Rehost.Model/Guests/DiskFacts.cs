using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>How a disk is divided.</summary>
public enum PartitionScheme
{
    /// <summary>Not at all: the disk holds a file system, swap space or nothing.</summary>
    None,

    /// <summary>Master boot record.</summary>
    Mbr,

    /// <summary>GUID partition table.</summary>
    Gpt,
}

/// <summary>A disk's partition table.</summary>
public sealed record DiskFacts
{
    /// <summary>The disk, see <see cref="VirtualDisk.Id"/>.</summary>
    public required string DiskId { get; init; }

    /// <summary>Device name in the source guest without /dev/.</summary>
    public required string DeviceName { get; init; }

    /// <summary>Bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>Scheme.</summary>
    public required PartitionScheme Scheme { get; init; }

    /// <summary>Bytes in a sector as the partition table counts them, when they are not 512.</summary>
    public int? SectorBytes { get; init; }

    /// <summary>MBR signature as 8 hex digits, or GPT disk GUID; null when unpartitioned.</summary>
    public string? TableId { get; init; }

    /// <summary>First byte of the first partition; 0 when unpartitioned.</summary>
    public long FirstPartitionOffset { get; init; }

    /// <summary>Whether boot code stands in the first sector.</summary>
    public bool HasBootCode { get; init; }

    /// <summary>Offset of a BIOS boot partition (GPT); null when there is none.</summary>
    public long? BiosBootPartitionOffset { get; init; }

    /// <summary>Length of the BIOS boot partition; 0 when there is none.</summary>
    public long BiosBootPartitionLength { get; init; }
}

/// <summary>What a volume holds.</summary>
public enum VolumeContent
{
    /// <summary>Nothing recognised.</summary>
    Unknown,

    /// <summary>A file system that Rehost reads.</summary>
    FileSystem,

    /// <summary>Swap space.</summary>
    Swap,

    /// <summary>Something recognised by name only; see <see cref="VolumeFacts.Type"/>.</summary>
    Other,
}

/// <summary>A partition, or a disk without partitions, and what it holds.</summary>
public sealed record VolumeFacts
{
    /// <summary>Device name in the source guest without /dev/: xvda1, xvdb. Unique in the guest.</summary>
    public required string DeviceName { get; init; }

    /// <summary>The disk it is on.</summary>
    public required string DiskId { get; init; }

    /// <summary>Partition number; 0 when the whole disk is the volume.</summary>
    public int PartitionNumber { get; init; }

    /// <summary>First byte on the disk.</summary>
    public long Offset { get; init; }

    /// <summary>Bytes.</summary>
    public long LengthBytes { get; init; }

    /// <summary>PARTUUID as Linux shows it; null without partitions.</summary>
    public string? PartitionUuid { get; init; }

    /// <summary>What it holds.</summary>
    public VolumeContent Content { get; init; }

    /// <summary>ext4, swap, LVM2 …; null when unknown.</summary>
    public string? Type { get; init; }

    /// <summary>UUID of file system or swap space.</summary>
    public string? Uuid { get; init; }

    /// <summary>Label of file system or swap space.</summary>
    public string? Label { get; init; }

    /// <summary>Bytes in use; 0 when not known.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Features in the words of the file system's own tools.</summary>
    public ImmutableArray<string> Features { get; init; } = [];

    /// <summary>Whether it was unmounted cleanly.</summary>
    public bool IsClean { get; init; } = true;

    /// <summary>Why Rehost cannot edit it; null when it can.</summary>
    public string? ReadOnlyReason { get; init; }

    /// <summary>Where the guest mounts it; null when it does not.</summary>
    public string? MountPath { get; init; }

    /// <summary>Path of the subvolume that is mounted there, without a leading slash, of a file system that has them; null for one that has none, or whose top level is mounted.</summary>
    public string? Subvolume { get; init; }

    /// <summary>What it is made of. Offset and DiskId of a volume that is put together (an array, a logical volume, the inside of an encrypted one) mean nothing
    /// but where its first part lies; see <see cref="BuiltOn"/>.</summary>
    public VolumeKind Kind { get; init; } = VolumeKind.Partition;

    /// <summary>Device names of the volumes that it is put together from; none for a disk or a partition of a disk.</summary>
    public ImmutableArray<string> BuiltOn { get; init; } = [];

    /// <summary>Device name of the array or encrypted volume, or name of the volume group, that it is a part of; null when it is none.</summary>
    public string? PartOf { get; init; }

    /// <summary>How it is put together, in the field's words: "RAID 1 of 2", "linear", "thin"; null for a disk or partition.</summary>
    public string? Layout { get; init; }
}

/// <summary>A line of fstab.</summary>
/// <param name="Line">Line number, from 1.</param>
/// <param name="Device">First field as written.</param>
/// <param name="Path">Second field: where it is mounted; "none" or "swap" for swap space.</param>
/// <param name="Type">Third field.</param>
/// <param name="Options">Fourth field.</param>
/// <param name="VolumeName">Device name of the volume that the first field means; null when it means none that was found.</param>
public sealed record MountPoint(int Line, string Device, string Path, string Type, string Options, string? VolumeName);
