using System.Collections.Immutable;
using Rehost.Blocks;

namespace Rehost.Volumes.MdRaid;

/// <summary>A device with the superblock of a Linux software RAID, as that superblock describes it.</summary>
internal sealed record MdMember
{
    /// <summary>0.90, 1.0, 1.1 or 1.2.</summary>
    public required string Version { get; init; }

    /// <summary>The array's id as mdadm prints it.</summary>
    public required string ArrayId { get; init; }

    /// <summary>The array's name ("host:0"), or its minor number with version 0.90.</summary>
    public required string ArrayName { get; init; }

    /// <summary>-1 linear, 0, 1, 4, 5, 6, 10.</summary>
    public required int Level { get; init; }

    /// <summary>MD's number for the layout.</summary>
    public required uint Layout { get; init; }

    /// <summary>Bytes of a chunk; 0 where the level has none.</summary>
    public required long ChunkBytes { get; init; }

    /// <summary>Devices that the array has when it is whole.</summary>
    public required int RaidDevices { get; init; }

    /// <summary>Bytes of each device that the array uses; 0 where it uses all that each has.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>First byte of the data.</summary>
    public required long DataOffset { get; init; }

    /// <summary>Bytes of data.</summary>
    public required long DataBytes { get; init; }

    /// <summary>This device's place in the array; -1 for a spare or a failed one.</summary>
    public required int Role { get; init; }

    /// <summary>This device's number, by which <see cref="Roles"/> lists it.</summary>
    public required int Number { get; init; }

    /// <summary>The place of every device by its number, as this member last knew it; -1 for one that is spare, failed or gone.</summary>
    public required ImmutableArray<int> Roles { get; init; }

    /// <summary>Counts every change of the array's state: a member that has a lower one was left out of something.</summary>
    public required ulong Events { get; init; }

    /// <summary>Whether all that the array holds is on this device; false while it is being filled.</summary>
    public bool IsWhole { get; init; } = true;

    /// <summary>Whether a map of changed regions is kept, by which a member that was away is filled again only in part.</summary>
    public bool HasBitmap { get; init; }

    /// <summary>Why the array cannot be used; null when nothing is in the way.</summary>
    public string? Obstacle { get; init; }

    /// <summary>The device.</summary>
    public required IBlockDevice Device { get; init; }

    /// <summary>The place that this member gives to another one.</summary>
    public int RoleOf(MdMember other) => other.Number >= 0 && other.Number < Roles.Length ? Roles[other.Number] : -1;

    /// <summary>What must be the same on all members.</summary>
    public (string, int, uint, long, int) Shape => (Version == "0.90" ? Version : "1", Level, Layout, ChunkBytes, RaidDevices);
}
