using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>
/// Finds the journal's blocks from the journal inode: its extents or its block map. Reads the device itself, and not through the file system's own readers and their
/// cache, because before recovery most metadata is stale; only the journal inode never changes after mke2fs. When it is unusable, its copy in the superblock serves.
/// </summary>
internal static class JournalInode
{
    private const int BlockMapOffset = 0x28;
    private const int BlockMapSize = 60;
    private const int DirectBlocks = 12;
    private const uint ExtentsFlag = 0x80000;
    private const ushort ExtentMagic = 0xF30A;
    private const int MaximumExtentDepth = 5;
    private const int UnwrittenBase = 32768;
    private const ushort RegularFile = 0x8000;
    private const int BackupTypeOffset = 0xFD;
    private const int BackupOffset = 0x10C;
    private const byte BackupOfBlocks = 1;

    /// <summary>Maps the journal.</summary>
    /// <exception cref="DiagnosticException">Neither the inode nor its copy is usable.</exception>
    public static JournalBlocks Map(IBlockDevice device, ExtSuperblock superblock)
    {
        try
        {
            return FromInode(device, superblock);
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == ExtJournalDiagnostics.Damaged.Id && superblock.Raw[BackupTypeOffset] == BackupOfBlocks)
        {
            var copy = superblock.Raw.Slice(BackupOffset, BlockMapSize + 8); // i_block, i_size_high, i_size
            var high = BinaryPrimitives.ReadUInt32LittleEndian(copy[BlockMapSize..]);
            var low = BinaryPrimitives.ReadUInt32LittleEndian(copy[(BlockMapSize + 4)..]);
            var map = copy[..BlockMapSize];
            return FromMap(device, superblock, map, IsExtents(map), ((ulong)high << 32) | low);
        }
    }

    private static JournalBlocks FromInode(IBlockDevice device, ExtSuperblock superblock)
    {
        var number = superblock.JournalInode;
        if (number == 0 || number > superblock.InodesCount)
        {
            throw Bad($"inode number {number} of {superblock.InodesCount}");
        }

        var group = (number - 1) / superblock.InodesPerGroup;
        var descriptorBlock = superblock.DescriptorBlock(group / (uint)superblock.DescriptorsPerBlock);
        var descriptor = new byte[superblock.DescriptorSize];
        DemandBlock(superblock, descriptorBlock);
        device.Read(ToOffset(superblock, descriptorBlock) + ((group % (uint)superblock.DescriptorsPerBlock) * (long)superblock.DescriptorSize), descriptor);
        ulong table = BinaryPrimitives.ReadUInt32LittleEndian(descriptor.AsSpan(0x8));
        if (superblock.DescriptorSize >= 64)
        {
            table |= (ulong)BinaryPrimitives.ReadUInt32LittleEndian(descriptor.AsSpan(0x28)) << 32;
        }

        var within = (number - 1) % superblock.InodesPerGroup * (long)superblock.InodeSize;
        DemandBlock(superblock, table);
        DemandBlock(superblock, table + (ulong)(within / superblock.BlockSize));
        var inode = new byte[128];
        device.Read(ToOffset(superblock, table) + within, inode);

        var mode = BinaryPrimitives.ReadUInt16LittleEndian(inode);
        var links = BinaryPrimitives.ReadUInt16LittleEndian(inode.AsSpan(0x1A));
        if ((mode & 0xF000) != RegularFile || links == 0)
        {
            throw Bad($"mode 0x{mode:x4} and {links} links; a regular file with a link is needed");
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(inode.AsSpan(0x4)) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(inode.AsSpan(0x6C)) << 32);
        var flags = BinaryPrimitives.ReadUInt32LittleEndian(inode.AsSpan(0x20));
        return FromMap(device, superblock, inode.AsSpan(BlockMapOffset, BlockMapSize), (flags & ExtentsFlag) != 0, size);
    }

    private static JournalBlocks FromMap(IBlockDevice device, ExtSuperblock superblock, ReadOnlySpan<byte> map, bool extents, ulong size)
    {
        var wanted = size >> superblock.BlockSizeBits;
        if (wanted < 2 || wanted > superblock.BlocksCount || wanted > uint.MaxValue)
        {
            throw Bad($"size {size} in a file system of {superblock.BlocksCount} blocks");
        }

        var blocks = new JournalBlocks(device, superblock.BlockSize, (long)superblock.BlocksCount);
        if (extents)
        {
            AddExtents(device, superblock, map, blocks, (long)wanted);
        }
        else
        {
            AddBlockMap(device, superblock, map, blocks, (long)wanted);
        }

        return blocks.Count >= (long)wanted ? blocks : throw Bad($"{blocks.Count} of {wanted} blocks are mapped");
    }

