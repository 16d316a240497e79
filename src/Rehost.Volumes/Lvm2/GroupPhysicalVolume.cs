namespace Rehost.Volumes.Lvm2;

/// <summary>A physical volume as its group describes it.</summary>
/// <param name="Name">Name inside the metadata: pv0.</param>
/// <param name="Id">UUID, 32 characters without hyphens.</param>
/// <param name="Start">First byte of the first extent.</param>
/// <param name="Extents">Extents that it gives.</param>
/// <param name="IsMissing">Whether the group has noted that it is gone.</param>
internal sealed record GroupPhysicalVolume(string Name, string Id, long Start, long Extents, bool IsMissing);
