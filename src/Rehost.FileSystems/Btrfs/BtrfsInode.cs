using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>struct btrfs_inode_item.</summary>
internal readonly struct BtrfsInode
{
    public const int Size = 160;
    private const ulong NoDataSum = 1;

    private BtrfsInode(ulong number, ReadOnlySpan<byte> item)
    {
        Number = number;
        Length = (long)BinaryPrimitives.ReadUInt64LittleEndian(item[16..]);
        Links = BinaryPrimitives.ReadUInt32LittleEndian(item[40..]);
        Uid = BinaryPrimitives.ReadUInt32LittleEndian(item[44..]);
        Gid = BinaryPrimitives.ReadUInt32LittleEndian(item[48..]);
        Mode = BinaryPrimitives.ReadUInt32LittleEndian(item[52..]);
        Device = BinaryPrimitives.ReadUInt64LittleEndian(item[56..]);
        HasChecksums = (BinaryPrimitives.ReadUInt64LittleEndian(item[64..]) & NoDataSum) == 0;
        Modified = ToTime(BinaryPrimitives.ReadInt64LittleEndian(item[136..]), BinaryPrimitives.ReadUInt32LittleEndian(item[144..]));
    }

    public ulong Number { get; }

    public long Length { get; }

    public uint Links { get; }

    public uint Uid { get; }

    public uint Gid { get; }

    public uint Mode { get; }

    public ulong Device { get; }

    public bool HasChecksums { get; }

    public DateTimeOffset Modified { get; }

    public NodeKind Kind => (Mode & 0xF000) switch
    {
        0x4000 => NodeKind.Directory,
        0xA000 => NodeKind.SymbolicLink,
        0x2000 => NodeKind.CharacterDevice,
        0x6000 => NodeKind.BlockDevice,
        0x1000 => NodeKind.Fifo,
        0xC000 => NodeKind.Socket,
        _ => NodeKind.File,
    };

    public static BtrfsInode Parse(BtrfsItem item)
    {
        if (item.Data.Length < Size || BinaryPrimitives.ReadInt64LittleEndian(item.Data.Span[16..]) < 0)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"an inode item of {item.Data.Length} bytes", $"item {item.Key}");
        }

        return new BtrfsInode(item.Key.ObjectId, item.Data.Span);
    }

    /// <summary>dev_t as Linux keeps it inside: 12 bits of major, 20 of minor.</summary>
    public NodeMetadata ToMetadata(NodeId node)
        => new(node, Kind, (int)(Mode & 0xFFF), Uid, Gid, Length, Links, Modified, (uint)((Device >> 20) & 0xFFF), (uint)(Device & 0xFFFFF));

    /// <summary>A damaged time becomes the epoch, which tells as much.</summary>
    private static DateTimeOffset ToTime(long seconds, uint nanoseconds)
        => seconds is > -62135596800 and < 253402300800 && nanoseconds < 1_000_000_000
            ? DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / 100)
            : DateTimeOffset.UnixEpoch;
}
