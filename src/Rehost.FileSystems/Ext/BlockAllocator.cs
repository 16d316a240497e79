namespace Rehost.FileSystems.Ext;

/// <summary>Takes blocks from the bitmaps and gives them back, keeping bitmaps, descriptors and superblock in step.</summary>
internal sealed class BlockAllocator(ExtVolume volume, SuperblockEditor superblock)
{
    private const uint GoodRun = 2048;
    private readonly HashSet<uint> _validated = [];
    private SystemZone? _zone;

    private ExtSuperblock Super => volume.Super;

    private SystemZone Zone => _zone ??= new SystemZone(volume);

    /// <summary>Allocates a run of blocks, at most so many, as near after the goal as there is a good one.</summary>
    internal (ulong Start, ulong Count) Allocate(ulong goal, ulong wanted)
    {
        if (goal <= Super.FirstDataBlock || goal >= Super.BlocksCount)
        {
            goal = Super.FirstDataBlock + 1ul;
        }

        var want = (uint)Math.Min(wanted, Super.BlocksPerGroup);
        var goalGroup = (uint)((goal - Super.FirstDataBlock) / Super.BlocksPerGroup);
        var goalBit = (uint)((goal - Super.FirstDataBlock) % Super.BlocksPerGroup);
        foreach (var least in (uint[])[Math.Min(want, GoodRun), 1])
        {
            for (var i = 0u; i <= Super.GroupCount; i++)
            {
                // The goal's group comes first from the goal on, and last as a whole.
                var group = (uint)(((ulong)goalGroup + i) % Super.GroupCount);
                var descriptor = volume.Groups.Get(group);
                if (descriptor.FreeBlocks == 0)
                {
                    continue;
                }

                var bitmap = Checked(group, descriptor);
                if (FindRun(bitmap, i == 0 ? goalBit : 0, volume.Bitmaps.ClustersIn(group), want, least, i == 0) is { Count: > 0 } run)
                {
                    Take(group, descriptor, run.Start, run.Count);
                    return (Super.GroupFirstBlock(group) + run.Start, run.Count);
                }
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException($"{wanted} blocks of {Super.BlockSize} bytes are needed and none is free");
    }

    internal void Free(ulong block, ulong count)
    {
        DemandOwned(block, count);
        for (ulong i = 0; i < count; i++)
        {
            volume.Cache.Forget(block + i);
        }

        while (count > 0)
        {
            var group = (uint)((block - Super.FirstDataBlock) / Super.BlocksPerGroup);
            var bit = (uint)((block - Super.FirstDataBlock) % Super.BlocksPerGroup);
            var part = (uint)Math.Min(count, Super.BlocksInGroup(group) - bit);
            var descriptor = volume.Groups.Get(group);
            Checked(group, descriptor);
            var bitmap = EditBitmap(group, ref descriptor);
            if (BitmapReader.Next(bitmap, bit, bit + part, value: false) != bit + part)
            {
                throw ExtDiagnostics.BadBitmap.ToException($"blocks {block} to {block + part - 1} belong to a file, and some are marked as free", $"group {group}");
            }

            for (var i = 0u; i < part; i++)
            {
                BitmapReader.Clear(bitmap, bit + i);
            }

            Update(group, descriptor, bitmap, (int)part);
            block += part;
            count -= part;
        }
    }

    /// <summary>Refuses blocks that a file must not have: outside the file system, or its own structures.</summary>
    internal void DemandOwned(ulong block, ulong count)
    {
        if (!Super.IsValidRange(block, count) || Zone.Overlaps(block, count))
        {
            throw ExtDiagnostics.Overlap.ToException($"blocks {block} to {block + count - 1} were to be written or freed");
        }
    }

    /// <summary>A group whose block bitmap was never written gets one now.</summary>
    internal void Initialize(uint group, ref GroupDescriptor descriptor)
    {
        if (Super.HasGroupChecksums && (descriptor.Flags & GroupDescriptor.BlockUninit) != 0)
        {
            Checked(group, descriptor);
            var bitmap = EditBitmap(group, ref descriptor);
            descriptor.BlockBitmapChecksum = Super.HasMetadataChecksums ? volume.Bitmaps.BlocksChecksum(bitmap) : descriptor.BlockBitmapChecksum;
        }
    }

    private static (uint Start, uint Count) FindRun(ReadOnlySpan<byte> bitmap, uint from, uint limit, uint want, uint least, bool takeAtGoal)
    {
        (uint Start, uint Count) best = default;
        if (takeAtGoal && from < limit && !BitmapReader.IsSet(bitmap, from))
        {
            // Going on right where the file ends beats a longer run elsewhere.
            return (from, BitmapReader.Next(bitmap, from, Math.Min(limit, from + want), value: true) - from);
        }

        for (var start = BitmapReader.Next(bitmap, from, limit, value: false); start < limit;)
        {
            var end = BitmapReader.Next(bitmap, start, Math.Min(limit, start + want), value: true);
            if (end - start > best.Count)
            {
                best = (start, end - start);
                if (best.Count >= want)
                {
                    break;
                }
            }

            start = BitmapReader.Next(bitmap, end, limit, value: false);
        }

        return best.Count >= least ? best : default;
    }

    private void Take(uint group, GroupDescriptor descriptor, uint start, uint count)
    {
        if (Zone.Overlaps(Super.GroupFirstBlock(group) + start, count))
        {
            throw ExtDiagnostics.BadBitmap.ToException($"it marks {count} blocks from {Super.GroupFirstBlock(group) + start} on as free, where the file system's own structures are", $"group {group}");
        }

        var bitmap = EditBitmap(group, ref descriptor);
        for (var i = 0u; i < count; i++)
        {
            BitmapReader.Set(bitmap, start + i);
        }

        Update(group, descriptor, bitmap, -(int)count);
    }

    private void Update(uint group, GroupDescriptor descriptor, byte[] bitmap, int freed)
    {
        descriptor.FreeBlocks = checked((uint)(descriptor.FreeBlocks + freed));
        if (Super.HasMetadataChecksums)
        {
            descriptor.BlockBitmapChecksum = volume.Bitmaps.BlocksChecksum(bitmap);
        }

        volume.Groups.Put(group, descriptor);
        superblock.AddFreeBlocks(freed);
    }

    private byte[] EditBitmap(uint group, ref GroupDescriptor descriptor)
    {
        if (!Super.HasGroupChecksums || (descriptor.Flags & GroupDescriptor.BlockUninit) == 0)
        {
            return volume.Cache.Edit(descriptor.BlockBitmap);
        }

        var computed = volume.Bitmaps.Blocks(group);
        var bitmap = volume.Cache.EditNew(descriptor.BlockBitmap);
        computed.CopyTo(bitmap, 0);
        descriptor.Flags &= 0xFFFF ^ GroupDescriptor.BlockUninit;
        return bitmap;
    }

    /// <summary>The bitmap of a group; when it is used for the first time its count must be right.</summary>
    private byte[] Checked(uint group, in GroupDescriptor descriptor)
    {
        var bitmap = volume.Bitmaps.Blocks(group);
        if (_validated.Add(group))
        {
            var free = BitmapReader.CountClear(bitmap, volume.Bitmaps.ClustersIn(group));
            if (free != descriptor.FreeBlocks)
            {
                _validated.Remove(group);
                throw ExtDiagnostics.BadBitmap.ToException($"it has {free} free blocks, the group's descriptor says {descriptor.FreeBlocks}", $"group {group}");
            }
        }

        return bitmap;
    }
}
