using System.Buffers.Binary;

namespace Rehost.FileSystems.Fat;

/// <summary>The FSInfo sector of FAT32: hints that others believe, and which are therefore kept right.</summary>
/// <param name="FreeCount">Free clusters; all ones when not known.</param>
/// <param name="Next">Where to look for free ones; all ones when not known.</param>
internal readonly record struct FreeSpaceInfo(uint FreeCount, uint Next)
{
    private const int Size = 512;
    private const uint LeadSignature = 0x41615252;
    private const uint StructSignature = 0x61417272;

    /// <summary>Null when the volume has none.</summary>
    internal static FreeSpaceInfo? Read(FatBootSector boot, PageCache cache)
    {
        if (boot.Bits != 32 || boot.InfoSector == 0 || boot.InfoSector >= boot.ReservedSectors)
        {
            return null;
        }

        Span<byte> raw = stackalloc byte[Size];
        cache.Read(Position(boot), raw);
        return BinaryPrimitives.ReadUInt32LittleEndian(raw) == LeadSignature && BinaryPrimitives.ReadUInt32LittleEndian(raw[484..]) == StructSignature
            ? new FreeSpaceInfo(BinaryPrimitives.ReadUInt32LittleEndian(raw[488..]), BinaryPrimitives.ReadUInt32LittleEndian(raw[492..]))
            : null;
    }

    internal void Write(FatBootSector boot, PageCache cache)
    {
        Span<byte> raw = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(raw, FreeCount);
        BinaryPrimitives.WriteUInt32LittleEndian(raw[4..], Next);
        cache.Write(Position(boot) + 488, raw);
    }

    private static long Position(FatBootSector boot) => (long)boot.InfoSector * boot.BytesPerSector;
}
