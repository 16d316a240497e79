using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The inner nodes above leaves of hashes, of directories and attributes alike (struct xfs_da_intnode): laid out whole, the root in the first block.</summary>
internal static class HashNodes
{
    /// <summary>Writes links of neighbours into the header that nodes and leaves share.</summary>
    internal static void Link(Span<byte> bytes, ushort magic, uint next, uint previous)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, next);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], previous);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[8..], magic);
    }

    /// <summary>Stamps, seals and writes a node or leaf.</summary>
    internal static void Finish(Store store, ForkMap map, InodeRecord inode, uint fileBlock, byte[] bytes)
    {
        if (store.IsVersion5)
        {
            store.Stamp(bytes, XfsHeaderOffsets.Attribute, map.Demand(fileBlock), inode.Number);
            Store.Seal(bytes, XfsHeaderOffsets.Attribute.Checksum);
        }

        map.Write(fileBlock, bytes);
    }

    /// <summary>Nodes that so many leaves need, level by level; none for a single leaf.</summary>
    internal static int Count(Store store, int size, int leaves)
    {
        var total = 0;
        for (var count = leaves; count > 1;)
        {
            count = DivideUp(count, Capacity(store, size));
            total += count;
        }

        return total;
    }

    /// <summary>Writes the nodes: the root at the first place, the others behind the leaves.</summary>
    internal static void Write(Store store, ForkMap map, InodeRecord inode, int size, List<(uint Hash, uint Block)> leaves, uint root, uint firstOther, uint step)
    {
        var children = leaves;
        for (ushort level = 1; children.Count > 1; level++)
        {
            var count = DivideUp(children.Count, Capacity(store, size));
            var parents = new List<(uint Hash, uint Block)>();
            var done = 0;
            var first = firstOther;
            for (var i = 0; i < count; i++)
            {
                var here = (children.Count / count) + (i < children.Count % count ? 1 : 0);
                var place = count == 1 ? root : first + ((uint)i * step);
                var bytes = new byte[size];
                Link(bytes, store.IsVersion5 ? (ushort)0x3EBE : (ushort)0xFEBE, i + 1 < count ? place + step : 0, i > 0 ? place - step : 0);
                var header = store.IsVersion5 ? 56 : 12;
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(header), (ushort)here);
                BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(header + 2), level);
                for (var j = 0; j < here; j++)
                {
                    var at = bytes.AsSpan(HeaderSize(store) + (j * 8));
                    BinaryPrimitives.WriteUInt32BigEndian(at, children[done + j].Hash);
                    BinaryPrimitives.WriteUInt32BigEndian(at[4..], children[done + j].Block);
                }

                done += here;
                parents.Add((children[done - 1].Hash, place));
                Finish(store, map, inode, place, bytes);
            }

            firstOther += count == 1 ? 0 : (uint)count * step;
            children = parents;
        }
    }

    private static int DivideUp(int value, int by) => (value + by - 1) / by;

    private static int HeaderSize(Store store) => store.IsVersion5 ? 64 : 16;

    private static int Capacity(Store store, int size) => (size - HeaderSize(store)) / 8;
}