    private static bool IsExtents(ReadOnlySpan<byte> map) => BinaryPrimitives.ReadUInt16LittleEndian(map) == ExtentMagic;

    /// <summary>Depth first without recursion; <see cref="JournalBlocks.Add"/> takes blocks only in order, so no damaged tree can be walked for ever.</summary>
    private static void AddExtents(IBlockDevice device, ExtSuperblock superblock, ReadOnlySpan<byte> root, JournalBlocks blocks, long wanted)
    {
        var work = new Stack<(byte[] Node, int Next, int Depth)>();
        work.Push((root.ToArray(), 0, -1));
        var nodesLeft = wanted + MaximumExtentDepth; // each leaf maps a block at least
        while (work.TryPop(out var item))
        {
            var (node, next, depth) = item;
            var header = node.AsSpan();
            var entries = BinaryPrimitives.ReadUInt16LittleEndian(header[2..]);
            var found = BinaryPrimitives.ReadUInt16LittleEndian(header[6..]);
            if (!IsExtents(header) || entries > (node.Length - 12) / 12 || found > MaximumExtentDepth || (depth >= 0 && found != depth))
            {
                throw Bad($"an extent node has magic 0x{BinaryPrimitives.ReadUInt16LittleEndian(header):x4}, {entries} entries, depth {found}");
            }

            for (; next < entries; next++)
            {
                var entry = header.Slice(12 + (next * 12), 12);
                if (found > 0)
                {
                    var child = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]) | ((ulong)BinaryPrimitives.ReadUInt16LittleEndian(entry[8..]) << 32);
                    if (--nodesLeft < 0)
                    {
                        throw Bad("the extent tree has more nodes than the journal has blocks");
                    }

                    work.Push((node, next + 1, depth));
                    work.Push((ReadBlock(device, superblock, child), 0, found - 1));
                    break;
                }

                int count = BinaryPrimitives.ReadUInt16LittleEndian(entry[4..]);
                var start = BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]) | ((long)BinaryPrimitives.ReadUInt16LittleEndian(entry[6..]) << 32);
                blocks.Add(BinaryPrimitives.ReadUInt32LittleEndian(entry), start, count > UnwrittenBase ? count - UnwrittenBase : count);
            }
        }
    }

    private static void AddBlockMap(IBlockDevice device, ExtSuperblock superblock, ReadOnlySpan<byte> map, JournalBlocks blocks, long wanted)
    {
        var perBlock = superblock.BlockSize / sizeof(uint);
        AddPointers(map[..(DirectBlocks * sizeof(uint))], blocks, wanted);
        for (var level = 1; level <= 3 && blocks.Count < wanted; level++)
        {
            // One path of the tree of pointer blocks at a time: position[i] is the next entry of the block at depth i.
            var path = new Stack<(byte[] Pointers, int Next)>();
            path.Push((ReadBlock(device, superblock, BinaryPrimitives.ReadUInt32LittleEndian(map[((DirectBlocks + level - 1) * sizeof(uint))..])), 0));
            while (blocks.Count < wanted && path.TryPop(out var item))
            {
                if (path.Count + 1 == level)
                {
                    AddPointers(item.Pointers, blocks, wanted);
                }
                else if (item.Next < perBlock)
                {
                    path.Push((item.Pointers, item.Next + 1));
                    path.Push((ReadBlock(device, superblock, BinaryPrimitives.ReadUInt32LittleEndian(item.Pointers.AsSpan(item.Next * sizeof(uint)))), 0));
                }
            }
        }
    }

    private static void AddPointers(ReadOnlySpan<byte> pointers, JournalBlocks blocks, long wanted)
    {
        for (var at = 0; at < pointers.Length && blocks.Count < wanted; at += sizeof(uint))
        {
            blocks.Add(blocks.Count, BinaryPrimitives.ReadUInt32LittleEndian(pointers[at..]), 1);
        }
    }

    private static byte[] ReadBlock(IBlockDevice device, ExtSuperblock superblock, ulong block)
    {
        DemandBlock(superblock, block);
        var data = new byte[superblock.BlockSize];
        device.Read(ToOffset(superblock, block), data);
        return data;
    }

    private static void DemandBlock(ExtSuperblock superblock, ulong block)
    {
        if (block <= superblock.FirstDataBlock || block >= superblock.BlocksCount)
        {
            throw Bad($"it leads to block {block} of {superblock.BlocksCount}");
        }
    }

    private static GuestOffset ToOffset(ExtSuperblock superblock, ulong block) => new((long)block * superblock.BlockSize);

    private static DiagnosticException Bad(string message) => ExtJournalDiagnostics.Damaged.ToException(message, "journal inode");
}
