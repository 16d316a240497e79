using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Key of an item: struct btrfs_disk_key, 17 bytes; ordered by object, type, offset.</summary>
internal readonly record struct BtrfsKey(ulong ObjectId, byte Type, ulong Offset) : IComparable<BtrfsKey>
{
    public const int Size = 17;

    public const byte InodeItem = 1;
    public const byte InodeRef = 12;
    public const byte InodeExtref = 13;
    public const byte XattrItem = 24;
    public const byte OrphanItem = 48;
    public const byte DirItem = 84;
    public const byte DirIndex = 96;
    public const byte ExtentData = 108;
    public const byte ExtentCsum = 128;
    public const byte RootItem = 132;
    public const byte RootBackref = 144;
    public const byte RootRef = 156;
    public const byte ExtentItem = 168;
    public const byte MetadataItem = 169;
    public const byte TreeBlockRef = 176;
    public const byte ExtentDataRef = 178;
    public const byte SharedBlockRef = 182;
    public const byte SharedDataRef = 184;
    public const byte BlockGroupItem = 192;
    public const byte FreeSpaceInfo = 198;
    public const byte FreeSpaceExtent = 199;
    public const byte FreeSpaceBitmap = 200;
    public const byte DevExtent = 204;
    public const byte DevItem = 216;
    public const byte ChunkItem = 228;
    public const byte QgroupStatus = 240;
    public const byte DevReplace = 250;

    public void Write(Span<byte> data)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(data, ObjectId);
        data[8] = Type;
        BinaryPrimitives.WriteUInt64LittleEndian(data[9..], Offset);
    }

    public static BtrfsKey Read(ReadOnlySpan<byte> data)
        => new(BinaryPrimitives.ReadUInt64LittleEndian(data), data[8], BinaryPrimitives.ReadUInt64LittleEndian(data[9..]));

    public static bool operator <(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) < 0;

    public static bool operator >(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(BtrfsKey left, BtrfsKey right) => left.CompareTo(right) >= 0;

    public int CompareTo(BtrfsKey other)
        => ObjectId != other.ObjectId ? ObjectId.CompareTo(other.ObjectId) : Type != other.Type ? Type.CompareTo(other.Type) : Offset.CompareTo(other.Offset);

    public override string ToString() => $"({ObjectId} {Type} {Offset})";
}
