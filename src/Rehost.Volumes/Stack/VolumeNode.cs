using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Stack;

/// <summary>One volume of a machine: a disk, a partition, or something that is put together from others.</summary>
public sealed class VolumeNode
{
    internal VolumeNode(string name, VolumeKind kind, IBlockDevice device, ImmutableArray<VolumeNode> below)
    {
        Name = name;
        Kind = kind;
        Device = device;
        Below = below;
        Depth = below.IsEmpty ? 0 : below.Max(node => node.Depth) + 1;
    }

    /// <summary>Device name in the guest without /dev/: xvda1, md0, mapper/vg-root. Unique in the machine.</summary>
    public string Name { get; }

    /// <summary>What it is.</summary>
    public VolumeKind Kind { get; }

    /// <summary>Its content. Where <see cref="Problem"/> is set, every access says why it cannot be read.</summary>
    public IBlockDevice Device { get; }

    /// <summary>What it lies on; none for a disk.</summary>
    public ImmutableArray<VolumeNode> Below { get; }

    /// <summary>Its partition table, of a disk or array; null when it was not looked for or there is none.</summary>
    public PartitionTable? Table { get; internal set; }

    /// <summary>Its entry in the table, of a partition.</summary>
    public Partition? Partition { get; internal init; }

    /// <summary>LVM2, mdraid, crypto_LUKS …, when it is a part of another volume or holds something that is known by name only; null otherwise.</summary>
    public string? MemberType { get; internal set; }

    /// <summary>UUID of it as such a part.</summary>
    public string? MemberUuid { get; internal set; }

    /// <summary>The volume group, or the device name of the volume, that it is a part of; null when it is none, or that one could not be put together.</summary>
    public string? PartOf { get; internal set; }

    /// <summary>How it is put together: "RAID 1 of 2", "linear".</summary>
    public string? Layout { get; internal init; }

    /// <summary>Group and volume, of a logical volume.</summary>
    public (string Group, string Volume)? LogicalName { get; internal init; }

    /// <summary>The array's or volume's own id; null for disks and partitions.</summary>
    public string? Uuid { get; internal init; }

    /// <summary>Why it cannot be read, or not be edited; null when it can.</summary>
    public Diagnostic? Problem { get; internal set; }

    /// <summary>Why it, or something that it lies on, can be read and must not be written; null when it may be.</summary>
    public Diagnostic? ReadOnlyReason => Device is Mapping.ReadOnlyVolume one ? one.Reason : Below.Select(node => node.ReadOnlyReason).FirstOrDefault(reason => reason is not null);

    /// <summary>Whether its content may be looked at: it is there, and no part of another volume.</summary>
    public bool HasOwnContent => Problem is null && MemberType is null && !IsDivided;

    /// <summary>Whether it is divided into partitions.</summary>
    public bool IsDivided { get; internal set; }

    /// <summary>How many volumes are stacked below it.</summary>
    internal int Depth { get; }
}
