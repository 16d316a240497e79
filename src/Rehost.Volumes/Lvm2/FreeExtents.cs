using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>Finds what of each physical volume no logical volume uses.</summary>
internal static class FreeExtents
{
    /// <summary>Kinds of segments that name physical volumes as "place, first extent" in a list, or only other logical volumes.</summary>
    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "striped", "linear", "mirror", "snapshot", "thin", "thin-pool", "zero", "error", "cache", "cache-pool", "writecache", "raid0", "raid0_meta", "raid1", "raid4", "raid10", "raid10_near",
    };

    /// <summary>Free bytes of each physical volume, in order; nothing for one of which that is not certain.</summary>
    public static ImmutableArray<ImmutableArray<ByteRange>> Of(VolumeGroup group, IReadOnlyCollection<GroupPhysicalVolume> members)
    {
        var used = members.DistinctBy(member => member.Name).ToDictionary(member => member.Name, _ => new List<(long Start, long End)>(), StringComparer.Ordinal);
        var isCertain = group.Problems.IsEmpty && used.Count == members.Count;
        foreach (var segment in group.LogicalVolumes.SelectMany(volume => volume.Segments))
        {
            isCertain = isCertain && (Known.Contains(segment.Type) || IsRaid(segment.Type) || !segment.Section.AllValues.Any(value => value.Text is { } text && used.ContainsKey(text)));

            // A volume that contradicts itself may use more than it says.
            var stripes = segment.Section.Values("stripe_count") is [{ Number: var count }] ? count : 1;
            isCertain = isCertain && stripes is >= 1 and <= 256 && (segment.Section.Values("stripes") is not { } places || places.Length == 2 * stripes);
            Note(segment, "stripes", Math.Clamp(stripes, 1, 256), used);
            Note(segment, "mirrors", 1, used);
        }

        return [.. members.Select(member => isCertain ? Gaps(member, group.ExtentBytes, used[member.Name]) : [])];
    }

    private static bool IsRaid(string type) => type.StartsWith("raid5", StringComparison.Ordinal) || type.StartsWith("raid6", StringComparison.Ordinal);

    private static void Note(LogicalSegment segment, string key, long parts, Dictionary<string, List<(long Start, long End)>> used)
    {
        var values = segment.Section.Values(key) ?? [];
        for (var i = 0; i + 1 < values.Length; i += 2)
        {
            if (values[i].Text is { } name && used.TryGetValue(name, out var ranges))
            {
                // Rounded up, so that an odd count never frees an extent that is in use.
                var first = Math.Clamp(values[i + 1].Number, 0, 1L << 40);
                ranges.Add((first, first + ((segment.Extents + parts - 1) / parts)));
            }
        }
    }

    private static ImmutableArray<ByteRange> Gaps(GroupPhysicalVolume member, long extentBytes, List<(long Start, long End)> used)
    {
        if (member.Extents > (1L << 60) / extentBytes)
        {
            return [];
        }

        var gaps = ImmutableArray.CreateBuilder<ByteRange>();
        var next = 0L;
        foreach (var (start, end) in used.Append((member.Extents, member.Extents)).OrderBy(range => range.Item1))
        {
            var upTo = Math.Min(start, member.Extents);
            if (upTo > next)
            {
                gaps.Add(new ByteRange(member.Start + (next * extentBytes), (upTo - next) * extentBytes));
            }

            next = Math.Max(next, end);
        }

        return gaps.ToImmutable();
    }
}
