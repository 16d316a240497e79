using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs;

/// <summary>
/// The extents of a fork, in order of their place in the file: from the inode, or from the B-tree that it is the root of. Levels go down by one and places in the file
/// only up, so that a walk of a damaged tree ends.
/// </summary>
internal static class XfsBlockMap
{
    private const uint Magic4 = 0x424D4150; // BMAP
    private const uint Magic5 = 0x424D4133; // BMA3
    private const int MaximumLevel = 9; // XFS_BM_MAXLEVELS is below this for every block size

    /// <summary>Extents from a block of the file on: the first is the one that holds it, or the next one.</summary>
    public static IEnumerable<XfsExtent> From(XfsVolume volume, XfsInode inode, XfsFork fork, ulong fileBlock)
    {
        ulong position = 0;
        foreach (var extent in fork.Format switch
        {
            XfsFormat.Extents => InInode(fork),
            XfsFormat.Tree => InTree(volume, inode, fork, fileBlock),
            _ => [],
        })
        {
            if (extent.Count == 0 || extent.FileBlock < position)
            {
                throw XfsDiagnostics.BadExtent.ToException($"{extent.Count} blocks at block {extent.FileBlock} follow block {position}", $"inode {inode.Number}");
            }

            position = extent.End;
            if (extent.End > fileBlock)
            {
                yield return extent;
            }
        }
    }

    private static IEnumerable<XfsExtent> InInode(XfsFork fork)
    {
        for (var i = 0; i < (int)fork.ExtentCount; i++)
        {
            yield return XfsExtent.Read(fork.Bytes.Span[(i * XfsExtent.Size)..]);
        }
    }

    private static IEnumerable<XfsExtent> InTree(XfsVolume volume, XfsInode inode, XfsFork fork, ulong fileBlock)
    {
        // struct xfs_bmdr_block: level, count, keys, then pointers behind as many keys as fit.
        var root = fork.Bytes;
        var (level, count) = (BinaryPrimitives.ReadUInt16BigEndian(root.Span), BinaryPrimitives.ReadUInt16BigEndian(root.Span[2..]));
        var fits = (root.Length - 4) / 16;
        if (level == 0 || level > MaximumLevel || count == 0 || count > fits)
        {
            throw XfsDiagnostics.BadExtent.ToException($"the root of its extent tree has level {level} and {count} entries, {fits} fit", $"inode {inode.Number}");
        }

        return Children(volume, inode, root, 4, fits, count, level, fileBlock);
    }

    private static IEnumerable<XfsExtent> Children(XfsVolume volume, XfsInode inode, ReadOnlyMemory<byte> node, int keys, int fits, int count, int level, ulong fileBlock)
    {
        // The last child whose first key is not above what is looked for, and all behind it.
        var first = 0;
        while (first + 1 < count && Key(node, keys, first + 1) <= fileBlock)
        {
            first++;
        }

        for (var i = first; i < count; i++)
        {
            if (i > 0 && Key(node, keys, i) <= Key(node, keys, i - 1))
            {
                throw XfsDiagnostics.BadExtent.ToException("the keys of its extent tree are not in order", $"inode {inode.Number}");
            }

            var pointer = BinaryPrimitives.ReadUInt64BigEndian(node.Span[(keys + (fits * 8) + (i * 8))..]);
            var limit = i + 1 < count ? Key(node, keys, i + 1) : ulong.MaxValue;
            foreach (var extent in Block(volume, inode, pointer, level - 1, fileBlock))
            {
                // Without this a block that is pointed to twice would be walked twice, at each level.
                if (extent.FileBlock < Key(node, keys, i) || extent.FileBlock >= limit)
                {
                    throw XfsDiagnostics.BadExtent.ToException($"the extent at block {extent.FileBlock} stands in the wrong part of its extent tree", $"inode {inode.Number}");
                }

                yield return extent;
            }
        }
    }

    private static IEnumerable<XfsExtent> Block(XfsVolume volume, XfsInode inode, ulong block, int level, ulong fileBlock)
    {
        var isVersion5 = volume.Superblock.IsVersion5;
        var bytes = volume.ReadBlocks(block, 1);
        var magic = BinaryPrimitives.ReadUInt32BigEndian(bytes);
        int foundLevel = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(4));
        int count = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6));
        var header = isVersion5 ? 72 : 24;
        var fits = (bytes.Length - header) / 16;
        if (magic != (isVersion5 ? Magic5 : Magic4) || foundLevel != level || count == 0 || count > fits)
        {
            throw XfsDiagnostics.BadBlock.ToException($"a block of an extent tree has magic number 0x{magic:x8}, level {foundLevel}, {count} entries; level {level} was needed", $"block {block}");
        }

        volume.DemandHeader(bytes, XfsHeaderOffsets.LongTree, block, inode.Number, "a block of an extent tree");
        if (level > 0)
        {
            foreach (var extent in Children(volume, inode, bytes, header, fits, count, level, fileBlock))
            {
                yield return extent;
            }

            yield break;
        }

        for (var i = 0; i < count; i++)
        {
            yield return XfsExtent.Read(bytes.AsSpan(header + (i * XfsExtent.Size)));
        }
    }

    private static ulong Key(ReadOnlyMemory<byte> node, int keys, int index) => BinaryPrimitives.ReadUInt64BigEndian(node.Span[(keys + (index * 8))..]);
}
