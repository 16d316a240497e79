using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>
/// Changes an index. Entries go into leaves, which split when they are full; the root, when its record is full, becomes a block. A leaf never becomes empty: the tree is then laid
/// out anew, which also gives back blocks that are no longer needed.
/// </summary>
internal sealed class IndexEditor
{
    private const int ListHeader = 16;
    private const int UpdateSequenceOffset = 40;
    private const int SmallestBlock = 2048; // two of the longest names
    private const int DeepestTree = 32;
    private const ushort LargeFlag = 1;
    private readonly NtfsEditors _editors;
    private readonly NtfsNode _node;
    private readonly IndexReader _reader;
    private readonly int _entriesOffset;

    internal IndexEditor(NtfsEditors editors, NtfsNode node, string name)
    {
        (_editors, _node) = (editors, node);
        _reader = new IndexReader(editors.Volume.Boot, editors.Volume.Streams, node, name);
        if (_reader.BlockSize < SmallestBlock)
        {
            throw NtfsDiagnostics.Unchangeable.ToException($"index {name} has blocks of {_reader.BlockSize} bytes, needed {SmallestBlock}", node.Where);
        }

        _entriesOffset = NtfsAttribute.Align(UpdateSequenceOffset + (2 * ((_reader.BlockSize / UpdateSequence.Stride) + 1)));
    }

    private int Capacity => _reader.BlockSize - _entriesOffset;

    private int UnitsPerBlock => _reader.BlockSize / _reader.Unit;

