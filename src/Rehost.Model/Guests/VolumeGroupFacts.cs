using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>What a volume is made of.</summary>
public enum VolumeKind
{
    /// <summary>A whole disk without partitions.</summary>
    Disk,

    /// <summary>A partition of a disk or of an array.</summary>
    Partition,

    /// <summary>A Linux software RAID.</summary>
    MdArray,

    /// <summary>A logical volume of LVM2.</summary>
    LogicalVolume,

    /// <summary>The inside of an encrypted volume.</summary>
    EncryptedVolume,
}

/// <summary>A volume group of LVM2.</summary>
public sealed record VolumeGroupFacts
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>UUID as LVM prints it.</summary>
    public required string Uuid { get; init; }

    /// <summary>Bytes of all its extents.</summary>
    public long LengthBytes { get; init; }

    /// <summary>Bytes of extents that no volume uses.</summary>
    public long FreeBytes { get; init; }

    /// <summary>Device names of its physical volumes, those that are there.</summary>
    public ImmutableArray<string> PhysicalVolumes { get; init; } = [];

    /// <summary>UUIDs of physical volumes that are not there.</summary>
    public ImmutableArray<string> MissingPhysicalVolumes { get; init; } = [];

    /// <summary>Device names of the logical volumes that the guest sees.</summary>
    public ImmutableArray<string> LogicalVolumes { get; init; } = [];
}
