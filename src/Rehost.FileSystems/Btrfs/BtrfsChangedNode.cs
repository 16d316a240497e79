using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// A tree block that is changed in memory. It belongs to one operation, which may change it in place; a later operation makes a copy first, so that what was before the
/// operation is still whole and can be gone back to.
/// </summary>
internal sealed class BtrfsChangedNode : BtrfsNode
{
    private readonly List<BtrfsKey> _keys;
    private readonly List<ReadOnlyMemory<byte>> _items;
    private readonly List<BtrfsPointer> _children;

    public BtrfsChangedNode(int level, object operation)
    {
        Level = level;
        Operation = operation;
        Place = new BtrfsPlace();
        (_keys, _items, _children) = ([], [], []);
    }

    private BtrfsChangedNode(BtrfsNode from, object operation, BtrfsPlace place)
    {
        Level = from.Level;
        Operation = operation;
        Place = place;
        (_keys, _items, _children) = (new(from.Count + 4), [], []);
        for (var i = 0; i < from.Count; i++)
        {
            _keys.Add(from.KeyAt(i));
            if (Level == 0)
            {
                _items.Add(from.DataAt(i));
                Used += BtrfsTreeBlock.ItemSize + from.DataAt(i).Length;
            }
            else
            {
                _children.Add(from.PointerAt(i));
                Used += BtrfsTreeBlock.PointerSize;
            }
        }
    }

    public override int Level { get; }

    public override int Count => _keys.Count;

    /// <summary>The operation that may change it in place.</summary>
    public object Operation { get; }

    /// <summary>Where it will be stored; shared by the copies of it that later operations make.</summary>
    public BtrfsPlace Place { get; }

    /// <summary>Bytes that are taken after the header.</summary>
    public int Used { get; private set; }

    /// <summary>The node itself when it belongs to an operation, else a copy that does.</summary>
    public static BtrfsChangedNode Of(BtrfsNode node, object operation)
        => node is BtrfsChangedNode changed
            ? ReferenceEquals(changed.Operation, operation) ? changed : new BtrfsChangedNode(changed, operation, changed.Place)
            : new BtrfsChangedNode(node, operation, new BtrfsPlace());

    public override BtrfsKey KeyAt(int index) => _keys[index];

    public override ReadOnlyMemory<byte> DataAt(int index) => _items[index];

    public override BtrfsPointer PointerAt(int index) => _children[index];

    public void Insert(int index, BtrfsKey key, ReadOnlyMemory<byte> data)
    {
        _keys.Insert(index, key);
        _items.Insert(index, data);
        Used += BtrfsTreeBlock.ItemSize + data.Length;
    }

    public void Insert(int index, BtrfsChangedNode child)
    {
        _keys.Insert(index, child.KeyAt(0));
        _children.Insert(index, new BtrfsPointer(0, 0, child));
        Used += BtrfsTreeBlock.PointerSize;
    }

    public void Set(int index, ReadOnlyMemory<byte> data)
    {
        Used += data.Length - _items[index].Length;
        _items[index] = data;
    }

    /// <summary>Puts a child into its place, with the key that it begins with now.</summary>
    public void Set(int index, BtrfsChangedNode child)
    {
        _keys[index] = child.KeyAt(0);
        _children[index] = new BtrfsPointer(0, 0, child);
    }

    public void RemoveAt(int index)
    {
        _keys.RemoveAt(index);
        if (Level == 0)
        {
            Used -= BtrfsTreeBlock.ItemSize + _items[index].Length;
            _items.RemoveAt(index);
        }
        else
        {
            Used -= BtrfsTreeBlock.PointerSize;
            _children.RemoveAt(index);
        }
    }

    /// <summary>Moves everything from an index on into a new node on its right.</summary>
    public BtrfsChangedNode SplitAt(int index)
    {
        var right = new BtrfsChangedNode(Level, Operation);
        right.Append(this, index);
        while (Count > index)
        {
            RemoveAt(Count - 1);
        }

        return right;
    }

    /// <summary>Copies what another node holds from an index on to the end of this one.</summary>
    public void Append(BtrfsNode other, int from)
    {
        for (var i = from; i < other.Count; i++)
        {
            _keys.Add(other.KeyAt(i));
            if (Level == 0)
            {
                _items.Add(other.DataAt(i));
                Used += BtrfsTreeBlock.ItemSize + other.DataAt(i).Length;
            }
            else
            {
                _children.Add(other.PointerAt(i));
                Used += BtrfsTreeBlock.PointerSize;
            }
        }
    }

    public int SizeAt(int index) => Level == 0 ? BtrfsTreeBlock.ItemSize + _items[index].Length : BtrfsTreeBlock.PointerSize;

    /// <summary>The block as it is stored. All changed children must have their places.</summary>
    public byte[] Serialize(BtrfsSuperblock superblock, ReadOnlySpan<byte> chunkTreeId, ulong generation, ulong owner)
    {
        const ulong written = 1;
        const ulong mixedBackReferences = 1UL << 56;
        var bytes = new byte[superblock.NodeSize];
        superblock.MetadataId.TryWriteBytes(bytes.AsSpan(0x20), bigEndian: true, out _);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x30), Place.Logical);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x38), written | mixedBackReferences);
        chunkTreeId.CopyTo(bytes.AsSpan(0x40));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x50), generation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(0x58), owner);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(0x60), (uint)Count);
        bytes[0x64] = (byte)Level;
        var end = bytes.Length - BtrfsTreeBlock.HeaderSize;
        for (var i = 0; i < Count; i++)
        {
            var entry = bytes.AsSpan(BtrfsTreeBlock.HeaderSize + (i * (Level == 0 ? BtrfsTreeBlock.ItemSize : BtrfsTreeBlock.PointerSize)));
            _keys[i].Write(entry);
            if (Level == 0)
            {
                end -= _items[i].Length;
                BinaryPrimitives.WriteUInt32LittleEndian(entry[BtrfsKey.Size..], (uint)end);
                BinaryPrimitives.WriteUInt32LittleEndian(entry[(BtrfsKey.Size + 4)..], (uint)_items[i].Length);
                _items[i].Span.CopyTo(bytes.AsSpan(BtrfsTreeBlock.HeaderSize + end));
            }
            else
            {
                var child = _children[i];
                BinaryPrimitives.WriteUInt64LittleEndian(entry[BtrfsKey.Size..], child.Changed?.Place.Logical ?? child.Logical);
                BinaryPrimitives.WriteUInt64LittleEndian(entry[(BtrfsKey.Size + 8)..], child.Changed is null ? child.Generation : generation);
            }
        }

        superblock.Checksum.Compute(bytes.AsSpan(BtrfsChecksum.FieldSize), bytes);
        return bytes;
    }
}

/// <summary>Where a changed node will be stored: 0 until a transaction gives it an address.</summary>
internal sealed class BtrfsPlace
{
    public ulong Logical { get; set; }
}
