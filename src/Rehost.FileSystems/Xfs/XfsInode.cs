using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs;

/// <summary>How a fork of an inode keeps its content (enum xfs_dinode_fmt).</summary>
internal enum XfsFormat
{
    Device = 0,
    Local = 1,
    Extents = 2,
    Tree = 3,
}

/// <summary>A fork: the content of a file, or its attributes.</summary>
internal readonly record struct XfsFork(XfsFormat Format, ReadOnlyMemory<byte> Bytes, ulong ExtentCount);

/// <summary>struct xfs_dinode, versions 1 to 3.</summary>
internal sealed class XfsInode
{
    private const ushort Magic = 0x494E; // IN
    private const int Version3Core = 176;
    private const int Version2Core = 100;
    private const ulong BigTimeFlag = 8;
    private const ulong ManyExtentsFlag = 0x10;

    private readonly byte[] _bytes;

    private XfsInode(byte[] bytes, ulong number)
    {
        _bytes = bytes;
        Number = number;
    }

    public ulong Number { get; }

    public long Length => BinaryPrimitives.ReadInt64BigEndian(_bytes.AsSpan(56));

    public int Permissions => U16(2) & 0xFFF;

    public bool IsRealtime => (U16(90) & 1) != 0;

    public NodeKind Kind => (U16(2) & 0xF000) switch
    {
        0x4000 => NodeKind.Directory,
        0xA000 => NodeKind.SymbolicLink,
        0x2000 => NodeKind.CharacterDevice,
        0x6000 => NodeKind.BlockDevice,
        0x1000 => NodeKind.Fifo,
        0xC000 => NodeKind.Socket,
        _ => NodeKind.File,
    };

    public XfsFork Data { get; private set; }

    /// <summary>Null when there are no attributes.</summary>
    public XfsFork? Attributes { get; private set; }

    private int Version => _bytes[4];

    private ulong Flags2 => Version >= 3 ? BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(120)) : 0;

    public static XfsInode Parse(byte[] bytes, ulong number, XfsSuperblock superblock)
    {
        var inode = new XfsInode(bytes, number);
        var where = $"inode {number}";
        if (inode.U16(0) != Magic || inode.Version is < 1 or > 3 || (inode.Version == 3) != superblock.IsVersion5)
        {
            throw XfsDiagnostics.BadInode.ToException($"magic number 0x{inode.U16(0):x4}, version {inode.Version}", where);
        }

        if (inode.Version == 3 && (!XfsChecksum.Matches(bytes, 100) || BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(152)) != number
            || new Guid(bytes.AsSpan(160, 16), bigEndian: true) != superblock.MetadataUuid))
        {
            throw XfsDiagnostics.BadInode.ToException("its checksum, number or id is wrong", where);
        }

        if (inode.U16(2) == 0 || inode.Length < 0)
        {
            throw XfsDiagnostics.BadInode.ToException(inode.Length < 0 ? $"its size is {inode.Length}" : "it is free", where);
        }

        inode.FindForks(where);
        return inode;
    }

    public NodeMetadata ToMetadata(NodeId node)
    {
        var device = Kind is NodeKind.CharacterDevice or NodeKind.BlockDevice && Data.Bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32BigEndian(Data.Bytes.Span) : 0;
        var links = Version == 1 ? U16(6) : BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(16));
        return new NodeMetadata(node, Kind, Permissions, BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(8)), BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(12)), Length, links, Modified(), (device >> 18) & 0x3FFF, device & 0x3FFFF);
    }

    private void FindForks(string where)
    {
        var core = Version == 3 ? Version3Core : Version2Core;
        var attributeStart = _bytes[82] == 0 ? _bytes.Length : core + (_bytes[82] * 8);
        if (attributeStart > _bytes.Length)
        {
            throw XfsDiagnostics.BadInode.ToException($"its attributes start at byte {attributeStart} of {_bytes.Length}", where);
        }

        // With nrext64 the counts moved: 64 bits where flushiter and padding were, 32 where the count of data extents was.
        var isWide = (Flags2 & ManyExtentsFlag) != 0;
        var dataExtents = isWide ? BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(24)) : BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(76));
        var attributeExtents = isWide ? BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(76)) : U16(80);
        Data = ToFork(_bytes[5], _bytes.AsMemory(core..attributeStart), dataExtents, where);
        if (attributeStart < _bytes.Length)
        {
            Attributes = ToFork(_bytes[83], _bytes.AsMemory(attributeStart..), attributeExtents, where);
        }
    }

    private static XfsFork ToFork(byte format, ReadOnlyMemory<byte> bytes, ulong extents, string where)
    {
        if (format > 3 || (format == 2 && extents > (ulong)(bytes.Length / XfsExtent.Size)))
        {
            throw XfsDiagnostics.BadInode.ToException($"a fork of format {format} with {extents} extents in {bytes.Length} bytes", where);
        }

        return new XfsFork((XfsFormat)format, bytes, extents);
    }

    private DateTimeOffset Modified()
    {
        var stored = _bytes.AsSpan(40);
        var (seconds, nanoseconds) = (Flags2 & BigTimeFlag) != 0
            ? ((long)(BinaryPrimitives.ReadUInt64BigEndian(stored) / 1_000_000_000) - 2_147_483_648, (long)(BinaryPrimitives.ReadUInt64BigEndian(stored) % 1_000_000_000))
            : (BinaryPrimitives.ReadInt32BigEndian(stored), BinaryPrimitives.ReadInt32BigEndian(stored[4..]));

        // 18.4 thousand million seconds are the year 2553: always a date.
        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(Math.Clamp(nanoseconds, 0, 999_999_999) / 100);
    }

    private ushort U16(int at) => BinaryPrimitives.ReadUInt16BigEndian(_bytes.AsSpan(at));
}
