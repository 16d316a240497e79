using System.Buffers.Binary;

namespace Rehost.Volumes.Lvm2;

/// <summary>A checked node of one of the device-mapper's B-trees (drivers/md/persistent-data/dm-btree-internal.h): a header of 32 bytes, keys, values.</summary>
internal sealed class ThinNode(byte[] block)
{
    private const int HeaderLength = 32;

    public bool IsLeaf => (BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(4)) & 2) != 0;

    public int Count => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(16));

    public int ValueLength => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(24));

    private int Capacity => (int)BinaryPrimitives.ReadUInt32LittleEndian(block.AsSpan(20));

    /// <summary>Whether counts and sizes fit a block.</summary>
    public static bool IsSound(ReadOnlySpan<byte> block)
    {
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(block[16..]);
        var capacity = BinaryPrimitives.ReadUInt32LittleEndian(block[20..]);
        var value = BinaryPrimitives.ReadUInt32LittleEndian(block[24..]);
        return flags is 1 or 2 && count <= capacity && capacity <= block.Length / 8 && value is >= 8 and <= 128 && HeaderLength + ((long)capacity * (8 + value)) <= block.Length;
    }

    public ulong Key(int index) => BinaryPrimitives.ReadUInt64LittleEndian(block.AsSpan(HeaderLength + (8 * index)));

    public ReadOnlySpan<byte> Value(int index) => block.AsSpan(HeaderLength + (8 * Capacity) + (ValueLength * index), ValueLength);

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
}
