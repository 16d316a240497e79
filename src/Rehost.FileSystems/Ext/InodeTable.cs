namespace Rehost.FileSystems.Ext;

/// <summary>Where inodes are, and their checksums.</summary>
internal sealed class InodeTable(ExtSuperblock super, BlockCache cache, GroupTable groups)
{
    internal const uint RootInode = 2;

    /// <summary>What the checksums of everything that belongs to an inode start from.</summary>
    internal uint SeedOf(ExtInode inode) => SeedOf(inode.Number, inode.Generation);

    /// <summary>An inode in use.</summary>
    internal ExtInode Get(uint number)
    {
        var inode = GetRaw(number);
        if (inode.Links == 0)
        {
            throw ExtDiagnostics.BadInode.ToException("it is named by a directory but not in use (link count 0)", inode.Where);
        }

        return inode;
    }

    /// <summary>An inode that users may name: the root or an ordinary one.</summary>
    internal ExtInode GetUser(ulong number)
    {
        if (number != RootInode && (number < super.FirstInode || number > super.InodesCount))
        {
            throw ExtDiagnostics.BadInode.ToException($"the file system has the inodes {super.FirstInode} to {super.InodesCount} for files", $"inode {number}");
        }

        var inode = Get((uint)number);
        if (inode.Has(InodeFlags.EaInode))
        {
            throw ExtDiagnostics.BadInode.ToException("it holds the value of an extended attribute and cannot be named by a directory", inode.Where);
        }

        return inode;
    }

    /// <summary>An inode, whether in use or not.</summary>
    internal ExtInode GetRaw(uint number)
    {
        var (block, offset, group, index) = Locate(number);
        var descriptor = groups.Get(group);
        if (super.HasGroupChecksums
            && ((descriptor.Flags & GroupDescriptor.InodeUninit) != 0 || index >= super.InodesPerGroup - descriptor.UnusedInodes))
        {
            throw ExtDiagnostics.BadInode.ToException($"group {group} says that this inode was never used", $"inode {number}");
        }

        var raw = cache.Read(block).AsSpan(offset, super.InodeSize).ToArray();
        var inode = new ExtInode(number, raw);
        if (raw.Length > 128 && (inode.ExtraSize > raw.Length - 128 || (inode.ExtraSize & 3) != 0))
        {
            throw ExtDiagnostics.BadInode.ToException($"extra size {inode.ExtraSize} of {raw.Length - 128}", inode.Where);
        }

        if (super.HasMetadataChecksums)
        {
            Verify(inode);
        }

        return inode;
    }

    internal void Put(ExtInode inode)
    {
        var (block, offset, _, _) = Locate(inode.Number);
        if (super.HasMetadataChecksums)
        {
            var checksum = Checksum(inode);
            inode.Put16(0x7C, (ushort)(checksum & 0xFFFF));
            if (inode.Reaches(0x82, 2))
            {
                inode.Put16(0x82, (ushort)(checksum >> 16));
            }
        }

        inode.Raw.CopyTo(cache.Edit(block).AsSpan(offset));
    }

    /// <summary>Makes a slot all zeros, which the checkers take for an inode never used.</summary>
    internal void Clear(uint number)
    {
        var (block, offset, _, _) = Locate(number);
        cache.Edit(block).AsSpan(offset, super.InodeSize).Clear();
    }

    internal (ulong Block, int Offset, uint Group, uint Index) Locate(uint number)
    {
        if (number == 0 || number > super.InodesCount)
        {
            throw ExtDiagnostics.BadInode.ToException($"the file system has {super.InodesCount} inodes", $"inode {number}");
        }

        var (group, index) = Math.DivRem(number - 1, super.InodesPerGroup);
        var position = (long)index * super.InodeSize;
        return (groups.Get(group).InodeTable + (ulong)(position / super.BlockSize), (int)(position % super.BlockSize), group, index);
    }

    internal uint SeedOf(uint number, uint generation) => ExtChecksum.Crc32C(ExtChecksum.Crc32C(super.ChecksumSeed, number), generation);

    private void Verify(ExtInode inode)
    {
        var computed = Checksum(inode);
        uint stored = inode.U16(0x7C);
        if (inode.Reaches(0x82, 2))
        {
            stored |= (uint)inode.U16(0x82) << 16;
        }
        else
        {
            computed &= 0xFFFF;
        }

        if (stored != computed && inode.Raw.AsSpan().ContainsAnyExcept((byte)0))
        {
            throw ExtDiagnostics.Checksum.ToException($"stored 0x{stored:x8}, computed 0x{computed:x8}", inode.Where);
        }
    }

    private uint Checksum(ExtInode inode)
    {
        ReadOnlySpan<byte> raw = inode.Raw;
        ReadOnlySpan<byte> zero = [0, 0];
        var crc = SeedOf(inode);
        crc = ExtChecksum.Crc32C(crc, raw[..0x7C]);
        crc = ExtChecksum.Crc32C(crc, zero);
        crc = ExtChecksum.Crc32C(crc, raw[0x7E..128]);
        if (raw.Length > 128)
        {
            crc = ExtChecksum.Crc32C(crc, raw[128..0x82]);
            var next = 0x82;
            if (inode.Reaches(0x82, 2))
            {
                crc = ExtChecksum.Crc32C(crc, zero);
                next = 0x84;
            }

            crc = ExtChecksum.Crc32C(crc, raw[next..]);
        }

        return crc;
    }
}
