using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>What the extent tree says of one extent: struct btrfs_extent_item with its back references, those in the item and those with items of their own.</summary>
internal sealed class BtrfsExtentRecord
{
    private const int HeaderSize = 24;
    private const int TreeBlockInfoSize = 18;
    private const ulong LargestAddress = 1UL << 61;
    private const ulong DataFlag = 1;
    private const ulong TreeBlockFlag = 2;
    private const ulong FullBackReference = 0x100;

    private readonly Dictionary<BtrfsReference, uint> _references = [];
    private ReadOnlyMemory<byte> _treeBlockInfo;

    private BtrfsExtentRecord(ulong logical, ulong length, ulong generation, ulong flags)
    {
        Logical = logical;
        Length = length;
        Generation = generation;
        Flags = flags;
    }

    public ulong Logical { get; }

    public ulong Length { get; }

    public ulong Generation { get; }

    public ulong Flags { get; private set; }

    public bool IsData => (Flags & DataFlag) != 0;

    /// <summary>Key of a tree block with its level, or of an extent with its length.</summary>
    public BtrfsKey Key { get; private init; }

    /// <summary>Keys of the items that the extent tree has of it now.</summary>
    public List<BtrfsKey> StoredKeys { get; } = [];

    /// <summary>References in all.</summary>
    public ulong Count { get; private set; }

    /// <summary>Whether the block's own references are counted by its address, not by its tree.</summary>
    public bool IsFull => (Flags & FullBackReference) != 0;

    public static BtrfsExtentRecord NewData(ulong logical, ulong length, ulong generation)
        => new(logical, length, generation, DataFlag) { Key = new BtrfsKey(logical, BtrfsKey.ExtentItem, length) };

    public static BtrfsExtentRecord NewTreeBlock(ulong logical, BtrfsSuperblock superblock, int level, BtrfsKey first, ulong generation)
    {
        var size = (ulong)superblock.NodeSize;
        if (superblock.HasSkinnyMetadata)
        {
            return new BtrfsExtentRecord(logical, size, generation, TreeBlockFlag) { Key = new BtrfsKey(logical, BtrfsKey.MetadataItem, (ulong)level) };
        }

        var info = new byte[TreeBlockInfoSize];
        first.Write(info);
        info[BtrfsKey.Size] = (byte)level;
        return new BtrfsExtentRecord(logical, size, generation, TreeBlockFlag) { Key = new BtrfsKey(logical, BtrfsKey.ExtentItem, size), _treeBlockInfo = info };
    }

    /// <summary>Reads what the extent tree has of an extent.</summary>
    /// <exception cref="Model.DiagnosticException">It has nothing, or what it has makes no sense (BTR004).</exception>
    public static BtrfsExtentRecord Read(BtrfsTree extents, ulong logical, BtrfsSuperblock superblock)
    {
        BtrfsExtentRecord? record = null;
        ulong stated = 0;
        foreach (var item in extents.From(new BtrfsKey(logical, BtrfsKey.ExtentItem, 0)).TakeWhile(item => item.Key.ObjectId == logical && item.Key.Type <= BtrfsKey.SharedDataRef))
        {
            if (item.Key.Type is BtrfsKey.ExtentItem or BtrfsKey.MetadataItem)
            {
                record = record is null ? ReadItem(item, superblock, out stated) : throw Damaged(item);
            }
            else
            {
                (record ?? throw Damaged(item)).ReadKeyed(item);
            }

            record.StoredKeys.Add(item.Key);
        }

        return record is not null && record.Count == stated ? record
            : throw BtrfsDiagnostics.BadItem.ToException($"the extent tree knows {record?.Count ?? 0} of {stated} references", $"extent at logical address {logical}");
    }

    /// <summary>Adds references of one kind.</summary>
    public void Add(BtrfsReference reference, uint count = 1)
    {
        _references[reference] = _references.GetValueOrDefault(reference) + count;
        Count += count;
    }

