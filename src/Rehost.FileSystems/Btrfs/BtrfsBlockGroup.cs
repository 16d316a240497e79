using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>What a chunk has free: for the next allocation, and once the transaction under way is stored.</summary>
internal sealed class BtrfsBlockGroup
{
    public const int ItemSize = 24;

    private readonly List<(ulong Start, ulong End)> _available;
    private readonly List<(ulong Start, ulong End)> _released = [];
    private readonly List<(ulong Start, ulong End)> _reserved;
    private int _cursor;

    /// <summary>Takes a group up.</summary>
    /// <param name="chunk">Its chunk.</param>
    /// <param name="used">Bytes in use, as its item says.</param>
    /// <param name="free">What no extent takes, in order.</param>
    /// <param name="kept">What is not to be allocated though no extent takes it: superblocks lie there.</param>
    public BtrfsBlockGroup(BtrfsChunk chunk, ulong used, List<(ulong Start, ulong End)> free, List<(ulong Start, ulong End)> kept)
    {
        Chunk = chunk;
        Used = used;
        (_available, _reserved) = Divide(free, kept);
        foreach (var (start, end) in _available)
        {
            AvailableBytes += end - start;
        }
    }

    public BtrfsChunk Chunk { get; }

    public ulong Used { get; private set; }

    /// <summary>Bytes that can be allocated now; what an alignment leaves over is among them.</summary>
    public ulong AvailableBytes { get; private set; }

    /// <summary>Whether anything was taken or released since it was stored last.</summary>
    public bool IsChanged { get; set; }

    /// <summary>Takes a run: as long as wanted, or the longest among the first that are long enough.</summary>
    /// <param name="wanted">Bytes wanted.</param>
    /// <param name="least">Bytes needed.</param>
    /// <param name="alignment">What the address must be a multiple of.</param>
    /// <param name="start">The address.</param>
    /// <returns>Bytes taken; 0 when there is no such run.</returns>
    public ulong Take(ulong wanted, ulong least, ulong alignment, out ulong start)
    {
        start = 0;
        if (AvailableBytes < least)
        {
            return 0;
        }

        var (best, bestLength) = (-1, 0UL);
        for (var i = 0; i < _available.Count; i++)
        {
            var index = (_cursor + i) % _available.Count;
            var length = Fitting(_available[index], alignment);
            if (length >= wanted)
            {
                (best, bestLength) = (index, wanted);
                break;
            }

            if (length > bestLength)
            {
                (best, bestLength) = (index, length);
            }
        }

        if (best < 0 || bestLength < least)
        {
            return 0;
        }

        var (from, end) = _available[best];
        start = AlignUp(from, alignment);
        Put(best, (from, start), (start + bestLength, end));
        _cursor = best < _available.Count ? best : 0;
        AvailableBytes -= bestLength;
        Used += bestLength;
        IsChanged = true;
        return bestLength;
    }

    /// <summary>Gives back what this transaction took.</summary>
    public void GiveBack(ulong start, ulong length)
    {
        Add(_available, start, start + length);
        AvailableBytes += length;
        Used -= Math.Min(Used, length);
        IsChanged = true;
    }

    /// <summary>Notes what is free after this transaction, and not before, because the tree as it is stored now still needs it.</summary>
    public void Release(ulong start, ulong length)
    {
        Add(_released, start, start + length);
        Used -= Math.Min(Used, length);
        IsChanged = true;
    }

    /// <summary>Makes what was released available: the transaction is stored.</summary>
    public void Commit()
    {
        foreach (var (start, end) in _released)
        {
            Add(_available, start, end);
            AvailableBytes += end - start;
        }

        _released.Clear();
        IsChanged = false;
    }

    /// <summary>What no extent takes after this transaction, in order, joined.</summary>
    public List<(ulong Start, ulong End)> Free()
    {
        var all = new List<(ulong Start, ulong End)>();
        foreach (var range in _available.Concat(_released).Concat(_reserved).OrderBy(range => range.Start))
        {
            if (all.Count > 0 && all[^1].End >= range.Start)
            {
                all[^1] = (all[^1].Start, Math.Max(all[^1].End, range.End));
            }
            else
            {
                all.Add(range);
            }
        }

        return all;
    }

    /// <summary>struct btrfs_block_group_item.</summary>
    public byte[] ToItem(ReadOnlyMemory<byte> stored)
    {
        var item = stored.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(item, Used);
        return item;
    }

    /// <summary>The item of a group that has none yet.</summary>
    public static byte[] NewItem(BtrfsChunk chunk)
    {
        const ulong firstChunkTree = 256;
        var item = new byte[ItemSize];
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(8), firstChunkTree);
        BinaryPrimitives.WriteUInt64LittleEndian(item.AsSpan(16), (ulong)chunk.Profile);
        return item;
    }

    private static ulong AlignUp(ulong value, ulong alignment) => (value + alignment - 1) / alignment * alignment;

    private static ulong Fitting((ulong Start, ulong End) range, ulong alignment)
        => AlignUp(range.Start, alignment) is var start && start < range.End ? (range.End - start) / alignment * alignment : 0;

    private static void Add(List<(ulong Start, ulong End)> ranges, ulong start, ulong end)
    {
        var (low, high) = (0, ranges.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = ranges[middle].Start < start ? (middle + 1, high) : (low, middle);
        }

        var joinsLeft = low > 0 && ranges[low - 1].End == start;
        var joinsRight = low < ranges.Count && ranges[low].Start == end;
        if ((low > 0 && ranges[low - 1].End > start) || (low < ranges.Count && ranges[low].Start < end))
        {
            throw BtrfsDiagnostics.BadItem.ToException("space that is free already is to become free", $"logical address {start}");
        }

        if (joinsLeft && joinsRight)
        {
            ranges[low - 1] = (ranges[low - 1].Start, ranges[low].End);
            ranges.RemoveAt(low);
        }
        else if (joinsLeft)
        {
            ranges[low - 1] = (ranges[low - 1].Start, end);
        }
        else if (joinsRight)
        {
            ranges[low] = (start, ranges[low].End);
        }
        else
        {
            ranges.Insert(low, (start, end));
        }
    }

    private static (List<(ulong Start, ulong End)> Available, List<(ulong Start, ulong End)> Reserved) Divide(List<(ulong Start, ulong End)> free, List<(ulong Start, ulong End)> kept)
    {
        var (available, reserved) = (new List<(ulong Start, ulong End)>(), new List<(ulong Start, ulong End)>());
        foreach (var (start, end) in free)
        {
            var position = start;
            foreach (var (keptStart, keptEnd) in kept.Where(range => range.Start < end && range.End > start))
            {
                var (from, to) = (Math.Max(keptStart, position), Math.Min(keptEnd, end));
                if (from >= to)
                {
                    continue;
                }

                if (from > position)
                {
                    available.Add((position, from));
                }

                reserved.Add((from, to));
                position = to;
            }

            if (position < end)
            {
                available.Add((position, end));
            }
        }

        return (available, reserved);
    }

    private void Put(int index, (ulong Start, ulong End) left, (ulong Start, ulong End) right)
    {
        var (hasLeft, hasRight) = (left.Start < left.End, right.Start < right.End);
        if (hasLeft)
        {
            _available[index] = left;
            if (hasRight)
            {
                _available.Insert(index + 1, right);
            }
        }
        else if (hasRight)
        {
            _available[index] = right;
        }
        else
        {
            _available.RemoveAt(index);
        }
    }
}
