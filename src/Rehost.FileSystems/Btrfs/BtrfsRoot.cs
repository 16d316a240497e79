using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>struct btrfs_root_item: where a tree is.</summary>
internal readonly record struct BtrfsRoot(BtrfsKey Key, ulong Logical, int Level, ulong Generation, bool IsReadOnly, ulong UsedBytes)
{
    /// <summary>With the UUIDs and times that later kernels added.</summary>
    public const int FullSize = 439;

    private const int Size = 239;

    public static BtrfsRoot Parse(BtrfsItem item)
    {
        var data = item.Data.Span;
        if (data.Length < Size || data[238] > BtrfsTree.MaximumLevel)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"a root item of {data.Length} bytes", $"item {item.Key}");
        }

        return new BtrfsRoot(
            item.Key, BinaryPrimitives.ReadUInt64LittleEndian(data[176..]), data[238], BinaryPrimitives.ReadUInt64LittleEndian(data[160..]), (data[208] & 1) != 0,
            BinaryPrimitives.ReadUInt64LittleEndian(data[192..]));
    }

    public BtrfsTree Open(BtrfsVolume volume) => new(volume, Logical, Level, Generation);
}
