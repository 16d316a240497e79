using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Xfs;

/// <summary>Reads blocks and inodes by their numbers. Metadata of version 5 is verified: checksum, the file system's id, and that it says the place it was read from.</summary>
internal sealed class XfsVolume(IBlockDevice device, XfsSuperblock superblock)
{
    private const int CacheLimit = 2048;
    private readonly Lock _gate = new();
    private Dictionary<ulong, XfsInode> _young = [];
    private Dictionary<ulong, XfsInode> _old = [];

    public XfsSuperblock Superblock => superblock;

    public IBlockDevice Device => device;

    public void Read(ulong block, long within, Span<byte> buffer)
    {
        var blocks = (ulong)((within + buffer.Length + superblock.BlockSize - 1) >> superblock.BlockLog);
        device.Read(new GuestOffset(superblock.ByteOf(block, Math.Max(1, blocks)) + within), buffer);
    }

    /// <summary>Reads blocks that follow one another.</summary>
    public byte[] ReadBlocks(ulong block, int count)
    {
        var bytes = new byte[count * superblock.BlockSize];
        Read(block, 0, bytes);
        return bytes;
    }

    /// <summary>Verifies a block of version 5 with the usual header; the offsets differ by kind.</summary>
    /// <param name="bytes">The block.</param>
    /// <param name="offsets">Where the checksum, the disk address (in 512-byte units), the id and, unless negative, the owner stand.</param>
    /// <param name="block">Number of the block.</param>
    /// <param name="owner">Inode or group that it must belong to.</param>
    /// <param name="what">What it should be, for messages.</param>
    public void DemandHeader(ReadOnlySpan<byte> bytes, XfsHeaderOffsets offsets, ulong block, ulong owner, string what)
    {
        if (!superblock.IsVersion5)
        {
            return;
        }

        var where = $"block {block}";
        if (!XfsChecksum.Matches(bytes, offsets.Checksum))
        {
            throw XfsDiagnostics.BadBlock.ToException($"the checksum of {what} is wrong", where);
        }

        var address = BinaryPrimitives.ReadUInt64BigEndian(bytes[offsets.Address..]);
        var foundOwner = offsets.OwnerBytes == 8 ? BinaryPrimitives.ReadUInt64BigEndian(bytes[offsets.Owner..]) : BinaryPrimitives.ReadUInt32BigEndian(bytes[offsets.Owner..]);
        if (address != (ulong)superblock.ByteOf(block, 1) / 512 || new Guid(bytes.Slice(offsets.Uuid, 16), bigEndian: true) != superblock.MetadataUuid || foundOwner != owner)
        {
            throw XfsDiagnostics.BadBlock.ToException($"{what} says sector {address} and owner {foundOwner}; {superblock.ByteOf(block, 1) / 512} and {owner} were needed", where);
        }
    }

    public XfsInode ReadInode(ulong number)
    {
        lock (_gate)
        {
            if (_young.TryGetValue(number, out var known))
            {
                return known;
            }

            if (_old.TryGetValue(number, out known))
            {
                Keep(number, known);
                return known;
            }
        }

        var perBlock = superblock.InodesPerBlockLog;
        if (number >> (superblock.AgBlockLog + perBlock) >= superblock.AgCount)
        {
            throw XfsDiagnostics.BadInode.ToException($"inode {number} lies beyond the last group");
        }

        var bytes = new byte[superblock.InodeSize];
        Read(number >> perBlock, (long)(number & ((1UL << perBlock) - 1)) * superblock.InodeSize, bytes);
        var inode = XfsInode.Parse(bytes, number, superblock);
        lock (_gate)
        {
            Keep(number, inode);
        }

        return inode;
    }

    private void Keep(ulong number, XfsInode inode)
    {
        if (_young.Count >= CacheLimit)
        {
            (_old, _young) = (_young, []);
        }

        _young[number] = inode;
    }
}

/// <summary>Where the fields of a version 5 header stand.</summary>
internal readonly record struct XfsHeaderOffsets(int Checksum, int Address, int Uuid, int Owner, int OwnerBytes)
{
    /// <summary>B-tree blocks whose pointers have 64 bits: struct xfs_btree_block_lhdr.</summary>
    public static readonly XfsHeaderOffsets LongTree = new(64, 24, 40, 56, 8);

    /// <summary>B-tree blocks within a group: struct xfs_btree_block_shdr.</summary>
    public static readonly XfsHeaderOffsets ShortTree = new(52, 16, 32, 48, 4);

    /// <summary>Blocks of entries of a directory: struct xfs_dir3_blk_hdr.</summary>
    public static readonly XfsHeaderOffsets Directory = new(4, 8, 24, 40, 8);

    /// <summary>Nodes and leaves of directories and attributes: struct xfs_da3_blkinfo.</summary>
    public static readonly XfsHeaderOffsets Attribute = new(12, 16, 32, 48, 8);

    /// <summary>Values of attributes and targets of links: struct xfs_attr3_rmt_hdr, xfs_dsymlink_hdr.</summary>
    public static readonly XfsHeaderOffsets Remote = new(12, 40, 16, 32, 8);
}
