using System.Buffers.Binary;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>A node of one of the device-mapper's B-trees (drivers/md/persistent-data/dm-btree-internal.h) in a checked block: a header of 32 bytes, keys, values.</summary>
internal readonly struct ThinNode(byte[] block)
{
    private const int HeaderLength = 32;
    private const uint Internal = 1;
    private const uint Leaf = 2;

    /// <summary>Bytes of a value in a node that is no leaf: the number of a block.</summary>
    public const int ChildLength = 8;

    public bool IsLeaf => (BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)) & Leaf) != 0;

    public int Count
    {
        get => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(16));
        private set => BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(16), value);
    }

    public int Capacity => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(20));

    public int ValueLength => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(24));

    public bool IsFull => Count >= Capacity;

    /// <summary>Whether counts and sizes fit a block.</summary>
    public static bool IsSound(ReadOnlySpan<byte> block)
    {
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(block[16..]);
        var capacity = BinaryPrimitives.ReadUInt32LittleEndian(block[20..]);
        var value = BinaryPrimitives.ReadUInt32LittleEndian(block[24..]);
        return flags is Internal or Leaf && count <= capacity && capacity >= 3 && capacity <= block.Length / 8 && value is >= 4 and <= 128 && HeaderLength + ((long)capacity * (8 + value)) <= block.Length;
    }

    /// <summary>Makes an empty node. The kernel takes no more entries than a multiple of three, so that two nodes can be shared out over three.</summary>
    public static ThinNode Format(byte[] block, bool isLeaf, int valueLength)
    {
        block.AsSpan().Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(block.AsSpan(4), isLeaf ? Leaf : Internal);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(20), (block.Length - HeaderLength) / (8 + valueLength) / 3 * 3);
        BinaryPrimitives.WriteInt32LittleEndian(block.AsSpan(24), valueLength);
        return new ThinNode(block);
    }

    public ulong Key(int index) => BinaryPrimitives.ReadUInt64LittleEndian(Keys(index, 1));

    public void SetKey(int index, ulong key) => BinaryPrimitives.WriteUInt64LittleEndian(Keys(index, 1), key);

    public Span<byte> Value(int index) => Values(index, 1);

    public long Child(int index) => (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(Value(index)), long.MaxValue);

    public void SetChild(int index, long number) => BinaryPrimitives.WriteInt64LittleEndian(Value(index), number);

    /// <summary>Index of the last key that is not greater; -1 when all are.</summary>
    public int Find(ulong key)
    {
        var (low, high) = (-1, Count);
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = Key(middle) <= key ? (middle, high) : (low, middle);
        }

        return low;
    }

    /// <summary>Puts an entry before the one at an index; there must be room.</summary>
    public void Insert(int index, ulong key, ReadOnlySpan<byte> value)
    {
        var behind = Count - index;
        Keys(index, behind).CopyTo(Keys(index + 1, behind));
        Values(index, behind).CopyTo(Values(index + 1, behind));
        Count++;
        SetKey(index, key);
        value.CopyTo(Value(index));
    }

    /// <summary>Takes an entry out.</summary>
    public void RemoveAt(int index)
    {
        var behind = Count - index - 1;
        Keys(index + 1, behind).CopyTo(Keys(index, behind));
        Values(index + 1, behind).CopyTo(Values(index, behind));
        Count--;
    }

    /// <summary>Moves the entries from an index on to the front of the node that follows.</summary>
    public void MoveTailTo(ThinNode next, int index)
    {
        var count = Count - index;
        next.Keys(0, next.Count).CopyTo(next.Keys(count, next.Count));
        next.Values(0, next.Count).CopyTo(next.Values(count, next.Count));
        Keys(index, count).CopyTo(next.Keys(0, count));
        Values(index, count).CopyTo(next.Values(0, count));
        next.Count += count;
        Count = index;
    }

    /// <summary>Moves entries from the front of the node that follows to the end of this one.</summary>
    public void TakeFrom(ThinNode next, int count)
    {
        next.Keys(0, count).CopyTo(Keys(Count, count));
        next.Values(0, count).CopyTo(Values(Count, count));
        Count += count;
        var rest = next.Count - count;
        next.Keys(count, rest).CopyTo(next.Keys(0, rest));
        next.Values(count, rest).CopyTo(next.Values(0, rest));
        next.Count = rest;
    }

    private Span<byte> Keys(int index, int count) => block.AsSpan(HeaderLength + (8 * index), 8 * count);

    private Span<byte> Values(int index, int count) => block.AsSpan(HeaderLength + (8 * Capacity) + (ValueLength * index), ValueLength * count);
}
