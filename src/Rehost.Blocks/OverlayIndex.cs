using System.Runtime.InteropServices;

namespace Rehost.Blocks;

/// <summary>
/// Which pages of an overlay were written, and where they are kept. Groups of pages that are all zero share one table, so that zeroing a terabyte
/// costs a few bytes per mebibyte.
/// </summary>
internal sealed class OverlayIndex
{
    /// <summary>The page is as below.</summary>
    public const int Clean = 0;

    /// <summary>The page is zero and nothing is stored. Other values are the number of the stored page, counted from 1.</summary>
    public const int Zero = -1;

    /// <summary>Pages of one table.</summary>
    public const int GroupPages = 256;

    private static readonly int[] AllZero = Enumerable.Repeat(Zero, GroupPages).ToArray();
    private readonly Dictionary<long, int[]> _groups = [];

    /// <summary>State of a page.</summary>
    public int this[long page] => _groups.TryGetValue(page / GroupPages, out var group) ? group[(int)(page % GroupPages)] : Clean;

    /// <summary>Sets the state of a page.</summary>
    public void Set(long page, int state)
    {
        ref var group = ref CollectionsMarshal.GetValueRefOrAddDefault(_groups, page / GroupPages, out var known);
        if (group is null || !known)
        {
            group = new int[GroupPages];
        }
        else if (ReferenceEquals(group, AllZero))
        {
            if (state == Zero)
            {
                return;
            }

            group = (int[])AllZero.Clone();
        }

        group[(int)(page % GroupPages)] = state;
    }

    /// <summary>Marks a whole group zero; returns the table it had.</summary>
    public int[]? SetGroupZero(long groupNumber)
    {
        _groups.TryGetValue(groupNumber, out var old);
        _groups[groupNumber] = AllZero;
        return ReferenceEquals(old, AllZero) ? null : old;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear() => _groups.Clear();

    /// <summary>The written pages of a range in order, as runs of one kind.</summary>
    public List<PageRun> Runs(long firstPage, long endPage)
    {
        var runs = new List<PageRun>();
        var (firstGroup, endGroup) = (firstPage / GroupPages, (endPage + GroupPages - 1) / GroupPages);
        IEnumerable<long> numbers = endGroup - firstGroup < _groups.Count
            ? Sequence(firstGroup, endGroup)
            : _groups.Keys.Where(number => number >= firstGroup && number < endGroup).Order();
        foreach (var number in numbers)
        {
            if (!_groups.TryGetValue(number, out var group))
            {
                continue;
            }

            if (ReferenceEquals(group, AllZero) && number * GroupPages >= firstPage && (number + 1) * GroupPages <= endPage)
            {
                Append(runs, number * GroupPages, GroupPages, isZero: true);
                continue;
            }

            for (var i = 0; i < GroupPages; i++)
            {
                var page = (number * GroupPages) + i;
                if (group[i] != Clean && page >= firstPage && page < endPage)
                {
                    Append(runs, page, 1, group[i] == Zero);
                }
            }
        }

        return runs;
    }

    private static IEnumerable<long> Sequence(long first, long end)
    {
        for (var i = first; i < end; i++)
        {
            yield return i;
        }
    }

    private static void Append(List<PageRun> runs, long page, long count, bool isZero)
    {
        if (runs.Count > 0 && runs[^1] is var last && last.IsZero == isZero && last.Page + last.Count == page)
        {
            runs[^1] = last with { Count = last.Count + count };
        }
        else
        {
            runs.Add(new PageRun(page, count, isZero));
        }
    }

    /// <summary>Written pages of one kind, one after another.</summary>
    internal readonly record struct PageRun(long Page, long Count, bool IsZero);
}
