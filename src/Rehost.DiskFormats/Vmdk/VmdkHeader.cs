using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>SparseExtentHeader of a hosted sparse extent (Virtual Disk Format 5.0, "Hosted Sparse Extent Header"); all numbers are sectors, little-endian.</summary>
internal sealed record VmdkHeader
{
    public const int Size = 512;
    public const int SectorSize = 512;
    public const uint Magic = 0x564d444b; // KDMV in the file
    public const ulong DirectoryAtEnd = ulong.MaxValue;
    public const int GrainSectorsMax = 32 * 1024; // 16 MiB; VMware writes 128 sectors and nothing else
    public const int TableEntriesMax = 64 * 1024;
    public const ulong CapacityMax = 1UL << 45; // 16 PiB, far above what hypervisors make and far below overflow
    public const uint NewlineDetection = 1;
    public const uint RedundantTables = 2;
    public const uint ZeroedGrains = 4;
    public const uint Compressed = 1 << 16;
    public const uint Markers = 1 << 17;
    public const ushort Deflate = 1;
    private const uint KnownFlags = NewlineDetection | RedundantTables | ZeroedGrains | Compressed | Markers;
    private const uint NewlineCharacters = 0x0a0d200a; // "\n \r\n": transfers in text mode would change them

    public uint Version { get; init; } = 1;

    public uint Flags { get; init; } = NewlineDetection;

    public ulong Capacity { get; init; }

    public ulong GrainSectors { get; init; } = 128;

    public ulong DescriptorOffset { get; init; }

    public ulong DescriptorSectors { get; init; }

    public uint TableEntries { get; init; } = 512;

    public ulong RedundantDirectory { get; init; }

    public ulong Directory { get; init; }

    public ulong Overhead { get; init; }

    public byte UncleanShutdown { get; init; }

    public uint LineEnds { get; init; } = NewlineCharacters;

    public ushort CompressAlgorithm { get; init; }

    public bool IsCompressed => (Flags & Compressed) != 0;

    public bool HasMarkers => (Flags & Markers) != 0;

    public int GrainBytes => (int)GrainSectors * SectorSize;

    /// <summary>Tables that the capacity needs.</summary>
    public long TableCount => (long)((Capacity + (GrainSectors * TableEntries) - 1) / (GrainSectors * TableEntries));

    public static bool IsHeader(ReadOnlySpan<byte> bytes) => bytes.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic;

    /// <summary>Reads a header and refuses what is not known; where tables lie is checked by those who read them.</summary>
    public static VmdkHeader Parse(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < Size || !IsHeader(bytes))
        {
            throw VmdkDiagnostics.BadHeader.ToException("there is no sparse extent header, which starts with KDMV", name);
        }

        var header = new VmdkHeader
        {
            Version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            Capacity = BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]),
            GrainSectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[20..]),
            DescriptorOffset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[28..]),
            DescriptorSectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[36..]),
            TableEntries = BinaryPrimitives.ReadUInt32LittleEndian(bytes[44..]),
            RedundantDirectory = BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]),
            Directory = BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]),
            Overhead = BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]),
            UncleanShutdown = bytes[72],
            LineEnds = BinaryPrimitives.ReadUInt32LittleEndian(bytes[73..]),
            CompressAlgorithm = BinaryPrimitives.ReadUInt16LittleEndian(bytes[77..]),
        };
        header.Check(name);
        return header;
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Flags);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(12), Capacity);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(20), GrainSectors);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(28), DescriptorOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(36), DescriptorSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(44), TableEntries);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(48), RedundantDirectory);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(56), Directory);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64), Overhead);
        bytes[72] = UncleanShutdown;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(73), LineEnds);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(77), CompressAlgorithm);
        return bytes;
    }

    private void Check(string name)
    {
        if (Version is not (1 or 2 or 3))
        {
            throw VmdkDiagnostics.UnsupportedVersion.ToException($"sparse extent version {Version}; 1, 2 and 3 are read", name);
        }

        if ((Flags & ~KnownFlags) is var unknown and not 0)
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"sparse extent flags 0x{unknown:x8} are not known", name);
        }

        if (IsCompressed && CompressAlgorithm != Deflate)
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"compression algorithm {CompressAlgorithm}; deflate (1) is read", name);
        }

        Demand(LineEnds == NewlineCharacters || (Flags & NewlineDetection) == 0, "line ends that a transfer in text mode has changed, as it has changed the content", name);
        Demand(Capacity <= CapacityMax, $"{Capacity} sectors; at most {CapacityMax} are read", name);
        Demand(GrainSectors is > 0 and <= GrainSectorsMax && BitOperations.IsPow2(GrainSectors), $"grains of {GrainSectors} sectors; powers of two up to {GrainSectorsMax} are read", name);
        Demand(TableEntries is > 0 and <= TableEntriesMax, $"grain tables of {TableEntries} entries; 1 to {TableEntriesMax} are read", name);
    }

    private static void Demand(bool condition, string found, string name)
    {
        if (!condition)
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header tells of {found}", name);
        }
    }
}
