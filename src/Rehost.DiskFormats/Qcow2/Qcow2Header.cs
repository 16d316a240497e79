using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>The header of a qcow2 image, versions 2 and 3 (QEMU docs/interop/qcow2.txt).</summary>
internal sealed record Qcow2Header
{
    public const int Size = 112;
    public const int L1EntriesMax = (32 << 20) / 8; // as QEMU: an L1 table of 32 MiB
    public const uint Magic = 0x514649FB;
    public const int Version2Size = 72;
    public const int Version3Size = 104;
    public const ulong LazyRefcounts = 1; // compatible
    public const ulong BitmapsAreValid = 1; // autoclear
    public const ulong DataFileIsRaw = 2; // autoclear
    private const int SmallestSubclusterBits = 14; // 32 subclusters of 512 bytes
    private const int RefcountTableMax = 8 << 20; // as QEMU

    public required uint Version { get; init; }

    public ulong BackingFileOffset { get; init; }

    public uint BackingFileSize { get; init; }

    public required int ClusterBits { get; init; }

    public required long DiskLength { get; init; }

    public uint CryptMethod { get; init; }

    public required int L1Entries { get; init; }

    public required FileOffset L1Table { get; init; }

    public FileOffset RefcountTable { get; init; }

    public uint RefcountTableClusters { get; init; }

    public uint SnapshotCount { get; init; }

    public ulong SnapshotsOffset { get; init; }

    public Qcow2Features Incompatible { get; init; }

    public ulong Compatible { get; init; }

    public ulong AutoClear { get; init; }

    public uint RefcountOrder { get; init; } = 4;

    public uint HeaderLength { get; init; } = Size;

    public ImageCompression Compression { get; init; } = ImageCompression.Zlib;

    public int ClusterSize => 1 << ClusterBits;

    public bool HasExtendedL2 => Incompatible.HasFlag(Qcow2Features.ExtendedL2);

    public bool HasDataFile => Incompatible.HasFlag(Qcow2Features.ExternalData);

    /// <summary>Bytes of an L2 entry.</summary>
    public int L2EntrySize => HasExtendedL2 ? 16 : 8;

    /// <summary>Bytes of the disk that one L2 table describes.</summary>
    public long L2Coverage => (long)ClusterSize * (ClusterSize / L2EntrySize);

    /// <summary>Reads a header and checks what the format demands of every image; what this reader demands is <see cref="Qcow2Metadata"/>'s.</summary>
    public static Qcow2Header Parse(IBlockDevice file, string name)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bytes.Clear();
        if (file.Length < Version2Size)
        {
            throw Qcow2Diagnostics.BadHeader.ToException($"the file has {file.Length} bytes, a header has {Version2Size}", name);
        }

