using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// A block of a tree, verified when it is made: checksum, address, file system, generation, level, order of keys, and that each item lies within the block. Level 0 is
/// a leaf (struct btrfs_leaf), others hold pointers (struct btrfs_node).
/// </summary>
internal sealed class BtrfsTreeBlock : BtrfsNode
{
    public const int HeaderSize = 0x65;
    public const int ItemSize = 25;
    public const int PointerSize = 33;

    private readonly byte[] _bytes;

    private BtrfsTreeBlock(byte[] bytes) => _bytes = bytes;

    public override int Level => _bytes[0x64];

    public override int Count => (int)BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(0x60));

    /// <summary>The tree that it was made for; others may share it.</summary>
    public ulong Owner => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(0x58));

    /// <summary>The same in every tree block of a file system.</summary>
    public ReadOnlySpan<byte> ChunkTreeId => _bytes.AsSpan(0x40, 16);

    public ulong Generation => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(0x50));

    /// <summary>Verifies a block.</summary>
    public static BtrfsTreeBlock Parse(byte[] bytes, ulong logical, int level, ulong generation, BtrfsSuperblock superblock)
    {
        var block = new BtrfsTreeBlock(bytes);
        var where = $"tree block {logical}";
        if (!superblock.Checksum.Matches(bytes.AsSpan(BtrfsChecksum.FieldSize), bytes))
        {
            throw BtrfsDiagnostics.BadTreeBlock.ToException($"its {superblock.Checksum.Name} is wrong", where);
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x30)) != logical || new Guid(bytes.AsSpan(0x20, 16), bigEndian: true) != superblock.MetadataId
            || block.Level != level || block.Generation != generation)
        {
            throw BtrfsDiagnostics.BadTreeBlock.ToException(
                $"it says address {BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(0x30))}, level {block.Level}, generation {block.Generation}; level {level}, generation {generation} were needed", where);
        }

        var count = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(0x60));
        if (count > (uint)((bytes.Length - HeaderSize) / (level == 0 ? ItemSize : PointerSize)) || (level > 0 && count == 0))
        {
            throw BtrfsDiagnostics.BadTreeBlock.ToException($"it has {count} items", where);
        }

        for (var i = 0; i < block.Count; i++)
        {
            if (i > 0 && block.KeyAt(i) <= block.KeyAt(i - 1))
            {
                throw BtrfsDiagnostics.BadTreeBlock.ToException($"key {i}, {block.KeyAt(i)}, is not above {block.KeyAt(i - 1)}", where);
            }

            if (level == 0 && block.RangeAt(i) is var (offset, size) && (offset < (long)block.Count * ItemSize || offset + size > bytes.Length - HeaderSize))
            {
                throw BtrfsDiagnostics.BadTreeBlock.ToException($"item {i} has {size} bytes at {offset}", where);
            }
        }

        return block;
    }

    public override BtrfsKey KeyAt(int index) => BtrfsKey.Read(_bytes.AsSpan(HeaderSize + (index * (Level == 0 ? ItemSize : PointerSize))));

    /// <summary>Bytes of an item of a leaf.</summary>
    public override ReadOnlyMemory<byte> DataAt(int index)
    {
        var (offset, size) = RangeAt(index);
        return _bytes.AsMemory(HeaderSize + (int)offset, (int)size);
    }

    /// <summary>Address and generation of a child.</summary>
    public override BtrfsPointer PointerAt(int index)
    {
        var at = HeaderSize + (index * PointerSize) + BtrfsKey.Size;
        return new BtrfsPointer(BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at)), BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at + 8)));
    }

    private (long Offset, long Size) RangeAt(int index)
    {
        var at = HeaderSize + (index * ItemSize) + BtrfsKey.Size;
        return (BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at)), BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at + 4)));
    }
}