    /// <summary>The value of an index root with nothing in it.</summary>
    internal static byte[] MakeRoot(NtfsBootSector boot)
    {
        const uint byFileName = 1;
        var value = new byte[IndexReader.RootHeaderSize + ListHeader + IndexEntry.HeaderSize];
        BinaryPrimitives.WriteUInt32LittleEndian(value, AttributeType.FileName);
        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(4), byFileName);
        BinaryPrimitives.WriteUInt32LittleEndian(value.AsSpan(8), (uint)boot.IndexBlockSize);
        value[12] = (byte)(boot.IndexBlockSize >= boot.ClusterSize ? boot.IndexBlockSize / boot.ClusterSize : boot.IndexBlockSize / UpdateSequence.Stride);
        WriteList(value.AsSpan(IndexReader.RootHeaderSize), [IndexEntry.MakeLast(-1)], ListHeader, value.Length - IndexReader.RootHeaderSize);
        return value;
    }

    /// <summary>Adds an entry; the comparison tells on which side of another it belongs. The caller saves the node.</summary>
    internal void Insert(IndexEntry entry, KeyOrder compare)
    {
        var path = Descend(compare, out var isFound);
        if (isFound)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"index {_reader.Name} has the entry already", _node.Where);
        }

        path[^1].Entries.Insert(path[^1].Position, entry);
        Store(path, path.Count - 1);
    }

    /// <summary>Changes the key of an entry in place, to one of the same size and order; whether there is such an entry.</summary>
    internal bool Update(KeyOrder compare, Action<IndexEntry> change)
    {
        var path = Descend(compare, out var isFound);
        if (isFound)
        {
            change(path[^1].Entries[path[^1].Position]);
            Store(path, path.Count - 1);
        }

        return isFound;
    }

    /// <summary>Removes an entry; whether there was one. The caller saves the node.</summary>
    internal bool Remove(KeyOrder compare)
    {
        var path = Descend(compare, out var isFound);
        if (!isFound)
        {
            return false;
        }

        var (step, removed) = (path[^1], path[^1].Entries[path[^1].Position]);
        if (removed.SubNode < 0)
        {
            step.Entries.RemoveAt(step.Position);
            StoreOrDrop(path, removed);
            return true;
        }

        // The entry just before it, which is the last one of a leaf below, takes its place.
        var level = path.Count - 1;
        GoDown(path, step.Position, isLeftmost: false);
        var leaf = path[^1];
        if (leaf.Entries.Count < 2)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"a leaf of index {_reader.Name} is empty", _node.Where);
        }

        var substitute = leaf.Entries[^2];
        leaf.Entries.RemoveAt(leaf.Entries.Count - 2);
        if (leaf.Entries.Count > 1)
        {
            WriteBlock(leaf.Vcn, leaf.Entries);
        }
        else
        {
            // The leaf goes, which may move the entry that is to be removed.
            StoreOrDrop(path, substitute);
            path = Descend(compare, out isFound);
            (step, level) = (path[^1], path.Count - 1);
            if (!isFound)
            {
                throw NtfsDiagnostics.BadIndex.ToException($"index {_reader.Name} is not in order", _node.Where);
            }
        }

        step.Entries[step.Position] = substitute.With(step.Entries[step.Position].SubNode);
        Store(path, level);
        return true;
    }

    /// <summary>Writes the leaf that a way ends in. One that has become empty is taken out of the tree; what separated it from its neighbour moves there.</summary>
    private void StoreOrDrop(List<Step> path, IndexEntry removed)
    {
        var leaf = path[^1];
        if (leaf.Vcn < 0 || leaf.Entries.Count > 1)
        {
            Store(path, path.Count - 1);
            return;
        }

        path.RemoveAt(path.Count - 1);
        var parent = path[^1];
        if (parent.Entries.Count <= (parent.Vcn < 0 ? 1 : 2))
        {
            Rebuild(removed); // its parent would be left without entries
            return;
        }

        FreeBlock(leaf.Vcn);
        var isLast = parent.Position == parent.Entries.Count - 1;
        var separator = parent.Entries[isLast ? parent.Position - 1 : parent.Position];
        if (isLast)
        {
            parent.Entries[parent.Position].SubNode = separator.SubNode;
        }

        parent.Entries.Remove(separator);
        if (parent.Vcn < 0)
        {
            WriteRoot(parent.Entries);
        }
        else
        {
            WriteBlock(parent.Vcn, parent.Entries);
        }

        var position = isLast ? parent.Position - 1 : parent.Position;
        path[^1] = parent with { Position = position };
        GoDown(path, position, isLeftmost: !isLast);
        path[^1].Entries.Insert(path[^1].Position, separator.With(-1));
        Store(path, path.Count - 1);
    }

    /// <summary>Goes on from the end of a way to the first or last place of a leaf below one of its entries.</summary>
    private void GoDown(List<Step> path, int position, bool isLeftmost)
    {
        for (var next = path[^1].Entries[position].SubNode; next >= 0; next = path[^1].Entries[path[^1].Position].SubNode)
        {
            DemandDepth(path.Count);
            var step = ReadBlock(next);
            path.Add(step with { Position = isLeftmost ? 0 : step.Entries.Count - 1 });
        }
    }

    /// <summary>Moves the entries of the root to a block, so that only a pointer to it remains; whether there was anything to move.</summary>
    internal bool PushDown()
    {
        var root = _reader.RootEntries;
        if (root.Count <= 1)
        {
            return false;
        }

        var vcn = AllocateBlock();
        List<IndexEntry> above = [IndexEntry.MakeLast(vcn)];
        WriteRoot(above);
        Store([new Step(-1, above, 0), new Step(vcn, root, 0)], 1);
        return true;
    }

    /// <summary>The way to an entry, or to the place in a leaf where it belongs.</summary>
    private List<Step> Descend(KeyOrder compare, out bool isFound)
    {
        var path = new List<Step>();
        for (var step = new Step(-1, _reader.RootEntries, 0); ;)
        {
            DemandDepth(path.Count);
            var order = -1;
            var position = 0;
            for (; position < step.Entries.Count - 1; position++)
            {
                order = compare(step.Entries[position].Key);
                if (order <= 0)
                {
                    break;
                }
            }

            isFound = position < step.Entries.Count - 1 && order == 0;
            path.Add(step with { Position = position });
            var next = step.Entries[position].SubNode;
            if (isFound || next < 0)
            {
                return path;
            }

            step = ReadBlock(next);
        }
    }

    private Step ReadBlock(long vcn) => new(vcn, _reader.ReadBlock(vcn), 0);

    private void DemandDepth(int depth)
    {
        if (depth > DeepestTree)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"index {_reader.Name} is too deep", _node.Where);
        }
    }

    /// <summary>Writes the entries of one level; those that do not fit are split, which changes the level above.</summary>
    private void Store(List<Step> path, int level)
    {
        var step = path[level];
        if (level == 0)
        {
            WriteRoot(step.Entries);
            if (!NodeSaver.Fits(_node))
            {
                PushDown();
            }

            return;
        }

        if (SizeOf(step.Entries) <= Capacity)
        {
            WriteBlock(step.Vcn, step.Entries);
            return;
        }

        // The middle entry goes up; what is before it stays, what is after it moves to a new block.
        var middle = 0;
        for (var size = 0; middle < step.Entries.Count - 2; middle++)
        {
            size += step.Entries[middle].Size;
            if (size > SizeOf(step.Entries) / 2)
            {
                break;
            }
        }

        middle = Math.Clamp(middle, 1, Math.Max(1, step.Entries.Count - 3));
        var promoted = step.Entries[middle];
        List<IndexEntry> before = [.. step.Entries[..middle], IndexEntry.MakeLast(promoted.SubNode)];
        var after = step.Entries[(middle + 1)..];
        if (after.Count < 2 || SizeOf(before) > Capacity || SizeOf(after) > Capacity)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"a block of index {_reader.Name} cannot be split", _node.Where);
        }

        var vcn = AllocateBlock();
        WriteBlock(step.Vcn, before);
        WriteBlock(vcn, after);
        var parent = path[level - 1];
        parent.Entries[parent.Position].SubNode = vcn;
        parent.Entries.Insert(parent.Position, promoted.With(step.Vcn));
        Store(path, level - 1);
    }

    /// <summary>Lays the tree out anew without one entry.</summary>
    private void Rebuild(IndexEntry without)
    {
        var entries = _reader.Entries().Where(entry => !entry.Body.AsSpan().SequenceEqual(without.Body)).Select(entry => entry.With(-1)).ToList();
        FreeBlocks();
        List<IndexEntry> level = [.. entries, IndexEntry.MakeLast(-1)];
        WriteRoot(level);
        if (NodeSaver.Fits(_node))
        {
            return;
        }

        // From the leaves up, until a level fits into one block; above it the root only points to it. Blocks are filled to three quarters.
        WriteRoot([IndexEntry.MakeLast(-1)]);
        while (SizeOf(level) > Capacity * 3 / 4)
        {
            level = BuildLevel(level);
        }

        var top = AllocateBlock();
        WriteBlock(top, level);
        WriteRoot([IndexEntry.MakeLast(top)]);
    }

    /// <summary>Puts entries into blocks, and returns those that separate the blocks.</summary>
    private List<IndexEntry> BuildLevel(List<IndexEntry> entries)
    {
        var above = new List<IndexEntry>();
        var block = new List<IndexEntry>();
        for (var i = 0; i < entries.Count - 1; i++)
        {
            // At least one entry must follow the one that goes up.
            if (block.Count > 0 && SizeOf(block) + entries[i].Size > Capacity * 3 / 4 && i < entries.Count - 2)
            {
                block.Add(IndexEntry.MakeLast(entries[i].SubNode));
                var vcn = AllocateBlock();
                WriteBlock(vcn, block);
                above.Add(entries[i].With(vcn));
                block = [];
            }
            else
            {
                block.Add(entries[i]);
            }
        }

        block.Add(entries[^1]);
        var last = AllocateBlock();
        WriteBlock(last, block);
        above.Add(IndexEntry.MakeLast(last));
        return above;
    }

    private static int SizeOf(List<IndexEntry> entries) => entries.Sum(entry => entry.Size);

    private void WriteRoot(List<IndexEntry> entries)
    {
        var size = SizeOf(entries);
        var value = new byte[IndexReader.RootHeaderSize + ListHeader + size];
        _reader.Root.Value.AsSpan(0, IndexReader.RootHeaderSize).CopyTo(value);
        WriteList(value.AsSpan(IndexReader.RootHeaderSize), entries, ListHeader, ListHeader + size);
        _reader.Root.Value = value;
    }

    private void WriteBlock(long vcn, List<IndexEntry> entries)
    {
        var allocation = _node.Demand(AttributeType.IndexAllocation, _reader.Name);
        var raw = new byte[_reader.BlockSize];
        _editors.Volume.Streams.ReadStructure(allocation, vcn * _reader.Unit, raw, _node.Where);
        var number = raw.AsSpan(0, 4).SequenceEqual("INDX"u8) && BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(4)) == UpdateSequenceOffset
            ? BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(UpdateSequenceOffset))
            : (ushort)0;
        raw.AsSpan().Clear();
        "INDX"u8.CopyTo(raw);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(4), UpdateSequenceOffset);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(6), (ushort)((_reader.BlockSize / UpdateSequence.Stride) + 1));
        BinaryPrimitives.WriteInt64LittleEndian(raw.AsSpan(16), vcn);
        BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(UpdateSequenceOffset), number);
        WriteList(raw.AsSpan(IndexReader.BlockHeaderSize), entries, _entriesOffset - IndexReader.BlockHeaderSize, _reader.BlockSize - IndexReader.BlockHeaderSize);
        UpdateSequence.Protect(raw);
        _editors.Writer.Write(allocation, vcn * _reader.Unit, raw, _node.Where);
    }

    private static void WriteList(Span<byte> target, List<IndexEntry> entries, int offset, int allocated)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)offset);
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], (uint)(offset + SizeOf(entries)));
        BinaryPrimitives.WriteUInt32LittleEndian(target[8..], (uint)allocated);
        target[12] = (byte)(entries.Any(entry => entry.SubNode >= 0) ? LargeFlag : 0);
        foreach (var entry in entries)
        {
            offset += entry.Write(target[offset..]);
        }
    }

    /// <summary>The number of a block that is not in use; the index grows when all are.</summary>
    private long AllocateBlock()
    {
        var (allocation, bitmap) = DemandAllocation();
        var blocks = allocation.DataSize / _reader.BlockSize;
        var bits = ReadBitmap(bitmap, (int)((blocks / 64 * 8) + 8));
        long block = 0;
        while (block < blocks && (bits[block / 8] & (1 << (int)(block % 8))) != 0)
        {
            block++;
        }

        if (block == blocks)
        {
            GrowAllocation(allocation, (block + 1 + BlocksAhead(block)) * _reader.BlockSize);
        }

        bits[block / 8] |= (byte)(1 << (int)(block % 8));
        WriteBitmap(bitmap, bits);
        return block * UnitsPerBlock;
    }

    /// <summary>Large directories grow by more than is needed now, or they would be in as many pieces as they have blocks. Not when there is little room.</summary>
    private long BlocksAhead(long blocks)
    {
        const int fraction = 8;
        const int most = 128;
        const int reserve = 32;
        var ahead = Math.Min(blocks / fraction, most);
        return ahead * _reader.BlockSize * reserve <= _editors.Clusters.FreeCount * _editors.Volume.Boot.ClusterSize ? ahead : 0;
    }

    private (NtfsAttribute Allocation, NtfsAttribute Bitmap) DemandAllocation()
    {
        if (_reader.Allocation is not { } allocation)
        {
            allocation = new NtfsAttribute(AttributeType.IndexAllocation, _reader.Name);
            _node.Attributes.Add(allocation);
        }

        if (_node.Find(AttributeType.Bitmap, _reader.Name) is not { } bitmap)
        {
            bitmap = new NtfsAttribute(AttributeType.Bitmap, _reader.Name) { Value = new byte[8] };
            _node.Attributes.Add(bitmap);
        }

        return (allocation, bitmap);
    }

    private void GrowAllocation(NtfsAttribute allocation, long length)
    {
        var clusterSize = _editors.Volume.Boot.ClusterSize;
        var missing = ((length + clusterSize - 1) / clusterSize) - allocation.Runs.End;
        if (missing > 0)
        {
            var near = allocation.Runs.Runs is [.., var last] ? last.Lcn + last.Length : -1;
            foreach (var (lcn, count) in _editors.Clusters.Allocate(missing, near))
            {
                allocation.Runs.Append(lcn, count);
            }
        }

        allocation.DataSize = allocation.InitializedSize = length;
    }

    private byte[] ReadBitmap(NtfsAttribute bitmap, int least)
    {
        const int most = 1 << 20;
        if (bitmap.Length > most)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"index {_reader.Name} has a bitmap of {bitmap.Length} bytes", _node.Where);
        }

        var bits = new byte[Math.Max(least, (int)bitmap.Length)];
        _editors.Volume.Streams.ReadStructure(bitmap, 0, bits.AsSpan(0, (int)bitmap.Length), _node.Where);
        return bits;
    }

    private void WriteBitmap(NtfsAttribute bitmap, byte[] bits)
    {
        if (bitmap.IsResident)
        {
            bitmap.Value = bits;
            if (bits.Length > _editors.Volume.Boot.RecordSize / 4)
            {
                _editors.Saver.MakeNonResident(_node, bitmap);
                _editors.Writer.Write(bitmap, 0, bits, _node.Where);
            }

            return;
        }

        GrowAllocation(bitmap, Math.Max(bits.Length, bitmap.DataSize));
        _editors.Writer.Write(bitmap, 0, bits, _node.Where);
    }

    private void FreeBlock(long vcn)
    {
        var bitmap = _node.Demand(AttributeType.Bitmap, _reader.Name);
        var bits = ReadBitmap(bitmap, 0);
        var block = vcn / UnitsPerBlock;
        if (block / 8 >= bits.Length || (bits[block / 8] & (1 << (int)(block % 8))) == 0)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"block {vcn} of index {_reader.Name} is in use, and its bit says that it is free", _node.Where);
        }

        bits[block / 8] ^= (byte)(1 << (int)(block % 8));
        WriteBitmap(bitmap, bits);
    }

    private void FreeBlocks()
    {
        foreach (var attribute in (NtfsAttribute?[])[_reader.Allocation, _node.Find(AttributeType.Bitmap, _reader.Name)])
        {
            if (attribute is not null)
            {
                _editors.Clusters.Free(attribute);
                _node.Attributes.Remove(attribute);
            }
        }
    }

    /// <summary>One block on the way through the tree; negative for the root.</summary>
    private sealed record Step(long Vcn, List<IndexEntry> Entries, int Position);
}