        file.Read(GuestOffset.Zero, bytes[..(int)Math.Min(Size, file.Length)]);
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes) is var magic && magic != Magic)
        {
            throw Qcow2Diagnostics.BadHeader.ToException($"the file starts with 0x{magic:x8}, a qcow2 image starts with 0x{Magic:x8}", name);
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (version is not (2 or 3))
        {
            throw Qcow2Diagnostics.UnsupportedVersion.ToException($"version {version}; 2 and 3 are read", name);
        }

        var clusterBits = BinaryPrimitives.ReadUInt32BigEndian(bytes[20..]);
        var length = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
        var l1Entries = BinaryPrimitives.ReadUInt32BigEndian(bytes[36..]);
        var headerLength = version == 2 ? Version2Size : BinaryPrimitives.ReadUInt32BigEndian(bytes[100..]);
        Demand(clusterBits is >= 9 and <= 21, $"clusters of 2^{clusterBits} bytes; 2^9 to 2^21 are allowed", name);
        Demand(length <= long.MaxValue >> 1, $"a disk of {length} bytes", name);
        Demand(l1Entries <= L1EntriesMax, $"an L1 table of {l1Entries} entries; at most {L1EntriesMax} are read", name);
        Demand(version == 2 || (headerLength >= Version3Size && headerLength <= 1u << (int)clusterBits && headerLength <= file.Length), $"a header of {headerLength} bytes", name);
        var header = new Qcow2Header
        {
            Version = version,
            BackingFileOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
            BackingFileSize = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
            ClusterBits = (int)clusterBits,
            DiskLength = (long)length,
            CryptMethod = BinaryPrimitives.ReadUInt32BigEndian(bytes[32..]),
            L1Entries = (int)l1Entries,
            L1Table = Offset(BinaryPrimitives.ReadUInt64BigEndian(bytes[40..]), "L1 table", name),
            RefcountTable = Offset(BinaryPrimitives.ReadUInt64BigEndian(bytes[48..]), "refcount table", name),
            RefcountTableClusters = BinaryPrimitives.ReadUInt32BigEndian(bytes[56..]),
            SnapshotCount = BinaryPrimitives.ReadUInt32BigEndian(bytes[60..]),
            SnapshotsOffset = BinaryPrimitives.ReadUInt64BigEndian(bytes[64..]),
            Incompatible = version == 2 ? Qcow2Features.None : (Qcow2Features)BinaryPrimitives.ReadUInt64BigEndian(bytes[72..]),
            Compatible = version == 2 ? 0 : BinaryPrimitives.ReadUInt64BigEndian(bytes[80..]),
            AutoClear = version == 2 ? 0 : BinaryPrimitives.ReadUInt64BigEndian(bytes[88..]),
            RefcountOrder = version == 2 ? 4 : BinaryPrimitives.ReadUInt32BigEndian(bytes[96..]),
            HeaderLength = headerLength,
        };
        header = header with { Compression = header.CompressionOf(bytes, name) };
        header.Check(file, name);
        return header;
    }

    /// <summary>The header's bytes, without additional fields that this reader does not know.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), Version);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), BackingFileOffset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(16), BackingFileSize);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(20), ClusterBits);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(24), DiskLength);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(32), CryptMethod);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(36), L1Entries);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(40), L1Table.Value);
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(48), RefcountTable.Value);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(56), RefcountTableClusters);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(60), SnapshotCount);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(64), SnapshotsOffset);
        if (Version == 2)
        {
            return bytes[..Version2Size];
        }

        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(72), (ulong)Incompatible);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(80), Compatible);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(88), AutoClear);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(96), RefcountOrder);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(100), HeaderLength);
        bytes[104] = Compression == ImageCompression.Zstd ? (byte)1 : (byte)0;
        return bytes[..(int)Math.Min(HeaderLength, Size)];
    }

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw Qcow2Diagnostics.BadHeader.ToException($"the header tells of {found}", name);
        }
    }

    private static FileOffset Offset(ulong value, string what, string name)
        => value <= long.MaxValue >> 8 ? new FileOffset((long)value) : throw Qcow2Diagnostics.BadHeader.ToException($"the header puts the {what} at 0x{value:x}", name);

    private ImageCompression CompressionOf(ReadOnlySpan<byte> bytes, string name)
    {
        if (!Incompatible.HasFlag(Qcow2Features.CompressionType) || HeaderLength <= Version3Size)
        {
            return ImageCompression.Zlib;
        }

        return bytes[104] switch
        {
            0 => ImageCompression.Zlib,
            1 => ImageCompression.Zstd,
            var type => throw Qcow2Diagnostics.UnsupportedFeature.ToException($"compression type {type}; zlib (0) and zstd (1) are read", name),
        };
    }

    private void Check(IBlockDevice file, string name)
    {
        Demand(!HasExtendedL2 || ClusterBits >= SmallestSubclusterBits, $"subclusters in clusters of 2^{ClusterBits} bytes; at least 2^{SmallestSubclusterBits} are needed", name);
        Demand(RefcountOrder <= 6, $"reference counts of 2^{RefcountOrder} bits; at most 64 bits are allowed", name);
        Demand(RefcountTableClusters <= RefcountTableMax >> ClusterBits || RefcountTableClusters == 1, $"a refcount table of {RefcountTableClusters} clusters", name);
        var needed = (DiskLength / L2Coverage) + (DiskLength % L2Coverage == 0 ? 0 : 1);
        Demand(L1Entries >= needed, $"an L1 table of {L1Entries} entries where {needed} are needed", name);
        CheckL1(L1Table, L1Entries, file, name);
    }

    /// <summary>Whether an L1 table, the active one or a snapshot's, can lie where it is said to.</summary>
    public void CheckL1(FileOffset offset, int entries, IBlockDevice file, string name)
    {
        Demand(entries == 0 || (offset.Value % ClusterSize == 0 && offset.Value >= ClusterSize), $"an L1 table at {offset}", name);
        Demand(offset.Value <= file.Length - (8L * entries), $"an L1 table of {entries} entries at {offset} in a file of {file.Length} bytes", name);
    }
}
