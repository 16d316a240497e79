using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>struct btrfs_inode_item, to be changed and stored.</summary>
internal sealed class BtrfsInodeItem
{
    private const ulong VerityFlag = 1UL << 32;
    private const ulong NoDataCopyFlag = 2;
    private const ulong NoDataSumFlag = 1;
    private const ulong InheritedFlags = 8 | (1 << 11); // NOCOMPRESS, COMPRESS
    private readonly byte[] _bytes;

    private BtrfsInodeItem(ulong number, byte[] bytes)
    {
        Number = number;
        _bytes = bytes;
    }

    public ulong Number { get; }

    public BtrfsKey Key => new(Number, BtrfsKey.InodeItem, 0);

    public BtrfsInode View => BtrfsInode.Parse(new BtrfsItem(Key, _bytes));

    public long Length
    {
        get => BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(16));
        set => BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(16), value);
    }

    /// <summary>Bytes that its extents take, holes left out.</summary>
    public long StoredBytes
    {
        get => Math.Clamp(BinaryPrimitives.ReadInt64LittleEndian(_bytes.AsSpan(24)), 0, long.MaxValue / 2); // a damaged one must not overflow
        set => BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(24), Math.Max(0, value));
    }

    public uint Links
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(40));
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(40), value);
    }

    public uint Mode
    {
        get => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(52));
        set => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(52), value);
    }

    public ulong Flags
    {
        get => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(64));
        set => BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(64), value);
    }

    public bool HasVerity => (Flags & VerityFlag) != 0;

    public bool HasChecksums => (Flags & NoDataSumFlag) == 0;

    public static BtrfsInodeItem Read(BtrfsTree tree, ulong number)
    {
        var item = tree.Get(new BtrfsKey(number, BtrfsKey.InodeItem, 0)) ?? throw BtrfsDiagnostics.BadItem.ToException($"inode {number} is missing");
        _ = BtrfsInode.Parse(item);
        return new BtrfsInodeItem(number, item.Data.ToArray());
    }

    public static BtrfsInodeItem New(ulong number, BtrfsInodeItem parent, uint mode, uint uid, uint gid, ulong generation)
    {
        var inode = new BtrfsInodeItem(number, new byte[BtrfsInode.Size]) { Mode = mode, Links = 1 };
        BinaryPrimitives.WriteUInt64LittleEndian(inode._bytes, generation);
        inode.SetOwner(uid, gid);
        var isFile = (mode & 0xF000) == 0x8000;
        inode.Flags = (parent.Flags & InheritedFlags) | ((parent.Flags & NoDataCopyFlag) != 0 ? NoDataCopyFlag | (isFile ? NoDataSumFlag : 0) : 0);
        return inode;
    }

    public void SetOwner(uint uid, uint gid)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(44), uid);
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(48), gid);
    }

    /// <summary>Change of attributes; of content too when said so.</summary>
    public void SetChanged(ulong generation, DateTimeOffset time, bool isModified)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(8), generation);
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.AsSpan(72), unchecked(BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(72)) + 1));
        PutTime(124, time);
        if (isModified)
        {
            PutTime(136, time);
        }
    }

    public void SetBorn(ulong generation, DateTimeOffset time)
    {
        SetChanged(generation, time, isModified: true);
        PutTime(112, time);
        PutTime(148, time);
    }

    public void Store(BtrfsChangedTree tree) => tree.Put(Key, _bytes.ToArray());

    private void PutTime(int at, DateTimeOffset time)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.AsSpan(at), time.ToUnixTimeSeconds());
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(at + 8), (uint)(time.Ticks % TimeSpan.TicksPerSecond * 100));
    }
}
