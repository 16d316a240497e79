using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>Finds out which change of a plan touched which of the changed ranges of a disk: for the manifest, so that a reader need not believe that a difference has a reason.</summary>
internal static class ChangeRanges
{
    /// <summary>For each change what it touched, and last what changes share.</summary>
    /// <param name="plan">The plan, carried out.</param>
    /// <param name="guest">The guest, edits made.</param>
    /// <param name="disk">The disk that the edits are on.</param>
    /// <param name="mapping">Where the disk is on the target.</param>
    /// <param name="changed">What was changed, in bytes of the target.</param>
    public static ImmutableArray<TouchedRanges> Of(ConversionPlan plan, GuestStorage guest, IBlockDevice disk, MappedRange mapping, ImmutableArray<ByteRange> changed)
    {
        var all = RangeSet.Normalize(changed);
        var touched = ImmutableArray.CreateBuilder<TouchedRanges>();
        var known = new List<ByteRange>();
        foreach (var change in plan.Changes.Where(change => change.IsInGuest))
        {
            // The file as it is now, and the directory that its name is in.
            var places = NamedPaths.Of(change).SelectMany(path => (string[])[path, path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "/"]).Distinct(StringComparer.Ordinal)
                .SelectMany(path => Find(guest, disk, path)).Select(range => range with { Offset = range.Offset - mapping.SourceOffset + mapping.TargetOffset });
            var ranges = RangeSet.Normalize(places.Where(range => range.Offset >= 0).SelectMany(range => RangeSet.Within(range, all)));
            if (!ranges.IsEmpty)
            {
                touched.Add(new TouchedRanges($"{change.StepId}: {change.Subject}", ranges));
                known.AddRange(ranges);
            }
        }

        var rest = RangeSet.Normalize(all.SelectMany(range => RangeSet.Subtract(range, RangeSet.Normalize(known))));
        if (!rest.IsEmpty)
        {
            var layout = plan.Changes.Where(change => !change.IsInGuest).Select(change => change.StepId).Distinct(StringComparer.Ordinal);
            touched.Add(new TouchedRanges(string.Join(", ", layout.Prepend("tables, bitmaps and journals of file systems, which the changes share, and blocks that were given back")), rest));
        }

        return touched.ToImmutable();
    }

    private static IReadOnlyList<ByteRange> Find(GuestStorage guest, IBlockDevice disk, string path)
    {
        try
        {
            return guest.FindPlaces(disk, path);
        }
        catch (DiagnosticException)
        {
            return []; // a circle of links: then it is among what is shared
        }
    }
}
