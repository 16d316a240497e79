using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>
/// Changes to an extent tree. The extents are loaded as a list, changed there, and the tree is laid out anew over the blocks it already has; only nodes whose bytes
/// differ are written. The result is always as shallow and as narrow as can be.
/// </summary>
internal sealed class ExtentEditor(ExtVolume volume, BlockAllocator allocator, ExtInode inode) : FileMapEditor(volume, allocator, inode)
{
    private const int RootEntries = 4;
    private const int MostExtents = 1 << 20;
    private const ulong LongestUnwritten = 32767;
    private readonly List<ulong> _treeBlocks = [];
    private List<BlockRun>? _runs;
    private bool _changed;

    // The last logical block is never used: the kernel needs it to tell an end from an overflow.
    internal override ulong MaxBlocks => uint.MaxValue;

    internal override BlockRun Find(ulong logical, ulong maxCount)
    {
        if (_runs is null)
        {
            return Volume.Extents.Find(Inode, logical, maxCount);
        }

        var at = IndexAfter(logical) - 1;
        if (at >= 0 && _runs[at].LogicalEnd > logical)
        {
            var skip = logical - _runs[at].Logical;
            return new BlockRun(logical, _runs[at].Physical + skip, Math.Min(maxCount, _runs[at].Count - skip), _runs[at].Kind);
        }

        var end = at + 1 < _runs.Count ? _runs[at + 1].Logical : 1ul << 32;
        return new BlockRun(logical, 0, Math.Min(maxCount, Math.Max(end, logical + 1) - logical), RunKind.Hole);
    }

    internal override void Map(BlockRun run)
    {
        var runs = Load();
        var at = Cut(runs, run.Logical, run.LogicalEnd);
        runs.Insert(at, run);
        if (at + 1 < runs.Count && TryJoin(runs[at], runs[at + 1]) is { } withNext)
        {
            runs[at] = withNext;
            runs.RemoveAt(at + 1);
        }

        if (at > 0 && TryJoin(runs[at - 1], runs[at]) is { } withPrevious)
        {
            runs[at - 1] = withPrevious;
            runs.RemoveAt(at);
        }

        _changed = true;
    }

    internal override void TruncateFrom(ulong logical)
    {
        var runs = Load();
        if (runs.Count == 0 || runs[^1].LogicalEnd <= logical)
        {
            return;
        }

        var at = IndexAfter(logical) - 1;
        if (at >= 0 && runs[at].LogicalEnd > logical)
        {
            var keep = logical - runs[at].Logical;
            Release(runs[at].Physical + keep, runs[at].Count - keep);
            if (keep > 0)
            {
                runs[at] = runs[at] with { Count = keep };
            }
            else
            {
                at--;
            }
        }

        for (var i = runs.Count - 1; i > at; i--)
        {
            if (runs[i].Logical > logical)
            {
                Release(runs[i].Physical, runs[i].Count);
            }
        }

        runs.RemoveRange(at + 1, runs.Count - at - 1);
        _changed = true;
    }

    internal override void Save()
    {
        if (!_changed || _runs is null)
        {
            return;
        }

        _changed = false;
        var entries = Split(_runs);
        if (entries.Count > MostExtents)
        {
            throw ExtDiagnostics.FileTooLarge.ToException($"the file is in {entries.Count} pieces", Inode.Where);
        }

        var capacity = (Volume.Super.BlockSize - ExtentTree.HeaderSize) / ExtentTree.EntrySize;
        AdjustTreeBlocks(entries.Count, capacity);
        var depth = 0;
        var used = 0;
        var level = entries;
        while (level.Count > RootEntries)
        {
            var parents = new List<byte[]>();
            for (var first = 0; first < level.Count; first += capacity)
            {
                var count = Math.Min(capacity, level.Count - first);
                var node = new byte[Volume.Super.BlockSize];
                Fill(node, level, first, count, capacity, depth);
                if (Volume.Super.HasMetadataChecksums)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(node.AsSpan(ExtentTree.TailOffset(node)), Volume.Extents.NodeChecksum(Inode, node));
                }

                var block = _treeBlocks[used++];
                Store(block, node);
                parents.Add(IndexEntry(level[first], block));
            }

            level = parents;
            depth++;
        }

