using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Changes to a block map of ext2 and ext3.</summary>
internal sealed class BlockMapEditor(ExtVolume volume, BlockAllocator allocator, ExtInode inode) : FileMapEditor(volume, allocator, inode)
{
    // Block numbers have 32 bits, and so have logical ones.
    internal override ulong MaxBlocks => Math.Min(Volume.Map.MaxBlocks, uint.MaxValue);

    private ulong PerBlock => Volume.Map.PerBlock;

    internal override BlockRun Find(ulong logical, ulong maxCount) => Volume.Map.Find(Inode, logical, maxCount);

    internal override void Map(BlockRun run)
    {
        if (run.PhysicalEnd > uint.MaxValue)
        {
            throw FileSystemDiagnostics.NoSpace.ToException("the free blocks are beyond what a block map can point to", Inode.Where);
        }

        var next = run.PhysicalEnd;
        for (ulong i = 0; i < run.Count; i++)
        {
            Set(run.Logical + i, (uint)(run.Physical + i), ref next);
        }
    }

    internal override void TruncateFrom(ulong logical)
    {
        for (var i = (int)Math.Min(logical, BlockMap.DirectCount); i < BlockMap.DirectCount; i++)
        {
            FreeEntry(Inode.BlockArea[(i * 4)..], 0, 0, 1);
        }

        ulong start = BlockMap.DirectCount;
        var span = PerBlock;
        for (var level = 1; level <= 3; level++, span *= PerBlock)
        {
            if (logical < start + span)
            {
                FreeEntry(Inode.BlockArea[((BlockMap.DirectCount + level - 1) * 4)..], level, logical > start ? logical - start : 0, span);
            }

            start += span;
        }
    }

    internal override void Save()
    {
        // Every change is stored at once.
    }

    /// <summary>Frees what an entry leads to from a block of its span on; the entry itself when nothing is left.</summary>
    private void FreeEntry(Span<byte> entry, int level, ulong from, ulong span)
    {
        var block = BinaryPrimitives.ReadUInt32LittleEndian(entry);
        if (block == 0)
        {
            return;
        }

        Volume.Map.CheckBlock(Inode, block);
        if (level > 0)
        {
            var below = span / PerBlock;
            if (Volume.Cache.Read(block).AsSpan((int)(from / below) * 4).ContainsAnyExcept((byte)0))
            {
                Allocator.DemandOwned(block, 1);
                var table = Volume.Cache.Edit(block);
                for (var i = from / below; i < PerBlock; i++)
                {
                    FreeEntry(table.AsSpan((int)i * 4), level - 1, i * below < from ? from - (i * below) : 0, below);
                }
            }
        }

        if (from == 0)
        {
            Release(block, 1);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, 0);
        }
    }

    private void Set(ulong logical, uint physical, ref ulong goal)
    {
        if (logical < BlockMap.DirectCount)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(Inode.BlockArea[((int)logical * 4)..], physical);
            return;
        }

        var rest = logical - BlockMap.DirectCount;
        var span = PerBlock;
        var level = 1;
        while (rest >= span)
        {
            rest -= span;
            span *= PerBlock;
            level++;
        }

        var at = (BlockMap.DirectCount + level - 1) * 4;
        var table = Table(BinaryPrimitives.ReadUInt32LittleEndian(Inode.BlockArea[at..]), ref goal, out var block);
        BinaryPrimitives.WriteUInt32LittleEndian(Inode.BlockArea[at..], block);
        while (level-- > 1)
        {
            span /= PerBlock;
            at = (int)(rest / span) * 4;
            rest %= span;
            var below = Table(BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(at)), ref goal, out block);
            BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(at), block);
            table = below;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan((int)rest * 4), physical);
    }

    /// <summary>An indirect block to be changed; a new one when there is none.</summary>
    private byte[] Table(uint known, ref ulong goal, out uint block)
    {
        block = known;
        if (known != 0)
        {
            Volume.Map.CheckBlock(Inode, known);
            Allocator.DemandOwned(known, 1);
            return Volume.Cache.Edit(known);
        }

        var (start, _) = Allocator.Allocate(goal, 1);
        if (start > uint.MaxValue)
        {
            throw FileSystemDiagnostics.NoSpace.ToException("the free blocks are beyond what a block map can point to", Inode.Where);
        }

        goal = start + 1;
        AddBlocks(1);
        block = (uint)start;
        return Volume.Cache.EditNew(start);
    }
}
