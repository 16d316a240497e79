using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>Questions about ranges that are in order and do not overlap.</summary>
public static class RangeSet
{
    /// <summary>Sorts and joins ranges, and drops empty ones.</summary>
    public static ImmutableArray<ByteRange> Normalize(IEnumerable<ByteRange> ranges)
    {
        var result = ImmutableArray.CreateBuilder<ByteRange>();
        foreach (var range in ranges.Where(range => range.Length > 0).OrderBy(range => range.Offset))
        {
            if (result.Count > 0 && range.Offset <= result[^1].End)
            {
                result[^1] = result[^1] with { Length = Math.Max(result[^1].End, range.End) - result[^1].Offset };
            }
            else
            {
                result.Add(range);
            }
        }

        return result.ToImmutable();
    }

    /// <summary>Whether a range shares a byte with one of the set.</summary>
    public static bool Touches(ImmutableArray<ByteRange> set, ByteRange range)
    {
        var index = FirstEndingAfter(set, range.Offset);
        return index < set.Length && set[index].Offset < range.End;
    }

    /// <summary>What of a range is outside of the set.</summary>
    public static IEnumerable<ByteRange> Subtract(ByteRange range, ImmutableArray<ByteRange> set)
    {
        var position = range.Offset;
        for (var i = FirstEndingAfter(set, position); i < set.Length && set[i].Offset < range.End; i++)
        {
            if (set[i].Offset > position)
            {
                yield return new ByteRange(position, set[i].Offset - position);
            }

            position = Math.Min(range.End, set[i].End);
        }

        if (position < range.End)
        {
            yield return new ByteRange(position, range.End - position);
        }
    }

    /// <summary>What of a range is in the set.</summary>
    public static IEnumerable<ByteRange> Within(ByteRange range, ImmutableArray<ByteRange> set)
    {
        for (var i = FirstEndingAfter(set, range.Offset); i < set.Length && set[i].Offset < range.End; i++)
        {
            var start = Math.Max(range.Offset, set[i].Offset);
            yield return new ByteRange(start, Math.Min(range.End, set[i].End) - start);
        }
    }

    private static int FirstEndingAfter(ImmutableArray<ByteRange> set, long position)
    {
        var (low, high) = (0, set.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = set[middle].End <= position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
