using System.Buffers.Binary;
using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <summary>Where things lie: to name what a damaged block belongs to.</summary>
public sealed partial class XfsFileSystem : IContentPlaces
{
    private const int HeaderSectors = 4; // superblock, free space, inodes, free list: a sector each
    private const int DeepestTree = 9;

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> PlacesOf(NodeId node)
    {
        var superblock = _volume.Superblock;
        var perBlock = superblock.InodesPerBlockLog;
        var start = superblock.ByteOf(node.Value >> perBlock, 1) + ((long)(node.Value & ((1UL << perBlock) - 1)) * superblock.InodeSize);
        yield return new ContentPlace(new ByteRange(start, superblock.InodeSize), "inode");
        var inode = _volume.ReadInode(node.Value);
        if (!inode.IsRealtime)
        {
            var what = inode.Kind switch { NodeKind.Directory => "directory", NodeKind.SymbolicLink => "link target", _ => "content" };
            foreach (var place in ForkPlaces(inode, inode.Data, what))
            {
                yield return place;
            }
        }

        if (inode.Attributes is { } attributes)
        {
            foreach (var place in ForkPlaces(inode, attributes, "extended attributes"))
            {
                yield return place;
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> OwnPlaces()
    {
        var superblock = _volume.Superblock;
        for (uint group = 0; group < superblock.AgCount; group++)
        {
            var start = (long)group * superblock.AgBlocks * superblock.BlockSize;
            yield return new ContentPlace(new ByteRange(start, (long)HeaderSectors * superblock.SectorSize), $"headers of group {group.ToString(CultureInfo.InvariantCulture)}");
        }

        if (superblock.LogStart != 0)
        {
            yield return ToPlace(superblock.LogStart, superblock.LogBlocks, "journal");
        }
    }

    private IEnumerable<ContentPlace> ForkPlaces(XfsInode inode, XfsFork fork, string what)
    {
        if (fork.Format == XfsFormat.Tree)
        {
            // The first level of the tree hangs in the inode: struct xfs_bmdr_block.
            var root = fork.Bytes;
            var (level, count) = (BinaryPrimitives.ReadUInt16BigEndian(root.Span), BinaryPrimitives.ReadUInt16BigEndian(root.Span[2..]));
            foreach (var place in TreePlaces(root, 4, (root.Length - 4) / 16, count, level))
            {
                yield return place;
            }
        }

        foreach (var extent in XfsBlockMap.From(_volume, inode, fork, 0))
        {
            yield return ToPlace(extent.Block, extent.Count, extent.IsUnwritten ? $"{what}, reserved and never written" : what);
        }
    }

    private IEnumerable<ContentPlace> TreePlaces(ReadOnlyMemory<byte> node, int keys, int fits, int count, int level)
    {
        for (var i = 0; i < Math.Min(count, fits) && level is > 0 and <= DeepestTree; i++)
        {
            var block = BinaryPrimitives.ReadUInt64BigEndian(node.Span[(keys + (fits * 8) + (i * 8))..]);
            yield return ToPlace(block, 1, "extent map");
            if (level > 1)
            {
                var bytes = _volume.ReadBlocks(block, 1);
                var header = _volume.Superblock.IsVersion5 ? 72 : 24;
                foreach (var place in TreePlaces(bytes, header, (bytes.Length - header) / 16, BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(6)), level - 1))
                {
                    yield return place;
                }
            }
        }
    }

    private ContentPlace ToPlace(ulong block, ulong count, string what)
        => new(new ByteRange(_volume.Superblock.ByteOf(block, count), (long)count << _volume.Superblock.BlockLog), what);
}
