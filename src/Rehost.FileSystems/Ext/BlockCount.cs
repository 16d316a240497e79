namespace Rehost.FileSystems.Ext;

/// <summary>i_blocks: in sectors of 512 bytes, or in blocks when the inode has the flag HUGE_FILE.</summary>
internal static class BlockCount
{
    internal static void Add(ExtSuperblock super, ExtInode inode, long blocks)
    {
        var shift = super.BlockSizeBits - 9;
        var stored = inode.BlocksLow | (super.Has(ReadOnlyFeatures.HugeFile) ? (ulong)inode.BlocksHigh << 32 : 0);
        var sectors = super.Has(ReadOnlyFeatures.HugeFile) && inode.Has(InodeFlags.HugeFile) ? stored << shift : stored;
        var change = blocks << shift;
        if (change < 0 && (ulong)-change > sectors)
        {
            throw ExtDiagnostics.BadInode.ToException($"it counts {sectors} sectors, and {-change} are to be given back", inode.Where);
        }

        sectors = (ulong)((long)sectors + change);
        if (sectors > uint.MaxValue && !super.Has(ReadOnlyFeatures.HugeFile))
        {
            throw ExtDiagnostics.FileTooLarge.ToException("more than 2^32 sectors need the feature huge_file", inode.Where);
        }

        inode.Flags &= ~InodeFlags.HugeFile;
        if (sectors >> 48 != 0)
        {
            inode.Flags |= InodeFlags.HugeFile;
            sectors >>= shift;
        }

        inode.BlocksLow = (uint)(sectors & uint.MaxValue);
        if (super.Has(ReadOnlyFeatures.HugeFile))
        {
            inode.BlocksHigh = (ushort)(sectors >> 32);
        }
    }
}
