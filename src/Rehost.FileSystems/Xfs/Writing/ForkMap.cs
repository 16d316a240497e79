using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The extents of a fork in memory; saved into the inode or, when they do not fit, a B-tree that is laid out anew over the blocks it has.</summary>
internal sealed class ForkMap
{
    private const uint LongestExtent = (1 << 21) - 1;
    private readonly Store _store;
    private readonly Space _space;
    private readonly InodeRecord _inode;
    private readonly bool _isAttribute;
    private readonly List<XfsExtent> _extents = [];
    private readonly List<ulong> _treeBlocks = [];

    internal ForkMap(Store store, Space space, XfsVolume volume, InodeRecord inode, bool isAttribute)
    {
        (_store, _space, _inode, _isAttribute) = (store, space, inode, isAttribute);
        if (isAttribute && inode.ForkOffset == 0)
        {
            return;
        }

        var format = inode.GetFormat(isAttribute);
        if (format is XfsFormat.Local or XfsFormat.Device)
        {
            return;
        }

        var parsed = inode.ToParsed(store);
        var fork = isAttribute ? parsed.Attributes : parsed.Data;
        if (fork is { } found)
        {
            _extents.AddRange(XfsBlockMap.From(volume, parsed, found, 0));
            foreach (var extent in _extents)
            {
                store.Super.ByteOf(extent.Block, extent.Count);
            }
        }

        if (format == XfsFormat.Tree)
        {
            CollectTreeBlocks();
        }
    }

    internal Space Space => _space;

    internal IReadOnlyList<XfsExtent> Extents => _extents;

    internal ulong End => _extents.Count == 0 ? 0 : _extents[^1].End;

    /// <summary>The extent that holds a block of the file; null for a hole.</summary>
    internal XfsExtent? Find(ulong fileBlock)
    {
        var at = IndexOf(fileBlock);
        return at < _extents.Count && _extents[at].FileBlock <= fileBlock ? _extents[at] : null;
    }

    /// <summary>The block that holds a block of the file.</summary>
    internal ulong Demand(ulong fileBlock) => Find(fileBlock) is { IsUnwritten: false } extent
        ? extent.Block + (fileBlock - extent.FileBlock)
        : throw XfsDiagnostics.BadExtent.ToException($"block {fileBlock} is not there", _inode.Where);

    /// <summary>Gives a hole blocks, in as few extents as there are.</summary>
    internal void Allocate(ulong fileBlock, ulong count)
    {
        while (count > 0)
        {
            var hint = Find(fileBlock == 0 ? 0 : fileBlock - 1) is { } before && before.End == fileBlock ? before.Block + before.Count : _inode.Number >> _store.Super.InodesPerBlockLog;
            var (block, taken) = _space.Take((uint)Math.Min(count, LongestExtent), hint);
            Insert(new XfsExtent(fileBlock, block, taken, false));
            _inode.Blocks += taken;
            fileBlock += taken;
            count -= taken;
        }
    }

    /// <summary>Makes a hole, and frees what nobody else uses.</summary>
    internal void Free(ulong fileBlock, ulong count)
    {
        foreach (var part in Cut(fileBlock, count))
        {
            _space.Drop(part.Block, (uint)part.Count);
            _inode.Blocks -= part.Count;
        }
    }

    /// <summary>What was allocated and not written counts as written from now on.</summary>
    internal void MarkWritten(ulong fileBlock, ulong count)
    {
        foreach (var part in Cut(fileBlock, count))
        {
            Insert(part with { IsUnwritten = false });
        }
    }

