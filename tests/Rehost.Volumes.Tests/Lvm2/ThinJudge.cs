using System.Buffers.Binary;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>
/// Counts every use of every block in a pool's metadata, and holds it against the maps of free space: thin_check 0.9 does so for metadata only, and forgives leaks. Written
/// from the kernel's structures, and shares no code with the product.
/// </summary>
internal sealed class ThinJudge(byte[] metadata)
{
    private const int Block = 4096;

    private readonly Dictionary<long, uint> _metadataUses = [];
    private readonly Dictionary<long, uint> _dataUses = [];

    public static void AssertSound(byte[] metadata) => new ThinJudge(metadata).Judge();

    /// <summary>Judges the tree of the counts of data alone, and gives its entries back.</summary>
    public static SortedDictionary<ulong, uint> CountsOfData(byte[] metadata)
    {
        var judge = new ThinJudge(metadata);
        var counts = new SortedDictionary<ulong, uint>();
        judge.Walk(judge.Long(0, 64 + 24), 4, (key, value) => counts.Add(key, BinaryPrimitives.ReadUInt32LittleEndian(value)));
        return counts;
    }

    private void Judge()
    {
        Use(_metadataUses, 0);
        Trees(0);
        if (Long(0, 56) is var held and not 0)
        {
            Use(_metadataUses, held);
            Trees(held);
        }

        // The maps themselves are made of metadata: bitmaps, what lists them, trees of counts.
        var dataIndex = new SortedDictionary<ulong, byte[]>();
        Walk(Long(0, 64 + 16), 16, (key, value) => dataIndex.Add(key, value));
        var dataCounts = new Dictionary<ulong, uint>();
        Walk(Long(0, 64 + 24), 4, (key, value) => dataCounts.Add(key, BinaryPrimitives.ReadUInt32LittleEndian(value)));
        Use(_metadataUses, Long(0, 192 + 16));
        var metadataCounts = new Dictionary<ulong, uint>();
        Walk(Long(0, 192 + 24), 4, (key, value) => metadataCounts.Add(key, BinaryPrimitives.ReadUInt32LittleEndian(value)));
        var bitmaps = (Long(0, 192) + 16319) / 16320;
        var metadataIndex = Enumerable.Range(0, (int)bitmaps).Select(i => metadata.AsSpan((int)(Long(0, 192 + 16) * Block) + 16 + (16 * i), 16).ToArray()).ToList();
        foreach (var entry in metadataIndex.Concat(dataIndex.Values))
        {
            Use(_metadataUses, BinaryPrimitives.ReadInt64LittleEndian(entry));
        }

        Assert.Equal(Enumerable.Range(0, dataIndex.Count).Select(one => (ulong)one), dataIndex.Keys);
        Compare("data", 64, [.. dataIndex.Values], dataCounts, _dataUses);
        Compare("metadata", 192, metadataIndex, metadataCounts, _metadataUses);
    }

    private void Trees(long superblock)
    {
        var mapped = new Dictionary<ulong, ulong>();
        Walk(Long(superblock, 320), 8, (device, root) =>
        {
            var count = 0UL;
            Walk(BinaryPrimitives.ReadInt64LittleEndian(root), 8, (_, value) => Use(_dataUses, (long)(BinaryPrimitives.ReadUInt64LittleEndian(value) >> 24)));
            Visit(BinaryPrimitives.ReadInt64LittleEndian(root), 8, (_, _) => count++, _ => true, isRoot: true);
            mapped[device] = count;
        });
        Visit(Long(superblock, 328), 24, (device, value) => Assert.Equal(mapped[device], BinaryPrimitives.ReadUInt64LittleEndian(value)), _ => true, isRoot: true);
        Walk(Long(superblock, 328), 24, (_, _) => { });
    }

    /// <summary>Counts a use of a tree; what a node leads to is used once, however often the node is.</summary>
    private void Walk(long root, int valueLength, Action<ulong, byte[]> leaf) => Visit(root, valueLength, leaf, number => Use(_metadataUses, number), isRoot: true);