    /// <summary>Takes references of one kind away.</summary>
    public void Drop(BtrfsReference reference, uint count = 1)
    {
        var left = _references.GetValueOrDefault(reference);
        if (left < count)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"it has {left} references by {reference}, and {count} are to go", $"extent at logical address {Logical}");
        }

        Count -= count;
        if (left == count)
        {
            _references.Remove(reference);
        }
        else
        {
            _references[reference] = left - count;
        }
    }

    public void SetFull() => Flags |= FullBackReference;

    /// <summary>The items to store: the extent's own, then those of references that it has no room for.</summary>
    public IEnumerable<BtrfsItem> ToItems(int largestLeafItem)
    {
        // BTRFS_MAX_EXTENT_ITEM_SIZE: a sixteenth of a leaf.
        var limit = ((largestLeafItem + BtrfsTreeBlock.ItemSize) >> 4) - BtrfsTreeBlock.ItemSize;
        var size = HeaderSize + _treeBlockInfo.Length;
        var sorted = _references.OrderBy(pair => pair.Key.Type).ThenByDescending(pair => pair.Key.Sequence).ToList();
        var inline = sorted.TakeWhile(pair => (size += pair.Key.InlineSize) <= limit || pair.Key == sorted[0].Key).ToList();
        var bytes = new byte[HeaderSize + _treeBlockInfo.Length + inline.Sum(pair => pair.Key.InlineSize)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Count);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Generation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Flags);
        _treeBlockInfo.Span.CopyTo(bytes.AsSpan(HeaderSize));
        var rest = bytes.AsSpan(HeaderSize + _treeBlockInfo.Length);
        foreach (var (reference, count) in inline)
        {
            rest[0] = reference.Type;
            if (reference.Type == BtrfsKey.ExtentDataRef)
            {
                WriteDataReference(rest[1..], reference, count);
            }
            else
            {
                BinaryPrimitives.WriteUInt64LittleEndian(rest[1..], reference.Owner);
                if (reference.Type == BtrfsKey.SharedDataRef)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(rest[9..], count);
                }
            }

            rest = rest[reference.InlineSize..];
        }

        return [new BtrfsItem(Key, bytes), .. ToKeyed(sorted.Skip(inline.Count))];
    }

    private List<BtrfsItem> ToKeyed(IEnumerable<KeyValuePair<BtrfsReference, uint>> references)
    {
        var items = new SortedDictionary<BtrfsKey, byte[]>();
        foreach (var (reference, count) in references)
        {
            var key = new BtrfsKey(Logical, reference.Type, reference.Sequence);
            var data = Array.Empty<byte>();
            if (reference.Type == BtrfsKey.ExtentDataRef)
            {
                data = new byte[28];
                WriteDataReference(data, reference, count);
                while (items.ContainsKey(key))
                {
                    key = key with { Offset = unchecked(key.Offset + 1) }; // hashes may be equal: the next free one, as the kernel looks for it
                }
            }
            else if (reference.Type == BtrfsKey.SharedDataRef)
            {
                data = new byte[4];
                BinaryPrimitives.WriteUInt32LittleEndian(data, count);
            }

            items.Add(key, data);
        }

        return [.. items.Select(pair => new BtrfsItem(pair.Key, pair.Value))];
    }

    private static void WriteDataReference(Span<byte> to, BtrfsReference reference, uint count)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to, reference.Owner);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], reference.ObjectId);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], reference.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(to[24..], count);
    }

    private static BtrfsExtentRecord ReadItem(BtrfsItem item, BtrfsSuperblock superblock, out ulong stated)
    {
        var data = item.Data.Span;
        if (data.Length < HeaderSize)
        {
            throw Damaged(item);
        }

        stated = BinaryPrimitives.ReadUInt64LittleEndian(data);
        var flags = BinaryPrimitives.ReadUInt64LittleEndian(data[16..]);
        var isTreeBlock = (flags & TreeBlockFlag) != 0;
        var hasInfo = isTreeBlock && item.Key.Type == BtrfsKey.ExtentItem;
        var at = HeaderSize + (hasInfo ? TreeBlockInfoSize : 0);
        if (at > data.Length || item.Key.ObjectId > LargestAddress || item.Key.Offset > LargestAddress || isTreeBlock == ((flags & DataFlag) != 0) || (item.Key.Type == BtrfsKey.MetadataItem && !isTreeBlock))
        {
            throw Damaged(item);
        }

        var length = item.Key.Type == BtrfsKey.MetadataItem ? (ulong)superblock.NodeSize : item.Key.Offset;
        var record = new BtrfsExtentRecord(item.Key.ObjectId, length, BinaryPrimitives.ReadUInt64LittleEndian(data[8..]), flags)
        {
            Key = item.Key,
            _treeBlockInfo = hasInfo ? item.Data.Slice(HeaderSize, TreeBlockInfoSize) : default,
        };
        while (at < data.Length)
        {
            var reference = new BtrfsReference(data[at], 0);
            if (data[at] is not (BtrfsKey.TreeBlockRef or BtrfsKey.ExtentDataRef or BtrfsKey.SharedBlockRef or BtrfsKey.SharedDataRef) || reference.InlineSize > data.Length - at)
            {
                throw Damaged(item);
            }

            record.ReadReference(item, reference.Type, data.Slice(at + 1, reference.InlineSize - 1));
            at += reference.InlineSize;
        }

        return record;
    }

    private void ReadReference(BtrfsItem item, byte type, ReadOnlySpan<byte> data)
    {
        var owner = BinaryPrimitives.ReadUInt64LittleEndian(data);
        var reference = type == BtrfsKey.ExtentDataRef
            ? new BtrfsReference(type, owner, BinaryPrimitives.ReadUInt64LittleEndian(data[8..]), BinaryPrimitives.ReadUInt64LittleEndian(data[16..]))
            : new BtrfsReference(type, owner);
        AddRead(item, reference, type is BtrfsKey.ExtentDataRef or BtrfsKey.SharedDataRef ? BinaryPrimitives.ReadUInt32LittleEndian(data[^4..]) : 1);
    }

    private void ReadKeyed(BtrfsItem item)
    {
        switch (item.Key.Type)
        {
            case BtrfsKey.TreeBlockRef or BtrfsKey.SharedBlockRef:
                AddRead(item, new BtrfsReference(item.Key.Type, item.Key.Offset), 1);
                break;
            case BtrfsKey.SharedDataRef when item.Data.Length >= 4:
                AddRead(item, new BtrfsReference(item.Key.Type, item.Key.Offset), BinaryPrimitives.ReadUInt32LittleEndian(item.Data.Span));
                break;
            case BtrfsKey.ExtentDataRef when item.Data.Length >= 28:
                ReadReference(item, item.Key.Type, item.Data.Span[..28]);
                break;
            default:
                throw Damaged(item);
        }
    }

    private void AddRead(BtrfsItem item, BtrfsReference reference, uint count)
    {
        if (count == 0 || count > int.MaxValue || !_references.TryAdd(reference, count))
        {
            throw Damaged(item);
        }

        Count += count;
    }

    private static Model.DiagnosticException Damaged(BtrfsItem item)
        => BtrfsDiagnostics.BadItem.ToException($"an item of {item.Data.Length} bytes in the extent tree makes no sense", $"item {item.Key}");
}