        Inode.BlockArea.Clear();
        Fill(Inode.BlockArea, level, 0, level.Count, RootEntries, depth);
    }

    private static BlockRun? TryJoin(BlockRun left, BlockRun right) =>
        left.LogicalEnd == right.Logical && left.PhysicalEnd == right.Physical && left.Kind == right.Kind ? left with { Count = left.Count + right.Count } : null;

    private static void Fill(Span<byte> node, List<byte[]> entries, int first, int count, int capacity, int depth)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(node, ExtentTree.Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(node[2..], (ushort)count);
        BinaryPrimitives.WriteUInt16LittleEndian(node[4..], (ushort)capacity);
        BinaryPrimitives.WriteUInt16LittleEndian(node[6..], (ushort)depth);
        for (var i = 0; i < count; i++)
        {
            entries[first + i].CopyTo(node[(ExtentTree.HeaderSize + (i * ExtentTree.EntrySize))..]);
        }
    }

    private static byte[] IndexEntry(byte[] firstChild, ulong block)
    {
        var entry = new byte[ExtentTree.EntrySize];
        firstChild.AsSpan(0, 4).CopyTo(entry);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), (uint)(block & uint.MaxValue));
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(8), (ushort)(block >> 32));
        return entry;
    }

    /// <summary>Runs as on-disk extents, which are at most 32768 blocks long (32767 when unwritten).</summary>
    private static List<byte[]> Split(List<BlockRun> runs)
    {
        var entries = new List<byte[]>(runs.Count);
        foreach (var run in runs)
        {
            var longest = run.Kind == RunKind.Unwritten ? LongestUnwritten : ExtentTree.MaxWrittenLength;
            for (ulong done = 0; done < run.Count; done += longest)
            {
                var length = (ushort)Math.Min(longest, run.Count - done);
                var physical = run.Physical + done;
                var entry = new byte[ExtentTree.EntrySize];
                BinaryPrimitives.WriteUInt32LittleEndian(entry, (uint)(run.Logical + done));
                BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(4), (ushort)(run.Kind == RunKind.Unwritten ? length + ExtentTree.MaxWrittenLength : length));
                BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(6), (ushort)(physical >> 32));
                BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(8), (uint)(physical & uint.MaxValue));
                entries.Add(entry);
            }
        }

        return entries;
    }

    private List<BlockRun> Load()
    {
        if (_runs is null)
        {
            var runs = new List<BlockRun>();
            Volume.Extents.Load(Inode, runs, _treeBlocks);
            var joined = new List<BlockRun>(runs.Count);
            foreach (var run in runs)
            {
                if (joined.Count > 0 && TryJoin(joined[^1], run) is { } longer)
                {
                    joined[^1] = longer;
                }
                else
                {
                    joined.Add(run);
                }
            }

            _runs = joined;
        }

        return _runs;
    }

    /// <summary>Index of the first run that starts after a block.</summary>
    private int IndexAfter(ulong logical)
    {
        var runs = Load();
        var low = 0;
        var high = runs.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (runs[middle].Logical <= logical)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Takes a range out of the list, without freeing it; returns where a new run belongs.</summary>
    private int Cut(List<BlockRun> runs, ulong start, ulong end)
    {
        var at = IndexAfter(start) - 1;
        if (at < 0 || runs[at].LogicalEnd <= start)
        {
            at++;
        }

        while (at < runs.Count && runs[at].Logical < end)
        {
            var run = runs[at];
            runs.RemoveAt(at);
            if (run.Logical < start)
            {
                runs.Insert(at++, run with { Count = start - run.Logical });
            }

            if (run.LogicalEnd > end)
            {
                var skip = end - run.Logical;
                runs.Insert(at, new BlockRun(end, run.Physical + skip, run.Count - skip, run.Kind));
                break;
            }
        }

        return at;
    }

    private void AdjustTreeBlocks(int entries, int capacity)
    {
        var needed = 0;
        for (var count = entries; count > RootEntries;)
        {
            count = (count + capacity - 1) / capacity;
            needed += count;
        }

        while (_treeBlocks.Count < needed)
        {
            var (block, _) = Allocator.Allocate(_treeBlocks.Count > 0 ? _treeBlocks[^1] + 1 : DefaultGoal, 1);
            AddBlocks(1);
            Volume.Cache.EditNew(block);
            _treeBlocks.Add(block);
        }

        while (_treeBlocks.Count > needed)
        {
            Release(_treeBlocks[^1], 1);
            _treeBlocks.RemoveAt(_treeBlocks.Count - 1);
        }
    }

    private void Store(ulong block, byte[] node)
    {
        Allocator.DemandOwned(block, 1);
        if (!Volume.Cache.Read(block).AsSpan().SequenceEqual(node))
        {
            node.CopyTo(Volume.Cache.Edit(block), 0);
        }
    }
}
