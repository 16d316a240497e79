using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace Rehost.DiskFormats.Vhd;

/// <summary>The footer of a VHD, of which dynamic ones have a copy at the start (VHD Image Format Specification 1.0, "Hard Disk Footer Format"; big endian).</summary>
internal sealed record VhdFooter
{
    public const int Size = 512;
    public const int OldSize = 511; // Virtual PC before 2004
    public const uint TypeFixed = 2;
    public const uint TypeDynamic = 3;
    public const uint TypeDifferencing = 4;
    public const ulong NoDataOffset = ulong.MaxValue;
    public const uint FeatureReserved = 2; // always set
    public const uint FormatVersion1 = 0x0001_0000;
    private const int ChecksumAt = 64;
    private const int ReservedAt = 85;

    public static ReadOnlySpan<byte> Cookie => "conectix"u8;

    /// <summary>What XenServer writes over the cookie while it changes a chain.</summary>
    public static ReadOnlySpan<byte> PoisonCookie => "v_poison"u8;

    public uint Features { get; init; } = FeatureReserved;

    public uint FormatVersion { get; init; } = FormatVersion1;

    /// <summary>Where the dynamic header is; all ones for fixed images.</summary>
    public ulong DataOffset { get; init; } = NoDataOffset;

    /// <summary>Seconds since 2000-01-01.</summary>
    public uint Timestamp { get; init; }

    /// <summary>Four characters: <c>win </c>, <c>tap</c> and NUL, <c>vpc </c>.</summary>
    public required uint Creator { get; init; }

    public uint CreatorVersion { get; init; }

    public uint HostOs { get; init; }

    public ulong OriginalSize { get; init; }

    public ulong CurrentSize { get; init; }

    /// <summary>Cylinders, heads, sectors: 16, 8 and 8 bits.</summary>
    public uint Geometry { get; init; }

    public uint Type { get; init; }

    public Guid UniqueId { get; init; }

    public byte SavedState { get; init; }

    /// <summary>427 bytes; XenServer keeps the flag "hidden" in the first one.</summary>
    public ImmutableArray<byte> Reserved { get; init; } = [.. new byte[Size - ReservedAt]];

    /// <summary>Whether XenServer's tapdisk made it.</summary>
    public bool IsTapdisk => Creator >> 8 == 0x746170; // "tap"

    /// <summary>Whether bitmaps count bits from the lowest, as tapdisk's first version did.</summary>
    public bool HasReversedBitmaps => IsTapdisk && CreatorVersion == 0x0000_0001;

    /// <summary>Whether tapdisk may have put a batmap behind the table.</summary>
    public bool MayHaveBatmap => IsTapdisk && CreatorVersion > 0x0000_0001;

    /// <summary>Size of the disk by its geometry.</summary>
    public long GeometryBytes => (long)(Geometry >> 16) * ((Geometry >> 8) & 0xff) * (Geometry & 0xff) * 512;

    /// <summary>The creator for people.</summary>
    public string CreatorText
    {
        get
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, Creator);
            return string.Concat(Encoding.Latin1.GetString(bytes).TrimEnd('\0', ' ').Select(c => char.IsAsciiLetterOrDigit(c) ? c : '?'));
        }
    }

    /// <summary>Whether bytes start like a footer.</summary>
    public static bool HasCookie(ReadOnlySpan<byte> bytes) => bytes.StartsWith(Cookie);

    /// <summary>Whether the checksum of a footer is right.</summary>
    public static bool HasValidChecksum(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32BigEndian(bytes[ChecksumAt..]) == Sum(bytes, ChecksumAt);

    /// <summary>One's complement of the sum of all bytes but those of the checksum itself.</summary>
    public static uint Sum(ReadOnlySpan<byte> bytes, int checksumAt)
    {
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i++)
        {
            sum += i >= checksumAt && i < checksumAt + 4 ? 0u : bytes[i];
        }

        return ~sum;
    }

    /// <summary>Takes the fields from 512 bytes; says nothing about whether they are right.</summary>
    public static VhdFooter Parse(ReadOnlySpan<byte> bytes) => new()
    {
        Features = BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]),
        FormatVersion = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
        DataOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        Timestamp = BinaryPrimitives.ReadUInt32BigEndian(bytes[24..]),
        Creator = BinaryPrimitives.ReadUInt32BigEndian(bytes[28..]),
        CreatorVersion = BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]),
        HostOs = BinaryPrimitives.ReadUInt32BigEndian(bytes[36..]),
        OriginalSize = BinaryPrimitives.ReadUInt64BigEndian(bytes[40..]),
        CurrentSize = BinaryPrimitives.ReadUInt64BigEndian(bytes[48..]),
        Geometry = BinaryPrimitives.ReadUInt32BigEndian(bytes[56..]),
        Type = BinaryPrimitives.ReadUInt32BigEndian(bytes[60..]),
        UniqueId = new Guid(bytes.Slice(68, 16), bigEndian: true),
        SavedState = bytes[84],
        Reserved = [.. bytes[ReservedAt..Size]],
    };

    /// <summary>Writes the footer with its checksum.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        Cookie.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), Features);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), FormatVersion);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), DataOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), Timestamp);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(28), Creator);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), CreatorVersion);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(36), HostOs);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(40), OriginalSize);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(48), CurrentSize);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(56), Geometry);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(60), Type);
        UniqueId.TryWriteBytes(bytes.AsSpan(68), bigEndian: true, out _);
        bytes[84] = SavedState;
        Reserved.AsSpan().CopyTo(bytes.AsSpan(ReservedAt));
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(ChecksumAt), Sum(bytes, ChecksumAt));
        return bytes;
    }
}
