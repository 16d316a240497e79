using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>What the kernel does at mount with inodes that were open while unlinked, or half truncated, when the machine stopped.</summary>
internal sealed class OrphanRecovery(ExtVolume volume, SuperblockEditor superblock, NodeRemover remover, FileWriter files)
{
    private const uint TailMagic = 0x0B10CA04;
    private const int TailSize = 8;

    internal static bool IsNeeded(ExtSuperblock super) => super.LastOrphan != 0 || super.Has(ReadOnlyFeatures.OrphanPresent);

    internal void Run()
    {
        FollowList();
        if (volume.Super.Has(ReadOnlyFeatures.OrphanPresent))
        {
            EmptyFile();
            superblock.ClearOrphanPresent();
        }
    }

    /// <summary>The old way: a list through s_last_orphan and the inodes' i_dtime.</summary>
    private void FollowList()
    {
        var visited = new HashSet<uint>();
        for (var number = volume.Super.LastOrphan; number != 0;)
        {
            if (!visited.Add(number))
            {
                throw ExtDiagnostics.BadOrphan.ToException($"the list comes back to inode {number}", "superblock");
            }

            var inode = Get(number);
            number = inode.DeleteTime;
            Settle(inode);
        }

        if (visited.Count > 0)
        {
            superblock.SetLastOrphan(0);
        }
    }

    /// <summary>The new way: a file full of inode numbers, with a checksum at the end of each block.</summary>
    private void EmptyFile()
    {
        var super = volume.Super;
        if (!super.Has(CompatFeatures.OrphanFile))
        {
            return;
        }

        var file = volume.Inodes.Get(super.OrphanFileInode);
        var count = (ulong)volume.Files.Length(file) >> super.BlockSizeBits;
        if (count > super.BlocksCount)
        {
            throw ExtDiagnostics.BadOrphan.ToException($"the orphan file has {count} blocks", file.Where);
        }

        for (ulong logical = 0; logical < count; logical++)
        {
            var physical = volume.Files.PhysicalBlock(file, logical);
            var content = volume.Cache.Read(physical).AsSpan();
            var entries = content.Length - TailSize;
            if (BinaryPrimitives.ReadUInt32LittleEndian(content[entries..]) != TailMagic
                || (super.HasMetadataChecksums && BinaryPrimitives.ReadUInt32LittleEndian(content[(entries + 4)..]) != Checksum(file, physical, content[..entries])))
            {
                throw ExtDiagnostics.BadOrphan.ToException($"block {logical} of the orphan file has no valid checksum", file.Where);
            }

            if (!content[..entries].ContainsAnyExcept((byte)0))
            {
                continue;
            }

            for (var at = 0; at < entries; at += 4)
            {
                var number = BinaryPrimitives.ReadUInt32LittleEndian(content[at..]);
                if (number != 0)
                {
                    Settle(Get(number));
                }
            }

            var changed = volume.Cache.Edit(physical).AsSpan();
            changed[..entries].Clear();
            if (super.HasMetadataChecksums)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(changed[(entries + 4)..], Checksum(file, physical, changed[..entries]));
            }
        }
    }

    private uint Checksum(ExtInode file, ulong block, ReadOnlySpan<byte> entries)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, block);
        return ExtChecksum.Crc32C(ExtChecksum.Crc32C(volume.Inodes.SeedOf(file), number), entries);
    }

    private ExtInode Get(uint number) =>
        number >= volume.Super.FirstInode && number <= volume.Super.InodesCount
            ? volume.Inodes.GetRaw(number)
            : throw ExtDiagnostics.BadOrphan.ToException($"inode {number} cannot be an orphan", "superblock");

    private void Settle(ExtInode inode)
    {
        inode.DeleteTime = 0;
        if (inode.Links == 0)
        {
            remover.Delete(inode);
            return;
        }

        if (inode.IsFile && !inode.Has(InodeFlags.InlineData))
        {
            var map = files.MapOf(inode);
            map.TruncateFrom(((ulong)volume.Files.Length(inode) + (ulong)volume.Super.BlockSize - 1) >> volume.Super.BlockSizeBits);
            map.Save();
        }

        volume.Inodes.Put(inode);
    }
}
