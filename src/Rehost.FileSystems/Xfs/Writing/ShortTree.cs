using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>
/// The B-trees of an allocation group. They are read whole and laid out anew over their blocks when something changed, as xfs_repair does it: one simple way for all of
/// them instead of splits and merges of each.
/// </summary>
internal sealed record ShortTree(uint Magic4, uint Magic5, int RecordSize, int KeySize, bool HasHighKeys)
{
    internal static readonly ShortTree ByBlock = new(0x41425442, 0x41423342, 8, 8, false);
    internal static readonly ShortTree BySize = new(0x41425443, 0x41423343, 8, 8, false);
    internal static readonly ShortTree Inodes = new(0x49414254, 0x49414233, 16, 4, false);
    internal static readonly ShortTree FreeInodes = new(0x46494254, 0x46494233, 16, 4, false);
    internal static readonly ShortTree Owners = new(0, 0x524D4233, 24, 20, true);
    internal static readonly ShortTree References = new(0, 0x52334643, 12, 4, false);

    private const int MaximumLevels = 12;
    private const uint None = uint.MaxValue;

    private int NodeKeySize => HasHighKeys ? KeySize * 2 : KeySize;

    /// <summary>Reads all records, one behind the other, and says which blocks the tree has.</summary>
    internal byte[] Read(Store store, uint group, uint root, uint levels, HashSet<uint> seen, List<uint> blocks)
    {
        if (levels is 0 or > MaximumLevels)
        {
            throw XfsDiagnostics.BadBlock.ToException($"a tree of {levels} levels", $"group {group}");
        }

        var header = HeaderSize(store);
        var records = new List<byte>();
        List<uint> current = [root];
        for (var level = (int)levels - 1; level >= 0; level--)
        {
            var next = new List<uint>();
            foreach (var block in current)
            {
                if (block >= store.Super.AgBlocks || !seen.Add(block))
                {
                    throw XfsDiagnostics.BadBlock.ToException($"block {block} belongs to two trees, or lies outside", $"group {group}");
                }

                blocks.Add(block);
                var place = store.ToBlock(group, block);
                var bytes = store.ReadBlock(place);
                var (magic, found, count) = (BinaryPrimitives.ReadUInt32BigEndian(bytes), BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(4)), BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6)));
                var capacity = level == 0 ? LeafCapacity(store) : NodeCapacity(store);
                if (magic != (store.IsVersion5 ? Magic5 : Magic4) || found != level || count > capacity || (level > 0 && count == 0))
                {
                    throw XfsDiagnostics.BadBlock.ToException($"a tree block has magic number 0x{magic:x8}, level {found}, {count} entries; 0x{(store.IsVersion5 ? Magic5 : Magic4):x8} and {level} were needed", $"block {place}");
                }

                Verify(store, bytes, place, group);
                if (level == 0)
                {
                    records.AddRange(bytes.AsSpan(header, count * RecordSize));
                    continue;
                }

