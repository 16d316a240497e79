using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext;

/// <summary>Changes to extended attributes. The inode object is changed, and stored by the caller.</summary>
internal sealed class XattrWriter(ExtVolume volume, BlockAllocator blocks, XattrInodes valueInodes, SuperblockEditor superblock)
{
    private const int LongestValue = 65536;

    private ExtSuperblock Super => volume.Super;

    /// <summary>Sets an attribute, or removes it when the value is null.</summary>
    internal void Set(ExtInode inode, byte index, byte[] name, byte[]? value)
    {
        var body = XattrReader.ReadBody(inode);
        var block = volume.Xattrs.ReadBlock(inode);
        bool IsIt(XattrEntry entry) => entry.Index == index && entry.Name.AsSpan().SequenceEqual(name);
        var replaced = body.Concat(block).Where(IsIt).ToList();
        if (value is null && replaced.Count == 0)
        {
            return;
        }

        var wasInBlock = block.RemoveAll(IsIt) > 0;
        var wasInBody = body.RemoveAll(IsIt) > 0;
        if (value is null)
        {
            if (wasInBody)
            {
                TryPutBody(inode, body);
            }

            if (wasInBlock)
            {
                TryPutBlock(inode, block);
            }
        }
        else
        {
            superblock.Require(CompatFeatures.ExtAttr);
            Add(inode, body, block, new XattrEntry(index, name, value, 0, (uint)value.Length, 0), wasInBody, wasInBlock);
        }

        // Only now, so that nothing is freed before what replaces it is stored. A shared block keeps its own references.
        foreach (var entry in replaced.Where(entry => entry.ValueInode != 0))
        {
            valueInodes.Release(inode, entry.ValueInode);
            valueInodes.Charge(inode, entry, -1);
        }
    }

    /// <summary>Stores the part of inline content that does not fit the inode's first 60 bytes; null removes the attribute.</summary>
    internal static bool TrySetInlineData(ExtInode inode, byte[]? value)
    {
        var body = XattrReader.ReadBody(inode);
        body.RemoveAll(entry => entry.IsInlineData);
        if (value is not null)
        {
            body.Insert(0, new XattrEntry(XattrNames.SystemIndex, "data"u8.ToArray(), value, 0, (uint)value.Length, 0));
        }

        return TryPutBody(inode, body);
    }

    /// <summary>Gives back what an inode's attributes occupy outside of it.</summary>
    internal void ReleaseAll(ExtInode inode)
    {
        foreach (var entry in XattrReader.ReadBody(inode).Where(entry => entry.ValueInode != 0))
        {
            valueInodes.Release(inode, entry.ValueInode);
        }

        if (inode.XattrBlock != 0)
        {
            var entries = volume.Xattrs.ReadBlock(inode);
            if (ReferencesOf(volume.Xattrs.CheckedBlock(inode)) <= 1)
            {
                foreach (var entry in entries.Where(entry => entry.ValueInode != 0))
                {
                    valueInodes.Release(inode, entry.ValueInode);
                }
            }

            DropBlock(inode);
        }
    }

    private static uint ReferencesOf(ReadOnlySpan<byte> block) => BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);

    private static bool TryPutBody(ExtInode inode, List<XattrEntry> entries)
    {
        var start = 128 + inode.ExtraSize;
        if (inode.Raw.Length <= 128 || inode.ExtraSize == 0 || start + 8 > inode.Raw.Length)
        {
            return entries.Count == 0;
        }

        var room = inode.Raw.AsSpan(start);
        if (entries.Count == 0)
        {
            room.Clear();
            return true;
        }

        if (!XattrLayout.TryFill(room[4..], 0, entries, withHashes: false))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32LittleEndian(room, XattrReader.Magic);
        return true;
    }

    private void Add(ExtInode inode, List<XattrEntry> body, List<XattrEntry> block, XattrEntry entry, bool wasInBody, bool wasInBlock)
    {
        if (TryPutBody(inode, [.. body, entry]))
        {
            if (wasInBlock)
            {
                TryPutBlock(inode, block);
            }

            return;
        }

        if (wasInBody)
        {
            TryPutBody(inode, body);
        }

        if (TryPutBlock(inode, [.. block, entry]))
        {
            return;
        }

        // Not for a link whose target is in the inode: the value would count in i_blocks, from which e2fsck concludes that the target is in a block.
        if (Super.Has(IncompatFeatures.EaInode) && entry.Value.Length is > 0 and <= LongestValue && !inode.IsFastLink)
        {
            var outside = valueInodes.Create(inode, entry);
            valueInodes.Charge(inode, outside, 1);
            if (TryPutBody(inode, [.. body, outside]))
            {
                if (wasInBlock)
                {
                    TryPutBlock(inode, block);
                }

                return;
            }

            if (TryPutBlock(inode, [.. block, outside]))
            {
                return;
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException($"an extended attribute of {entry.Value.Length} bytes does not fit beside the others", inode.Where);
    }

    /// <summary>Stores attributes in the inode's block: in place when the block is its own, in a new one when it is shared.</summary>
    private bool TryPutBlock(ExtInode inode, List<XattrEntry> entries)
    {
        entries.Sort(XattrLayout.Compare);
        var content = new byte[Super.BlockSize];
        if (!XattrLayout.TryFill(content, XattrReader.BlockHeaderSize, entries, withHashes: true))
        {
            return false;
        }

        var isShared = inode.XattrBlock != 0 && ReferencesOf(volume.Xattrs.CheckedBlock(inode)) > 1;
        if (isShared)
        {
            // The copy holds references of its own to values in inodes; the one that is replaced is given back afterwards, as if it had been ours alone.
            foreach (var entry in volume.Xattrs.ReadBlock(inode).Where(entry => entry.ValueInode != 0))
            {
                valueInodes.Retain(inode, entry.ValueInode);
            }

            DropBlock(inode);
        }

        if (entries.Count == 0)
        {
            DropBlock(inode);
            return true;
        }

        if (inode.XattrBlock == 0)
        {
            var (start, _) = blocks.Allocate(Super.GroupFirstBlock((inode.Number - 1) / Super.InodesPerGroup), 1);
            volume.Cache.EditNew(start);
            inode.XattrBlock = start;
            BlockCount.Add(Super, inode, 1);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(content, XattrReader.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(8), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(12), XattrLayout.BlockHash(content));
        Store(inode.XattrBlock, content);
        return true;
    }

    private void DropBlock(ExtInode inode)
    {
        if (inode.XattrBlock == 0)
        {
            return;
        }

        var content = (byte[])volume.Xattrs.CheckedBlock(inode).Clone();
        var references = ReferencesOf(content);
        if (references > 1)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(4), references - 1);
            Store(inode.XattrBlock, content);
        }
        else
        {
            blocks.Free(inode.XattrBlock, 1);
        }

        inode.XattrBlock = 0;
        BlockCount.Add(Super, inode, -1);
    }

    private void Store(ulong block, byte[] content)
    {
        blocks.DemandOwned(block, 1);
        if (Super.HasMetadataChecksums)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(16), volume.Xattrs.BlockChecksum(block, content));
        }

        content.CopyTo(volume.Cache.Edit(block), 0);
    }
}
