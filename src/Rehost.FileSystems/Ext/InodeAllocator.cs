namespace Rehost.FileSystems.Ext;

/// <summary>Takes inodes from the bitmaps and gives them back.</summary>
internal sealed class InodeAllocator(ExtVolume volume, SuperblockEditor superblock, BlockAllocator blocks)
{
    private readonly HashSet<uint> _validated = [];

    private ExtSuperblock Super => volume.Super;

    /// <summary>An empty inode, in the group of the directory that will name it when there is room.</summary>
    internal ExtInode Allocate(uint parent, bool isDirectory)
    {
        var first = (parent - 1) / Super.InodesPerGroup;
        for (var i = 0u; i < Super.GroupCount; i++)
        {
            var group = (uint)(((ulong)first + i) % Super.GroupCount);
            var descriptor = volume.Groups.Get(group);
            if (descriptor.FreeInodes == 0)
            {
                continue;
            }

            var bitmap = Checked(group, descriptor);
            var reserved = group == 0 ? Super.FirstInode - 1 : 0;
            var index = BitmapReader.Next(bitmap, reserved, Super.InodesPerGroup, value: false);
            if (index < Super.InodesPerGroup)
            {
                Take(group, descriptor, index, isDirectory);
                return new ExtInode((group * Super.InodesPerGroup) + index + 1, new byte[Super.InodeSize]);
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException($"all {Super.InodesCount} inodes are in use");
    }

    internal void Free(ExtInode inode)
    {
        var (group, index) = Math.DivRem(inode.Number - 1, Super.InodesPerGroup);
        var descriptor = volume.Groups.Get(group);
        if (!BitmapReader.IsSet(Checked(group, descriptor), index))
        {
            throw ExtDiagnostics.BadBitmap.ToException("the inode is in use and marked as free", inode.Where);
        }

        var bitmap = EditBitmap(group, ref descriptor);
        BitmapReader.Clear(bitmap, index);
        descriptor.FreeInodes++;
        if (inode.IsDirectory && descriptor.UsedDirectories > 0)
        {
            descriptor.UsedDirectories--;
        }

        Update(group, descriptor, bitmap, 1);
        volume.Inodes.Clear(inode.Number);
    }

    private void Take(uint group, GroupDescriptor descriptor, uint index, bool isDirectory)
    {
        if (Super.HasGroupChecksums)
        {
            blocks.Initialize(group, ref descriptor);
            var used = (descriptor.Flags & GroupDescriptor.InodeUninit) != 0 ? 0 : Super.InodesPerGroup - descriptor.UnusedInodes;
            if (index >= used)
            {
                ClearSlots(descriptor, used, index);
                descriptor.UnusedInodes = Super.InodesPerGroup - index - 1;
            }
        }

        var bitmap = EditBitmap(group, ref descriptor);
        BitmapReader.Set(bitmap, index);
        descriptor.FreeInodes--;
        descriptor.UsedDirectories += isDirectory ? 1u : 0;
        Update(group, descriptor, bitmap, -1);
    }

    /// <summary>
    /// Where mke2fs left the inode table as it found it, the blocks that come into use are made zero to their ends: the kernel's later initialisation starts at the
    /// next whole block.
    /// </summary>
    private void ClearSlots(in GroupDescriptor descriptor, uint used, uint index)
    {
        if ((descriptor.Flags & GroupDescriptor.InodeZeroed) != 0)
        {
            return;
        }

        var perBlock = (uint)(Super.BlockSize / Super.InodeSize);
        for (var block = used / perBlock; block <= index / perBlock; block++)
        {
            var keep = block == used / perBlock ? (int)(used % perBlock) * Super.InodeSize : 0;
            if (keep == 0)
            {
                volume.Cache.EditNew(descriptor.InodeTable + block);
            }
            else
            {
                volume.Cache.Edit(descriptor.InodeTable + block).AsSpan(keep).Clear();
            }
        }
    }

    private void Update(uint group, GroupDescriptor descriptor, byte[] bitmap, int freed)
    {
        if (Super.HasMetadataChecksums)
        {
            descriptor.InodeBitmapChecksum = volume.Bitmaps.InodesChecksum(bitmap);
        }

        volume.Groups.Put(group, descriptor);
        superblock.AddFreeInodes(freed);
    }

    private byte[] EditBitmap(uint group, ref GroupDescriptor descriptor)
    {
        if (!Super.HasGroupChecksums || (descriptor.Flags & GroupDescriptor.InodeUninit) == 0)
        {
            return volume.Cache.Edit(descriptor.InodeBitmap);
        }

        var computed = volume.Bitmaps.Inodes(group);
        var bitmap = volume.Cache.EditNew(descriptor.InodeBitmap);
        computed.CopyTo(bitmap, 0);
        descriptor.Flags &= 0xFFFF ^ GroupDescriptor.InodeUninit;
        return bitmap;
    }

    private byte[] Checked(uint group, in GroupDescriptor descriptor)
    {
        var bitmap = volume.Bitmaps.Inodes(group);
        if (_validated.Add(group))
        {
            var free = BitmapReader.CountClear(bitmap, Super.InodesPerGroup);
            if (free != descriptor.FreeInodes)
            {
                _validated.Remove(group);
                throw ExtDiagnostics.BadBitmap.ToException($"it has {free} free inodes, the group's descriptor says {descriptor.FreeInodes}", $"group {group}");
            }
        }

        return bitmap;
    }
}