                for (var i = 0; i < count; i++)
                {
                    next.Add(BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(header + (capacity * NodeKeySize) + (i * 4))));
                }
            }

            current = next;
        }

        return [.. records];
    }

    /// <summary>Blocks that a tree of so many records takes.</summary>
    internal int CountBlocks(Store store, int records)
    {
        var total = 0;
        for (var count = Math.Max(1, DivideUp(records, LeafCapacity(store))); ; count = DivideUp(count, NodeCapacity(store)))
        {
            total += count;
            if (count == 1)
            {
                return total;
            }
        }
    }

    /// <summary>Levels of a tree of so many records.</summary>
    internal int CountLevels(Store store, int records)
    {
        var levels = 1;
        for (var count = Math.Max(1, DivideUp(records, LeafCapacity(store))); count > 1; count = DivideUp(count, NodeCapacity(store)))
        {
            levels++;
        }

        return levels;
    }

    /// <summary>Writes the tree into blocks; as many as <see cref="CountBlocks"/> says.</summary>
    internal (uint Root, uint Levels) Write(Store store, uint group, ReadOnlySpan<byte> records, ReadOnlySpan<uint> blocks)
    {
        var header = HeaderSize(store);
        var count = records.Length / RecordSize;
        var children = new List<Child>();
        var (used, done) = (0, 0);
        var leaves = Math.Max(1, DivideUp(count, LeafCapacity(store)));
        for (var i = 0; i < leaves; i++)
        {
            var here = Share(count, leaves, i);
            var bytes = Begin(store, group, 0, here, blocks.Slice(used, leaves), i);
            var part = records.Slice(done * RecordSize, here * RecordSize);
            part.CopyTo(bytes.AsSpan(header));
            Finish(store, group, bytes, blocks[used + i]);
            children.Add(ToChild(part, blocks[used + i]));
            done += here;
        }

        used += leaves;
        ushort level = 1;
        for (; children.Count > 1; level++)
        {
            var parents = new List<Child>();
            var nodes = DivideUp(children.Count, NodeCapacity(store));
            done = 0;
            for (var i = 0; i < nodes; i++)
            {
                var here = Share(children.Count, nodes, i);
                var bytes = Begin(store, group, level, here, blocks.Slice(used, nodes), i);
                for (var j = 0; j < here; j++)
                {
                    var child = children[done + j];
                    child.Low.CopyTo(bytes.AsSpan(header + (j * NodeKeySize)));
                    if (HasHighKeys)
                    {
                        child.High.CopyTo(bytes.AsSpan(header + (j * NodeKeySize) + KeySize));
                    }

                    BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(header + (NodeCapacity(store) * NodeKeySize) + (j * 4)), child.Block);
                }

                Finish(store, group, bytes, blocks[used + i]);
                parents.Add(new Child(children[done].Low, children.GetRange(done, here).Select(child => child.High).Aggregate(Later), blocks[used + i]));
                done += here;
            }

            used += nodes;
            children = parents;
        }

        return (children[0].Block, level);
    }

    private static int DivideUp(int value, int by) => (value + by - 1) / by;

    /// <summary>An even share, so that no block has less than half of what it can hold.</summary>
    private static int Share(int count, int blocks, int index) => (count / blocks) + (index < count % blocks ? 1 : 0);

    private static int HeaderSize(Store store) => store.IsVersion5 ? 56 : 16;

    private static void Verify(Store store, byte[] bytes, ulong place, uint group)
    {
        var offsets = XfsHeaderOffsets.ShortTree;
        if (store.IsVersion5
            && (!XfsChecksum.Matches(bytes, offsets.Checksum) || BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(offsets.Address)) != (ulong)store.ByteOf(place) / 512
                || BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(offsets.Owner)) != group || new Guid(bytes.AsSpan(offsets.Uuid, 16), bigEndian: true) != store.Super.MetadataUuid))
        {
            throw XfsDiagnostics.BadBlock.ToException("checksum, place, owner or id of a tree block is wrong", $"block {place}");
        }
    }

    private static byte[] Begin(Store store, uint group, ushort level, int count, ReadOnlySpan<uint> siblings, int index)
    {
        var bytes = new byte[store.BlockSize];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), level);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)count);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), index > 0 ? siblings[index - 1] : None);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), index + 1 < siblings.Length ? siblings[index + 1] : None);
        store.Stamp(bytes, XfsHeaderOffsets.ShortTree, store.ToBlock(group, siblings[index]), group);
        return bytes;
    }

    private void Finish(Store store, uint group, byte[] bytes, uint block)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, store.IsVersion5 ? Magic5 : Magic4);
        if (store.IsVersion5)
        {
            Store.Seal(bytes, XfsHeaderOffsets.ShortTree.Checksum);
        }

        store.WriteIfChanged(store.ByteOf(store.ToBlock(group, block)), bytes);
    }

    private int LeafCapacity(Store store) => (store.BlockSize - HeaderSize(store)) / RecordSize;

    private int NodeCapacity(Store store) => (store.BlockSize - HeaderSize(store)) / (NodeKeySize + 4);

    private Child ToChild(ReadOnlySpan<byte> records, uint block)
    {
        if (records.IsEmpty)
        {
            return new Child(new byte[KeySize], new byte[KeySize], block);
        }

        if (!HasHighKeys)
        {
            return new Child(records[..KeySize].ToArray(), [], block);
        }

        var high = Array.Empty<byte>();
        for (var at = 0; at < records.Length; at += RecordSize)
        {
            var candidate = OwnerRecord.Parse(records[at..]).ToHighKey();
            high = high.Length == 0 ? candidate : Later(high, candidate);
        }

        return new Child(OwnerRecord.Parse(records).ToLowKey(), high, block);
    }

    private static byte[] Later(byte[] one, byte[] other) => one.AsSpan().SequenceCompareTo(other) >= 0 ? one : other;

    private sealed record Child(byte[] Low, byte[] High, uint Block);
}
