namespace Rehost.Volumes.Lvm2;

/// <summary>A stretch of a logical volume.</summary>
/// <param name="Start">First extent in the volume.</param>
/// <param name="Extents">Extents.</param>
/// <param name="Type">striped, mirror, raid1, thin …</param>
/// <param name="Section">Everything that the metadata says of it.</param>
internal sealed record LogicalSegment(long Start, long Extents, string Type, MetadataSection Section)
{
    /// <summary>
    /// lvm2 hangs flags that an older lvm2 must not overlook on the type, behind a plus. The ones named here change nothing for the data; a type with another one is
    /// left as it is, and so is of a kind that is not known.
    /// </summary>
    public static string Plain(string type)
    {
        var parts = type.Split('+');
        return parts.Skip(1).All(flag => flag is "CROP_METADATA" or "METADATA_FORMAT") ? parts[0] : type;
    }
}