    /// <summary>Writes the extents into the inode. The inode itself is the caller's to put.</summary>
    internal void Save()
    {
        var fork = _inode.GetFork(_isAttribute);
        fork.Clear();
        _inode.SetExtentCount(_isAttribute, (ulong)_extents.Count);
        if (_extents.Count * XfsExtent.Size <= fork.Length)
        {
            TrimTree(0);
            _inode.SetFormat(_isAttribute, XfsFormat.Extents);
            for (var i = 0; i < _extents.Count; i++)
            {
                WriteExtent(fork[(i * XfsExtent.Size)..], _extents[i]);
            }

            return;
        }

        var (header, capacity, rootCapacity) = (_store.IsVersion5 ? 72 : 24, (_store.BlockSize - (_store.IsVersion5 ? 72 : 24)) / 16, (fork.Length - 4) / 16);
        if (rootCapacity < 1)
        {
            throw FileSystemDiagnostics.NoSpace.ToException("the inode has no room for the root of an extent tree", _inode.Where);
        }

        var counts = new List<int> { DivideUp(_extents.Count, capacity) };
        while (counts[^1] > rootCapacity)
        {
            counts.Add(DivideUp(counts[^1], capacity));
        }

        TrimTree(counts.Sum());
        GrowTree(counts.Sum());
        var keys = _extents.Select(extent => extent.FileBlock).ToList();
        var used = 0;
        List<ulong> children = [];
        for (var level = 0; level < counts.Count; level++)
        {
            var (parents, parentKeys, done) = (new List<ulong>(), new List<ulong>(), 0);
            for (var i = 0; i < counts[level]; i++)
            {
                var here = (keys.Count / counts[level]) + (i < keys.Count % counts[level] ? 1 : 0);
                var bytes = new byte[_store.BlockSize];
                BinaryPrimitives.WriteUInt32BigEndian(bytes, _store.IsVersion5 ? 0x424D4133u : 0x424D4150);
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), (ushort)level);
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)here);
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), i > 0 ? _treeBlocks[used + i - 1] : ulong.MaxValue);
                BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), i + 1 < counts[level] ? _treeBlocks[used + i + 1] : ulong.MaxValue);
                for (var j = 0; j < here; j++)
                {
                    if (level == 0)
                    {
                        WriteExtent(bytes.AsSpan(header + (j * 16)), _extents[done + j]);
                    }
                    else
                    {
                        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(header + (j * 8)), keys[done + j]);
                        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(header + (capacity * 8) + (j * 8)), children[done + j]);
                    }
                }

                var block = _treeBlocks[used + i];
                _store.Stamp(bytes, XfsHeaderOffsets.LongTree, block, _inode.Number);
                if (_store.IsVersion5)
                {
                    Store.Seal(bytes, XfsHeaderOffsets.LongTree.Checksum);
                }

                _store.WriteIfChanged(_store.ByteOf(block), bytes);
                parents.Add(block);
                parentKeys.Add(keys[done]);
                done += here;
            }

            used += counts[level];
            (children, keys) = (parents, parentKeys);
        }

        // The root in the inode: struct xfs_bmdr_block.
        _inode.SetFormat(_isAttribute, XfsFormat.Tree);
        BinaryPrimitives.WriteUInt16BigEndian(fork, (ushort)counts.Count);
        BinaryPrimitives.WriteUInt16BigEndian(fork[2..], (ushort)children.Count);
        for (var i = 0; i < children.Count; i++)
        {
            BinaryPrimitives.WriteUInt64BigEndian(fork[(4 + (i * 8))..], keys[i]);
            BinaryPrimitives.WriteUInt64BigEndian(fork[(4 + (rootCapacity * 8) + (i * 8))..], children[i]);
        }
    }

    /// <summary>Reads blocks of the file as one; they must be there.</summary>
    internal byte[] Read(ulong fileBlock, int size)
    {
        var bytes = new byte[size];
        for (var at = 0; at < size; at += _store.BlockSize)
        {
            _store.Cache.Read(_store.ByteOf(Demand(fileBlock + (ulong)(at / _store.BlockSize))), bytes.AsSpan(at, _store.BlockSize));
        }

        return bytes;
    }

    /// <summary>Writes structures into blocks of the file.</summary>
    internal void Write(ulong fileBlock, ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; at < bytes.Length; at += _store.BlockSize)
        {
            _store.WriteIfChanged(_store.ByteOf(Demand(fileBlock + (ulong)(at / _store.BlockSize))), bytes.Slice(at, Math.Min(_store.BlockSize, bytes.Length - at)));
        }
    }

    private static int DivideUp(int value, int by) => (value + by - 1) / by;

    private static void WriteExtent(Span<byte> bytes, XfsExtent extent)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, (extent.IsUnwritten ? 1UL << 63 : 0) | (extent.FileBlock << 9) | (extent.Block >> 43));
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], ((extent.Block & ((1UL << 43) - 1)) << 21) | extent.Count);
    }

    private ulong OwnerOffset(XfsExtent extent) => extent.FileBlock | (_isAttribute ? OwnerRecord.AttributeFlag : 0) | (extent.IsUnwritten ? OwnerRecord.UnwrittenFlag : 0);

    private ulong TreeOwnerOffset => OwnerRecord.TreeFlag | (_isAttribute ? OwnerRecord.AttributeFlag : 0);

    private void Insert(XfsExtent extent)
    {
        _space.AddOwner(extent.Block, (uint)extent.Count, _inode.Number, OwnerOffset(extent));
        var at = IndexOf(extent.FileBlock);
        if (at < _extents.Count && Follows(extent, _extents[at]))
        {
            extent = extent with { Count = extent.Count + _extents[at].Count };
            _extents.RemoveAt(at);
        }

        if (at > 0 && Follows(_extents[at - 1], extent))
        {
            _extents[at - 1] = _extents[at - 1] with { Count = _extents[at - 1].Count + extent.Count };
        }
        else
        {
            _extents.Insert(at, extent);
        }
    }

    private bool Follows(XfsExtent one, XfsExtent next) => one.End == next.FileBlock && one.Block + one.Count == next.Block && one.IsUnwritten == next.IsUnwritten
        && one.Count + next.Count <= LongestExtent && _store.GroupOf(one.Block) == _store.GroupOf(next.Block);

    /// <summary>Takes a range out of the map, which becomes a hole; the parts that were there.</summary>
    private List<XfsExtent> Cut(ulong fileBlock, ulong count)
    {
        var end = fileBlock + count;
        var parts = new List<XfsExtent>();
        var first = IndexOf(fileBlock);
        var at = first;
        var rest = new List<XfsExtent>();
        for (; at < _extents.Count && _extents[at].FileBlock < end; at++)
        {
            var whole = _extents[at];
            var (from, to) = (Math.Max(fileBlock, whole.FileBlock), Math.Min(end, whole.End));
            if (from > whole.FileBlock)
            {
                rest.Add(whole with { Count = from - whole.FileBlock });
            }

            if (to < whole.End)
            {
                rest.Add(new XfsExtent(to, whole.Block + (to - whole.FileBlock), whole.End - to, whole.IsUnwritten));
            }

            parts.Add(new XfsExtent(from, whole.Block + (from - whole.FileBlock), to - from, whole.IsUnwritten));
        }

        _extents.RemoveRange(first, at - first);
        _extents.InsertRange(first, rest);
        foreach (var part in parts)
        {
            _space.RemoveOwner(part.Block, (uint)part.Count, _inode.Number, OwnerOffset(part));
        }

        return parts;
    }

    /// <summary>The first extent that ends behind a block of the file.</summary>
    private int IndexOf(ulong fileBlock)
    {
        var (low, high) = (0, _extents.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _extents[middle].End > fileBlock ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private void TrimTree(int wanted)
    {
        while (_treeBlocks.Count > wanted)
        {
            var block = _treeBlocks[^1];
            _treeBlocks.RemoveAt(_treeBlocks.Count - 1);
            _space.RemoveOwner(block, 1, _inode.Number, TreeOwnerOffset);
            _space.Drop(block, 1);
            _inode.Blocks--;
        }
    }

    private void GrowTree(int wanted)
    {
        while (_treeBlocks.Count < wanted)
        {
            var (block, _) = _space.Take(1, _inode.Number >> _store.Super.InodesPerBlockLog);
            _space.AddOwner(block, 1, _inode.Number, TreeOwnerOffset);
            _treeBlocks.Add(block);
            _inode.Blocks++;
        }
    }

    /// <summary>The blocks of the tree, level by level; the walk of the extents has verified them all.</summary>
    private void CollectTreeBlocks()
    {
        var fork = _inode.GetFork(_isAttribute);
        int level = BinaryPrimitives.ReadUInt16BigEndian(fork);
        int count = BinaryPrimitives.ReadUInt16BigEndian(fork[2..]);
        var pointers = 4 + ((fork.Length - 4) / 16 * 8);
        var current = new List<ulong>();
        for (var i = 0; i < count; i++)
        {
            current.Add(BinaryPrimitives.ReadUInt64BigEndian(fork[(pointers + (i * 8))..]));
        }

        var header = _store.IsVersion5 ? 72 : 24;
        var capacity = (_store.BlockSize - header) / 16;
        for (; level > 0; level--)
        {
            _treeBlocks.AddRange(current);
            var next = new List<ulong>();
            if (level > 1)
            {
                foreach (var bytes in current.Select(_store.ReadBlock))
                {
                    for (var i = 0; i < BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6)); i++)
                    {
                        next.Add(BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(header + (capacity * 8) + (i * 8))));
                    }
                }
            }

            current = next;
        }
    }
}
