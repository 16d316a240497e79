using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <summary>Reading of the block maps of ext2 and ext3: twelve direct block numbers, then one, two and three levels of indirect blocks.</summary>
internal sealed class BlockMap(ExtSuperblock super, BlockCache cache)
{
    internal const int DirectCount = 12;

    internal ulong PerBlock => (ulong)super.BlockSize / 4;

    internal ulong MaxBlocks => DirectCount + PerBlock + (PerBlock * PerBlock) + (PerBlock * PerBlock * PerBlock);

    /// <summary>The run that holds a logical block, from that block on.</summary>
    internal BlockRun Find(ExtInode inode, ulong logical, ulong maxCount)
    {
        if (logical < DirectCount)
        {
            return InTable(inode, inode.BlockArea[..(DirectCount * 4)], logical, logical, maxCount);
        }

        var rest = logical - DirectCount;
        var span = PerBlock;
        for (var level = 1; level <= 3; level++, span *= PerBlock)
        {
            if (rest < span)
            {
                return Descend(inode, BinaryPrimitives.ReadUInt32LittleEndian(inode.BlockArea[((DirectCount + level - 1) * 4)..]), level, span, rest, logical, maxCount);
            }

            rest -= span;
        }

        return new BlockRun(logical, 0, maxCount, RunKind.Hole);
    }

    internal void CheckBlock(ExtInode inode, uint block)
    {
        if (!super.IsValidBlock(block))
        {
            throw Bad(inode, block);
        }
    }

    private BlockRun Descend(ExtInode inode, uint block, int level, ulong span, ulong rest, ulong logical, ulong maxCount)
    {
        while (true)
        {
            if (block == 0)
            {
                return new BlockRun(logical, 0, Math.Min(maxCount, span - rest), RunKind.Hole);
            }

            CheckBlock(inode, block);
            var table = cache.Read(block);
            if (level == 1)
            {
                return InTable(inode, table, rest, logical, maxCount);
            }

            span /= PerBlock;
            block = BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan((int)(rest / span) * 4));
            rest %= span;
            level--;
        }
    }

    private BlockRun InTable(ExtInode inode, ReadOnlySpan<byte> table, ulong index, ulong logical, ulong maxCount)
    {
        var first = BinaryPrimitives.ReadUInt32LittleEndian(table[((int)index * 4)..]);
        if (first != 0)
        {
            CheckBlock(inode, first);
        }

        ulong count = 1;
        var limit = Math.Min(maxCount, (ulong)(table.Length / 4) - index);
        while (count < limit)
        {
            var next = BinaryPrimitives.ReadUInt32LittleEndian(table[((int)(index + count) * 4)..]);
            if (next != (first == 0 ? 0 : first + count))
            {
                break;
            }

            count++;
        }

        if (first != 0 && !super.IsValidRange(first, count))
        {
            throw Bad(inode, first);
        }

        return new BlockRun(logical, first, count, first == 0 ? RunKind.Hole : RunKind.Data);
    }

    private DiagnosticException Bad(ExtInode inode, uint block) =>
        ExtDiagnostics.BadBlockMap.ToException($"it points to block {block}; the file system's blocks for files are {super.FirstDataBlock + 1} to {super.BlocksCount - 1}", inode.Where);
}
