using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>What the label of an LVM2 physical volume says (lib/format_text/layout.h).</summary>
/// <param name="Id">Its UUID, 32 characters without hyphens.</param>
/// <param name="Length">Bytes of the device when it was made.</param>
/// <param name="MetadataAreas">Where copies of the group's metadata are, in bytes.</param>
public sealed record PhysicalVolume(string Id, long Length, ImmutableArray<ByteRange> MetadataAreas)
{
    /// <summary>The UUID as LVM prints it, in groups.</summary>
    public string Uuid => LvmId.ToPrinted(Id);
}
