using System.Collections.Immutable;

namespace Rehost.Volumes.Lvm2;

/// <summary>A logical volume as its group describes it.</summary>
/// <param name="Name">Name.</param>
/// <param name="Id">UUID as printed.</param>
/// <param name="Status">READ, WRITE, VISIBLE, PVMOVE …</param>
/// <param name="Segments">In order, without gaps.</param>
internal sealed record LogicalVolume(string Name, string Id, IReadOnlySet<string> Status, ImmutableArray<LogicalSegment> Segments)
{
    /// <summary>Whether the guest sees it; the others are parts.</summary>
    public bool IsVisible => Status.Contains("VISIBLE");

    /// <summary>Extents.</summary>
    public long Extents => Segments.Sum(segment => segment.Extents);
}
