using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Operations on sequences of extents.</summary>
public static class ExtentSequence
{
    /// <summary>Joins neighbours of one kind, so that a caller sees the fewest extents.</summary>
    public static IEnumerable<Extent> Coalesce(IEnumerable<Extent> extents)
    {
        ArgumentNullException.ThrowIfNull(extents);
        Extent? pending = null;
        foreach (var extent in extents)
        {
            if (pending is { } last && last.Kind == extent.Kind && last.End == extent.Offset)
            {
                pending = last with { Length = last.Length + extent.Length };
                continue;
            }

            if (pending is { } done)
            {
                yield return done;
            }

            pending = extent;
        }

        if (pending is { } final)
        {
            yield return final;
        }
    }
}
