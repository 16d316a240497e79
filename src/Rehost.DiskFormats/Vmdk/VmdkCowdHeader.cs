using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>COWDisk_Header of ESX server sparse extents (Virtual Disk Format 5.0, "ESX Server Sparse Extent Header"). Sectors, little-endian.</summary>
internal sealed record VmdkCowdHeader
{
    public const int Size = 2048;
    public const int TableEntries = 4096;
    public const uint Magic = 0x44574f43; // COWD in the file

    /// <summary>COWDISK_ROOT, CHECKCAPABLE and INCONSISTENT.</summary>
    private const uint KnownFlags = 7;

    public uint Version { get; init; } = 1;

    public uint Flags { get; init; } = 3;

    public uint Sectors { get; init; }

    public uint GrainSectors { get; init; }

    public uint DirectoryOffset { get; init; } = 4;

    public uint DirectoryEntries { get; init; }

    public uint FreeSector { get; init; }

    /// <summary>Everything behind: geometry or the parent's name, generations, description. Nothing of it is needed, because the descriptor says it too.</summary>
    public required byte[] Rest { get; init; }

    public static bool IsHeader(ReadOnlySpan<byte> bytes) => bytes.Length >= 4 && BinaryPrimitives.ReadUInt32LittleEndian(bytes) == Magic;

    public static VmdkCowdHeader Parse(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < Size || !IsHeader(bytes))
        {
            throw VmdkDiagnostics.BadHeader.ToException("there is no header of an ESX sparse extent, which starts with COWD", name);
        }

        var header = new VmdkCowdHeader
        {
            Version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
            Flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]),
            Sectors = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]),
            GrainSectors = BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]),
            DirectoryOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]),
            DirectoryEntries = BinaryPrimitives.ReadUInt32LittleEndian(bytes[24..]),
            FreeSector = BinaryPrimitives.ReadUInt32LittleEndian(bytes[28..]),
            Rest = bytes[32..Size].ToArray(),
        };
        if (header.Version != 1)
        {
            throw VmdkDiagnostics.UnsupportedVersion.ToException($"COWD version {header.Version}; 1 is read", name);
        }

        if ((header.Flags & ~KnownFlags) is var unknown and not 0)
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"COWD flags 0x{unknown:x8} are not known", name);
        }

        if (header.GrainSectors is 0 or > VmdkHeader.GrainSectorsMax || !BitOperations.IsPow2(header.GrainSectors))
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header tells of grains of {header.GrainSectors} sectors; powers of two up to {VmdkHeader.GrainSectorsMax} are read", name);
        }

        var needed = ((long)header.Sectors + ((long)header.GrainSectors * TableEntries) - 1) / ((long)header.GrainSectors * TableEntries);
        return header.DirectoryEntries >= needed
            ? header
            : throw VmdkDiagnostics.BadHeader.ToException($"the header tells of a directory of {header.DirectoryEntries} entries where {needed} are needed", name);
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), Flags);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(12), Sectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(16), GrainSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(20), DirectoryOffset);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), DirectoryEntries);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(28), FreeSector);
        Rest.CopyTo(bytes, 32);
        return bytes;
    }
}
