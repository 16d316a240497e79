namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Which parts of a file are in use, to find what is used twice and what by nobody.</summary>
internal sealed class FileUse
{
    private readonly List<Range> _ranges = [];

    /// <summary>Marks a part as used.</summary>
    public void Add(long offset, long length, long owner) => _ranges.Add(new Range(offset, length, owner));

    /// <summary>The parts that overlap one before them, after which nothing can be added.</summary>
    /// <param name="end">End of the file.</param>
    /// <param name="unused">Bytes that no part covers.</param>
    public List<(long Offset, long Owner, long Other)> FindOverlaps(long end, out long unused)
    {
        _ranges.Sort((left, right) => left.Offset != right.Offset ? left.Offset.CompareTo(right.Offset) : left.Owner.CompareTo(right.Owner));
        var overlaps = new List<(long, long, long)>();
        var (covered, owner) = (0L, -1L);
        unused = 0;
        foreach (var range in _ranges)
        {
            if (range.Offset < covered)
            {
                overlaps.Add((range.Offset, range.Owner, owner));
            }

            unused += Math.Max(0, range.Offset - covered);
            if (range.Offset + range.Length > covered)
            {
                (covered, owner) = (range.Offset + range.Length, range.Owner);
            }
        }

        unused += Math.Max(0, end - covered);
        return overlaps;
    }

    private readonly record struct Range(long Offset, long Length, long Owner);
}
