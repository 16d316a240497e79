using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Volumes.Stack;

/// <summary>A volume group of the machine.</summary>
/// <param name="Name">Name.</param>
/// <param name="Uuid">UUID as LVM prints it.</param>
/// <param name="LengthBytes">Bytes of all extents.</param>
/// <param name="PhysicalVolumes">Those that are there.</param>
/// <param name="MissingPhysicalVolumes">UUIDs of those that are not.</param>
/// <param name="LogicalVolumes">Those that the guest sees.</param>
/// <param name="FreeRanges">For each physical volume, in the same order, the bytes of it that no logical volume uses.</param>
public sealed record VolumeGroupNode(
    string Name, string Uuid, long LengthBytes, ImmutableArray<VolumeNode> PhysicalVolumes, ImmutableArray<string> MissingPhysicalVolumes,
    ImmutableArray<VolumeNode> LogicalVolumes, ImmutableArray<ImmutableArray<ByteRange>> FreeRanges);
