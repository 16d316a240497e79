namespace Rehost.Volumes.Lvm2;

/// <summary>A stretch of a logical volume.</summary>
/// <param name="Start">First extent in the volume.</param>
/// <param name="Extents">Extents.</param>
/// <param name="Type">striped, mirror, raid1, thin …</param>
/// <param name="Section">Everything that the metadata says of it.</param>
internal sealed record LogicalSegment(long Start, long Extents, string Type, MetadataSection Section);