    private void Visit(long number, int valueLength, Action<ulong, byte[]> leaf, Func<long, bool> isNew, bool isRoot)
    {
        if (!isNew(number))
        {
            return;
        }

        Assert.Equal(number, Long(number, 8));
        var (flags, count, capacity, length) = (Int(number, 4), (int)Int(number, 16), (int)Int(number, 20), (int)Int(number, 24));
        var expected = flags == 1 ? 8 : valueLength;
        Assert.Equal(expected, length);
        Assert.Equal((Block - 32) / (8 + expected) / 3 * 3, capacity);
        Assert.InRange(count, isRoot ? 0 : capacity / 3, capacity);
        for (var i = 0; i < count; i++)
        {
            var key = (ulong)Long(number, 32 + (8 * i));
            Assert.True(i == 0 || key > (ulong)Long(number, 32 + (8 * (i - 1))), $"block {number}: keys out of order");
            var value = metadata.AsSpan((int)(number * Block) + 32 + (8 * capacity) + (length * i), length).ToArray();
            if (flags == 1)
            {
                var child = BinaryPrimitives.ReadInt64LittleEndian(value);
                Assert.True((ulong)Long(child, 32) >= key && (i == count - 1 || (ulong)Long(child, 32 + (8 * ((int)Int(child, 16) - 1))) < (ulong)Long(number, 32 + (8 * (i + 1)))), $"block {child}: keys outside its parent's");
                Visit(child, valueLength, leaf, isNew, isRoot: false);
            }
            else
            {
                leaf(key, value);
            }
        }
    }

    private void Compare(string what, int root, List<byte[]> index, Dictionary<ulong, uint> counts, Dictionary<long, uint> uses)
    {
        var allocated = 0L;
        for (var i = 0; i < index.Count; i++)
        {
            var bitmap = BinaryPrimitives.ReadInt64LittleEndian(index[i]);
            Assert.Equal(bitmap, Long(bitmap, 8));
            var (free, first) = (0U, -1);
            for (var entry = 0; entry < 16320 && (i * 16320L) + entry < Long(0, root); entry++)
            {
                var block = (i * 16320L) + entry;
                var word = BinaryPrimitives.ReadUInt64LittleEndian(metadata.AsSpan((int)(bitmap * Block) + 16 + (entry / 32 * 8)));
                var (high, low) = ((word >> (entry % 32 * 2)) & 1, (word >> ((entry % 32 * 2) + 1)) & 1);
                var stored = (uint)((high << 1) | low);
                Assert.Equal(stored == 3, counts.ContainsKey((ulong)block));
                stored = counts.GetValueOrDefault((ulong)block, stored);
                Assert.True(uses.GetValueOrDefault(block) == stored, $"{what} block {block} is used {uses.GetValueOrDefault(block)} times, and counted {stored} times");
                free += stored == 0 ? 1U : 0;
                first = stored == 0 && first < 0 ? entry : first;
                allocated += stored == 0 ? 0 : 1;
            }


            // thin_restore 0.9 leaves one free block of metadata out of the count and behind the place where looking begins.
            Assert.InRange(BinaryPrimitives.ReadUInt32LittleEndian(index[i].AsSpan(8)), what == "metadata" && free > 0 ? free - 1 : free, free);
            Assert.True(what == "metadata" || first < 0 || BinaryPrimitives.ReadUInt32LittleEndian(index[i].AsSpan(12)) <= first, $"{what} bitmap {i}: a free block stands before where looking begins");
        }

        Assert.InRange(Long(0, root + 8), allocated, what == "metadata" ? allocated + 1 : allocated);
    }

    private static bool Use(Dictionary<long, uint> uses, long number)
    {
        uses[number] = uses.GetValueOrDefault(number) + 1;
        return uses[number] == 1;
    }

    private uint Int(long block, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(metadata.AsSpan((int)(block * Block) + offset));

    private long Long(long block, int offset) => BinaryPrimitives.ReadInt64LittleEndian(metadata.AsSpan((int)(block * Block) + offset));
}
