using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// The free space tree (space cache v2): for each block group a count, and its free ranges either as items of their own or as bitmaps. The form that a group has is kept:
/// the kernel changes it when it sees fit.
/// </summary>
internal static class BtrfsFreeSpaceTree
{
    private const int InfoSize = 8;
    private const uint UsesBitmaps = 1;

    public static void Store(BtrfsChangedTree tree, BtrfsBlockGroup group, ulong sectorSize)
    {
        var free = group.Free();
        var infoKey = new BtrfsKey(group.Chunk.Start, BtrfsKey.FreeSpaceInfo, group.Chunk.Length);
        var flags = tree.Get(infoKey) is { Data.Length: >= InfoSize } old ? BinaryPrimitives.ReadUInt32LittleEndian(old.Data.Span[4..]) : 0;
        var info = new byte[InfoSize];
        BinaryPrimitives.WriteUInt32LittleEndian(info, (uint)free.Count);
        BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(4), flags);
        var wanted = new SortedDictionary<BtrfsKey, ReadOnlyMemory<byte>> { [infoKey] = info };
        var stored = tree.Reading.From(new BtrfsKey(group.Chunk.Start, 0, 0)).TakeWhile(item => item.Key.ObjectId < group.Chunk.End).ToList();
        if ((flags & UsesBitmaps) != 0)
        {
            foreach (var bitmap in stored.Where(item => item.Key.Type == BtrfsKey.FreeSpaceBitmap))
            {
                wanted[bitmap.Key] = ToBitmap(bitmap, free, sectorSize);
            }
        }
        else
        {
            foreach (var (start, end) in free)
            {
                wanted[new BtrfsKey(start, BtrfsKey.FreeSpaceExtent, end - start)] = ReadOnlyMemory<byte>.Empty;
            }
        }

        foreach (var item in stored)
        {
            if (!wanted.Remove(item.Key, out var data))
            {
                tree.Remove(item.Key);
            }
            else if (!data.Span.SequenceEqual(item.Data.Span))
            {
                tree.Put(item.Key, data);
            }
        }

        foreach (var (key, data) in wanted)
        {
            tree.Put(key, data);
        }
    }

    private static byte[] ToBitmap(BtrfsItem item, List<(ulong Start, ulong End)> free, ulong sectorSize)
    {
        var bits = new byte[item.Data.Length];
        if (item.Key.Offset / sectorSize > (ulong)bits.Length * 8)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"a bitmap of {bits.Length} bytes is for {item.Key.Offset} bytes", $"item {item.Key}");
        }

        var (from, to) = (item.Key.ObjectId, item.Key.ObjectId + item.Key.Offset);
        foreach (var (start, end) in free)
        {
            for (var at = Math.Max(start, from); at < Math.Min(end, to); at += sectorSize)
            {
                var bit = (int)((at - from) / sectorSize);
                bits[bit / 8] |= (byte)(1 << (bit % 8));
            }
        }

        return bits;
    }
}
