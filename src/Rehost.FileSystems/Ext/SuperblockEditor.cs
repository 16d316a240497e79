using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Changes to the superblock. Its copies in other groups are left as they are: the kernel does the same, and e2fsck knows.</summary>
internal sealed class SuperblockEditor(ExtVolume volume)
{
    internal void AddFreeBlocks(long delta) => SetFreeBlocks(checked((ulong)((long)volume.CurrentFreeBlocks + delta)));

    /// <summary>
    /// While mounted, the kernel does not keep the superblock's free counts up to date; at mount it sums them up from the groups, which are journalled, and so do we
    /// before the first change.
    /// </summary>
    internal void CountFree()
    {
        ulong blocks = 0;
        ulong inodes = 0;
        for (var group = 0u; group < volume.Super.GroupCount; group++)
        {
            var descriptor = volume.Groups.Get(group);
            blocks += (ulong)descriptor.FreeBlocks << volume.Super.ClusterRatioBits;
            inodes += descriptor.FreeInodes;
        }

        if (blocks > volume.Super.BlocksCount || inodes > volume.Super.InodesCount)
        {
            throw ExtDiagnostics.BadGroup.ToException($"the groups count {blocks} free blocks of {volume.Super.BlocksCount} and {inodes} free inodes of {volume.Super.InodesCount}");
        }

        if (blocks != volume.CurrentFreeBlocks)
        {
            SetFreeBlocks(blocks);
        }

        if (inodes != BinaryPrimitives.ReadUInt32LittleEndian(volume.CurrentSuperblock[ExtSuperblock.FreeInodesOffset..]))
        {
            var raw = Edit();
            BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.FreeInodesOffset..], (uint)inodes);
            Seal(raw);
        }
    }

    internal void AddFreeInodes(int delta)
    {
        var raw = Edit();
        var free = BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.FreeInodesOffset..]) + delta;
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.FreeInodesOffset..], checked((uint)free));
        Seal(raw);
    }

    internal void SetWriteTime(DateTimeOffset time)
    {
        var raw = Edit();
        var seconds = Math.Clamp(time.ToUnixTimeSeconds(), 0, 0xFF_FFFF_FFFF);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.WriteTimeOffset..], (uint)(seconds & uint.MaxValue));
        raw[ExtSuperblock.WriteTimeHighOffset] = (byte)(seconds >> 32);
        Seal(raw);
    }

    internal void SetLastOrphan(uint inode)
    {
        var raw = Edit();
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.LastOrphanOffset..], inode);
        Seal(raw);
    }

    internal void ClearOrphanPresent()
    {
        var raw = Edit();
        var features = BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.ReadOnlyOffset..]);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.ReadOnlyOffset..], features & ~(uint)ReadOnlyFeatures.OrphanPresent);
        Seal(raw);
    }

    /// <summary>A file of 2 GiB or more needs the feature large_file; one with attributes ext_attr.</summary>
    internal void Require(ReadOnlyFeatures feature) => Require(ExtSuperblock.ReadOnlyOffset, (uint)feature);

    internal void Require(CompatFeatures feature) => Require(ExtSuperblock.CompatOffset, (uint)feature);

    private void SetFreeBlocks(ulong free)
    {
        var raw = Edit();
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.FreeBlocksLowOffset..], (uint)(free & uint.MaxValue));
        if (volume.Super.Has(IncompatFeatures.Bits64))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.FreeBlocksHighOffset..], (uint)(free >> 32));
        }

        Seal(raw);
    }

    private void Require(int offset, uint feature)
    {
        var present = BinaryPrimitives.ReadUInt32LittleEndian(volume.CurrentSuperblock[offset..]);
        if ((present & feature) == 0)
        {
            var raw = Edit();
            if (BinaryPrimitives.ReadUInt32LittleEndian(raw[ExtSuperblock.RevisionOffset..]) == 0)
            {
                present = 0;
                MakeDynamic(raw);
            }

            BinaryPrimitives.WriteUInt32LittleEndian(raw[offset..], present | feature);
            Seal(raw);
        }
    }

    /// <summary>Revision 0 has no feature flags: the kernel raises it to 1 when it must set one, with what revision 0 implied.</summary>
    private static void MakeDynamic(Span<byte> raw)
    {
        const ushort inodeSize = 128;
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.RevisionOffset..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.FirstInodeOffset..], ExtSuperblock.OldFirstInode);
        BinaryPrimitives.WriteUInt16LittleEndian(raw[ExtSuperblock.InodeSizeOffset..], inodeSize);
        raw.Slice(ExtSuperblock.CompatOffset, 12).Clear();
    }

    private Span<byte> Edit() => volume.Cache.Edit(volume.SuperblockBlock).AsSpan(volume.SuperblockOffset, ExtSuperblock.Size);

    private void Seal(Span<byte> raw)
    {
        if (volume.Super.HasMetadataChecksums)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(raw[ExtSuperblock.ChecksumOffset..], ExtChecksum.Crc32C(uint.MaxValue, raw[..ExtSuperblock.ChecksumOffset]));
        }
    }
}
