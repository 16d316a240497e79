using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// What holds an extent: a tree (by its number), a tree block (by its address), or a place in a file. "Owner" is the tree's number or the block's address.
/// </summary>
internal readonly record struct BtrfsReference(byte Type, ulong Owner, ulong ObjectId = 0, ulong Offset = 0)
{
    /// <summary>Bytes of the reference when it stands in the extent's own item, its type included.</summary>
    public int InlineSize => Type switch
    {
        BtrfsKey.ExtentDataRef => 29,
        BtrfsKey.SharedDataRef => 13,
        _ => 9,
    };

    /// <summary>What references of one type are ordered by, downwards in an item; the offset of the key of one that has its own item.</summary>
    public ulong Sequence => Type == BtrfsKey.ExtentDataRef ? Hash() : Owner;

    public static BtrfsReference ToTree(ulong tree) => new(BtrfsKey.TreeBlockRef, tree);

    public static BtrfsReference ToBlock(ulong parent) => new(BtrfsKey.SharedBlockRef, parent);

    public static BtrfsReference ToFile(ulong tree, ulong inode, ulong offset) => new(BtrfsKey.ExtentDataRef, tree, inode, offset);

    public static BtrfsReference ToSharedLeaf(ulong parent) => new(BtrfsKey.SharedDataRef, parent);

    /// <summary>hash_extent_data_ref of the kernel: two CRC-32C, neither inverted, laid over each other with a bit in common.</summary>
    private ulong Hash()
    {
        Span<byte> field = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(field, Owner);
        var high = Crc32C.Update(uint.MaxValue, field);
        BinaryPrimitives.WriteUInt64LittleEndian(field, ObjectId);
        var low = Crc32C.Update(uint.MaxValue, field);
        BinaryPrimitives.WriteUInt64LittleEndian(field, Offset);
        low = Crc32C.Update(low, field);
        return ((ulong)high << 31) ^ low;
    }
}
