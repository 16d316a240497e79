namespace Rehost.FileSystems.Ext;

/// <summary>
/// Inodes that hold the value of an extended attribute (feature ea_inode). How many attributes share one is counted in its i_ctime (high half) and i_version (low half);
/// i_atime holds the value's checksum.
/// </summary>
internal sealed class XattrInodes(ExtVolume volume, InodeAllocator allocator, FileWriter files)
{
    private const int FileMode = ExtInode.TypeFile | 0x180;

    internal XattrEntry Create(ExtInode owner, XattrEntry entry)
    {
        var inode = allocator.Allocate(owner.Number, isDirectory: false);
        inode.Mode = FileMode;
        inode.Uid = owner.Uid;
        inode.Gid = owner.Gid;
        inode.Links = 1;
        if (inode.Raw.Length > 128)
        {
            inode.Put16(0x80, (ushort)Math.Min(32, inode.Raw.Length - 128));
        }

        FileWriter.InitializeMap(volume.Super, inode);
        inode.Flags |= InodeFlags.EaInode;
        files.Write(inode, 0, entry.Value);
        var checksum = ExtChecksum.Crc32C(volume.Super.ChecksumSeed, entry.Value);
        inode.AccessTime = checksum;
        SetReferences(inode, 1);
        volume.Inodes.Put(inode);
        return new XattrEntry(entry.Index, entry.Name, [], inode.Number, (uint)entry.Value.Length, XattrLayout.EntryHash(entry.Name, checksum));
    }

    /// <summary>An inode's i_blocks counts the values of its attributes that lie in other inodes, as if each were its own.</summary>
    internal void Charge(ExtInode owner, XattrEntry entry, int sign) =>
        BlockCount.Add(volume.Super, owner, sign * (((long)entry.ValueSize + volume.Super.BlockSize - 1) >> volume.Super.BlockSizeBits));

    internal void Retain(ExtInode owner, uint number)
    {
        var inode = Get(owner, number);
        SetReferences(inode, ReferencesOf(inode) + 1);
        volume.Inodes.Put(inode);
    }

    internal void Release(ExtInode owner, uint number)
    {
        var inode = Get(owner, number);
        var references = ReferencesOf(inode);
        if (references > 1)
        {
            SetReferences(inode, references - 1);
            volume.Inodes.Put(inode);
            return;
        }

        files.Truncate(inode);
        allocator.Free(inode);
    }

    private static ulong ReferencesOf(ExtInode inode) => inode.Version | ((ulong)inode.ChangeTime << 32);

    private static void SetReferences(ExtInode inode, ulong count)
    {
        inode.Version = (uint)(count & uint.MaxValue);
        inode.ChangeTime = (uint)(count >> 32);
    }

    private ExtInode Get(ExtInode owner, uint number)
    {
        var inode = volume.Inodes.Get(number);
        return inode.Has(InodeFlags.EaInode) && inode.IsFile && ReferencesOf(inode) <= long.MaxValue
            ? inode
            : throw ExtDiagnostics.BadXattr.ToException($"inode {number} does not hold an attribute's value", owner.Where);
    }
}
