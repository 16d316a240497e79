using System.Buffers.Binary;
using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Where things lie: to name what a damaged block belongs to.</summary>
public sealed partial class ExtFileSystem : IContentPlaces
{
    private const uint LastSpecialInode = 10;

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> PlacesOf(NodeId node)
    {
        if (node.Value == 0 || node.Value > _volume.Super.InodesCount)
        {
            yield break;
        }

        var (block, offset, _, _) = _volume.Inodes.Locate((uint)node.Value);
        yield return new ContentPlace(new ByteRange(((long)block << _volume.Super.BlockSizeBits) + offset, _volume.Super.InodeSize), "inode");
        var inode = _volume.Inodes.Get((uint)node.Value);
        foreach (var place in ContentOf(inode, inode.IsDirectory ? "directory" : inode.IsLink ? "link target" : "content"))
        {
            yield return place;
        }

        if (inode.XattrBlock != 0)
        {
            yield return ToPlace(inode.XattrBlock, 1, "extended attributes");
        }

        foreach (var entry in XattrReader.ReadBody(inode).Concat(_volume.Xattrs.ReadBlock(inode)).Where(entry => entry.ValueInode != 0 && entry.ValueInode <= _volume.Super.InodesCount))
        {
            foreach (var place in ContentOf(_volume.Inodes.Get(entry.ValueInode), "extended attribute"))
            {
                yield return place;
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> OwnPlaces()
    {
        var super = _volume.Super;
        var tableBlocks = ((super.InodesPerGroup * (ulong)super.InodeSize) + (ulong)super.BlockSize - 1) / (ulong)super.BlockSize;
        yield return new ContentPlace(new ByteRange(0, (long)(super.FirstDataBlock + 1) << super.BlockSizeBits), "boot block and superblock");
        for (var group = 0u; group < super.GroupCount; group++)
        {
            var name = group.ToString(CultureInfo.InvariantCulture);
            if (super.BaseMetadataBlocks(group) is var count and > 0)
            {
                yield return ToPlace(super.GroupFirstBlock(group), count, $"superblock and descriptors of group {name}");
            }

            var descriptor = _volume.Groups.Get(group);
            yield return ToPlace(descriptor.BlockBitmap, 1, $"block bitmap of group {name}");
            yield return ToPlace(descriptor.InodeBitmap, 1, $"inode bitmap of group {name}");
            yield return ToPlace(descriptor.InodeTable, tableBlocks, $"inode table of group {name}");
        }

        if (super.Has(IncompatFeatures.Mmp) && super.MmpBlock != 0)
        {
            yield return ToPlace(super.MmpBlock, 1, "protection against multiple mounts");
        }

        foreach (var number in SpecialInodes())
        {
            var what = number == super.JournalInode ? "journal" : number == super.OrphanFileInode ? "orphan file" : number switch
            {
                1 => "bad blocks",
                3 or 4 => "quota",
                7 => "room for group descriptors",
                _ => $"inode {number.ToString(CultureInfo.InvariantCulture)} of the file system",
            };
            foreach (var place in ContentOf(_volume.Inodes.GetRaw(number), what))
            {
                yield return place;
            }
        }
    }

    private IEnumerable<uint> SpecialInodes()
    {
        var super = _volume.Super;
        uint[] all = [.. Enumerable.Range(1, (int)LastSpecialInode).Select(number => (uint)number), super.JournalInode, super.OrphanFileInode];
        return all.Where(number => number is not 0 and not InodeTable.RootInode && number <= super.InodesCount && IsUsed(number)).Distinct();
    }

    // The numbers below the first free one have no names, and most of them were never written.
    private bool IsUsed(uint number)
    {
        var raw = _volume.Inodes.GetRaw(number);
        return raw.Mode != 0 || raw.SizeLow != 0;
    }

    private IEnumerable<ContentPlace> ContentOf(ExtInode inode, string what)
    {
        if (inode.Has(InodeFlags.InlineData) || inode.IsFastLink || inode.Type is ExtInode.TypeCharacter or ExtInode.TypeBlock or ExtInode.TypeFifo or ExtInode.TypeSocket)
        {
            yield break;
        }

        if (!inode.Has(InodeFlags.Extents))
        {
            foreach (var place in MappedContentOf(inode, what))
            {
                yield return place;
            }

            yield break;
        }

        var (runs, nodes) = (new List<BlockRun>(), new List<ulong>());
        _volume.Extents.Load(inode, runs, nodes);
        foreach (var node in nodes)
        {
            yield return ToPlace(node, 1, "extent map");
        }

        foreach (var run in runs.Where(run => run.Kind != RunKind.Hole))
        {
            yield return ToPlace(run.Physical, run.Count, run.Kind == RunKind.Unwritten ? $"{what}, reserved and never written" : what);
        }
    }

    private IEnumerable<ContentPlace> MappedContentOf(ExtInode inode, string what)
    {
        for (var index = 0; index < BlockMap.DirectCount + 3; index++)
        {
            var block = BinaryPrimitives.ReadUInt32LittleEndian(inode.BlockArea[(index * 4)..]);
            foreach (var place in Mapped(inode, block, Math.Max(0, index - BlockMap.DirectCount + 1), what))
            {
                yield return place;
            }
        }
    }

    private IEnumerable<ContentPlace> Mapped(ExtInode inode, uint block, int level, string what)
    {
        if (block == 0)
        {
            yield break;
        }

        _volume.Map.CheckBlock(inode, block);
        yield return ToPlace(block, 1, level == 0 ? what : "block map");
        if (level == 0)
        {
            yield break;
        }

        // At most three levels, whatever the blocks hold.
        var table = _volume.Cache.Read(block);
        for (var at = 0; at < table.Length; at += 4)
        {
            foreach (var place in Mapped(inode, BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(at)), level - 1, what))
            {
                yield return place;
            }
        }
    }

    private ContentPlace ToPlace(ulong block, ulong count, string what)
        => new(new ByteRange((long)block << _volume.Super.BlockSizeBits, (long)count << _volume.Super.BlockSizeBits), what);
}
