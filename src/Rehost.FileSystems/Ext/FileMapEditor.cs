namespace Rehost.FileSystems.Ext;

/// <summary>Changes to where one file's blocks are. Keeps i_blocks in step; <see cref="Save"/> stores what is not stored yet, into the inode object.</summary>
internal abstract class FileMapEditor(ExtVolume volume, BlockAllocator allocator, ExtInode inode)
{
    protected ExtVolume Volume => volume;

    protected BlockAllocator Allocator => allocator;

    protected ExtInode Inode => inode;

    /// <summary>Blocks that a file can have.</summary>
    internal abstract ulong MaxBlocks { get; }

    /// <summary>Where the file's next block would best be.</summary>
    protected ulong DefaultGoal => volume.Super.GroupFirstBlock((inode.Number - 1) / volume.Super.InodesPerGroup);

    internal abstract BlockRun Find(ulong logical, ulong maxCount);

    /// <summary>Records a run; what it covers was a hole, or is the same blocks in another state.</summary>
    internal abstract void Map(BlockRun run);

    /// <summary>Gives back all blocks from a logical block on.</summary>
    internal abstract void TruncateFrom(ulong logical);

    internal abstract void Save();

    /// <summary>Allocates blocks for (part of) a hole and records them.</summary>
    internal BlockRun AllocateAt(ulong logical, ulong count)
    {
        var goal = DefaultGoal;
        if (logical > 0 && Find(logical - 1, 1) is { Kind: not RunKind.Hole } before)
        {
            goal = before.Physical + 1;
        }

        var (start, taken) = allocator.Allocate(goal, count);
        AddBlocks((long)taken);
        var run = new BlockRun(logical, start, taken, RunKind.Data);
        Map(run);
        return run;
    }

    protected void AddBlocks(long count) => BlockCount.Add(volume.Super, inode, count);

    protected void Release(ulong block, ulong count)
    {
        allocator.Free(block, count);
        AddBlocks(-(long)count);
    }
}
