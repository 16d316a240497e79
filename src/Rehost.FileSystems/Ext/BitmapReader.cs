namespace Rehost.FileSystems.Ext;

/// <summary>Bitmaps of blocks (clusters, with bigalloc) and inodes, computed where a group was never used.</summary>
internal sealed class BitmapReader(ExtSuperblock super, BlockCache cache, GroupTable groups)
{
    /// <summary>Checked bitmap of a group's blocks: a set bit is a block in use.</summary>
    internal byte[] Blocks(uint group)
    {
        var descriptor = groups.Get(group);
        if (super.HasGroupChecksums && (descriptor.Flags & GroupDescriptor.BlockUninit) != 0)
        {
            return ComputeUnusedBlocks(group, descriptor);
        }

        var bitmap = cache.Read(descriptor.BlockBitmap);
        if (super.HasMetadataChecksums)
        {
            Verify(BlocksChecksum(bitmap), descriptor.BlockBitmapChecksum, $"block bitmap of group {group}");
        }

        return bitmap;
    }

    /// <summary>Checked bitmap of a group's inodes.</summary>
    internal byte[] Inodes(uint group)
    {
        var descriptor = groups.Get(group);
        if (super.HasGroupChecksums && (descriptor.Flags & GroupDescriptor.InodeUninit) != 0)
        {
            return ComputeUnusedInodes();
        }

        var bitmap = cache.Read(descriptor.InodeBitmap);
        if (super.HasMetadataChecksums)
        {
            Verify(InodesChecksum(bitmap), descriptor.InodeBitmapChecksum, $"inode bitmap of group {group}");
        }

        return bitmap;
    }

    internal uint BlocksChecksum(ReadOnlySpan<byte> bitmap) => Narrow(ExtChecksum.Crc32C(super.ChecksumSeed, bitmap[..(int)(super.ClustersPerGroup / 8)]));

    internal uint InodesChecksum(ReadOnlySpan<byte> bitmap) => Narrow(ExtChecksum.Crc32C(super.ChecksumSeed, bitmap[..(int)(super.InodesPerGroup / 8)]));

    /// <summary>Bits of a group that stand for blocks that exist.</summary>
    internal uint ClustersIn(uint group) => (super.BlocksInGroup(group) + (1u << super.ClusterRatioBits) - 1) >> super.ClusterRatioBits;

    internal static bool IsSet(ReadOnlySpan<byte> bitmap, uint bit) => (bitmap[(int)(bit >> 3)] & (1 << (int)(bit & 7))) != 0;

    internal static void Set(Span<byte> bitmap, uint bit) => bitmap[(int)(bit >> 3)] |= (byte)(1 << (int)(bit & 7));

    internal static void Clear(Span<byte> bitmap, uint bit) => bitmap[(int)(bit >> 3)] &= (byte)(0xFF ^ (1 << (int)(bit & 7)));

    /// <summary>The first bit of a value at or after a place; the limit when there is none.</summary>
    internal static uint Next(ReadOnlySpan<byte> bitmap, uint from, uint limit, bool value)
    {
        var skip = value ? (byte)0 : (byte)0xFF;
        while (from < limit)
        {
            if ((from & 7) == 0 && bitmap[(int)(from >> 3)] == skip)
            {
                var rest = bitmap[(int)(from >> 3)..(int)((limit + 7) >> 3)];
                var next = rest.IndexOfAnyExcept(skip);
                if (next < 0)
                {
                    return limit;
                }

                from += (uint)next * 8;
                continue;
            }

            if (IsSet(bitmap, from) == value)
            {
                return from;
            }

            from++;
        }

        return limit;
    }

    internal static uint CountClear(ReadOnlySpan<byte> bitmap, uint limit)
    {
        var count = 0u;
        for (var from = Next(bitmap, 0, limit, value: false); from < limit;)
        {
            var end = Next(bitmap, from, limit, value: true);
            count += end - from;
            from = Next(bitmap, end, limit, value: false);
        }

        return count;
    }

    /// <summary>What the bitmap of a group without the flag BLOCK_UNINIT would be: only its own metadata, and the bits past its end.</summary>
    private byte[] ComputeUnusedBlocks(uint group, in GroupDescriptor descriptor)
    {
        var bitmap = new byte[super.BlockSize];
        var start = super.GroupFirstBlock(group);
        Mark(bitmap, group, start, super.BaseMetadataBlocks(group));
        Mark(bitmap, group, descriptor.BlockBitmap, 1);
        Mark(bitmap, group, descriptor.InodeBitmap, 1);
        Mark(bitmap, group, descriptor.InodeTable, (ulong)super.InodesPerGroup * (uint)super.InodeSize / (uint)super.BlockSize);
        MarkEnd(bitmap, ClustersIn(group));
        return bitmap;
    }

    private byte[] ComputeUnusedInodes()
    {
        var bitmap = new byte[super.BlockSize];
        MarkEnd(bitmap, super.InodesPerGroup);
        return bitmap;
    }

    private static void MarkEnd(Span<byte> bitmap, uint from)
    {
        while ((from & 7) != 0)
        {
            Set(bitmap, from++);
        }

        bitmap[(int)(from >> 3)..].Fill(0xFF);
    }

    private void Mark(Span<byte> bitmap, uint group, ulong block, ulong count)
    {
        var start = super.GroupFirstBlock(group);
        var end = start + super.BlocksInGroup(group);
        for (var i = 0ul; i < count; i++)
        {
            if (block + i >= start && block + i < end)
            {
                Set(bitmap, (uint)(block + i - start) >> super.ClusterRatioBits);
            }
        }
    }

    private uint Narrow(uint checksum) => super.DescriptorSize >= 64 ? checksum : checksum & 0xFFFF;

    private static void Verify(uint computed, uint stored, string where)
    {
        if (computed != stored)
        {
            throw ExtDiagnostics.Checksum.ToException($"stored 0x{stored:x8}, computed 0x{computed:x8}", where);
        }
    }
}
