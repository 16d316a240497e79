using System.Buffers.Binary;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>
/// The constant header of a space-efficient sparse extent (ESXi 5.5 and later). VMware does not document it; these are the facts that QEMU's reader
/// (block/vmdk.c) and dissect.hypervisor agree upon. Sectors, 64 bit, little-endian.
/// </summary>
internal sealed record VmdkSeSparseHeader
{
    public const int Size = 512;
    public const ulong Magic = 0xcafebabe;
    public const ulong VolatileMagic = 0xcafecafe;
    public const ulong SupportedVersion = 0x0000_0002_0000_0001;
    public const int GrainSectors = 8;
    public const int TableSectors = 64;
    public const int TableEntries = TableSectors * VmdkHeader.SectorSize / 8;
    private const int FieldCount = 26;

    private readonly ulong[] _fields;

    private VmdkSeSparseHeader(ulong[] fields) => _fields = fields;

    public ulong Capacity => _fields[2];

    public ulong VolatileHeader => _fields[10];

    public ulong Directory => _fields[16];

    public ulong DirectorySectors => _fields[17];

    public ulong Tables => _fields[18];

    public ulong TablesSectors => _fields[19];

    public ulong Grains => _fields[24];

    public static bool IsHeader(ReadOnlySpan<byte> bytes)
        => bytes.Length >= 16 && BinaryPrimitives.ReadUInt64LittleEndian(bytes) == Magic && BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]) >> 32 == SupportedVersion >> 32;

    public static VmdkSeSparseHeader Parse(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic)
        {
            throw VmdkDiagnostics.BadHeader.ToException("there is no header of a seSparse extent, which starts with 0xcafebabe", name);
        }

        var fields = new ulong[FieldCount];
        for (var i = 0; i < FieldCount; i++)
        {
            fields[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * 8)..]);
        }

        if (fields[1] != SupportedVersion)
        {
            throw VmdkDiagnostics.UnsupportedVersion.ToException($"seSparse version 0x{fields[1]:x}; 0x{SupportedVersion:x} is read", name);
        }

        if (fields[5] != 0)
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException($"seSparse flags 0x{fields[5]:x16} are not known", name);
        }

        if (fields[3] != GrainSectors || fields[4] != TableSectors)
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header tells of grains of {fields[3]} and tables of {fields[4]} sectors; {GrainSectors} and {TableSectors} are read", name);
        }

        var header = new VmdkSeSparseHeader(fields);
        var needed = (header.Capacity / (GrainSectors * TableEntries)) + 1;
        if (header.Capacity > VmdkHeader.CapacityMax || fields[10..].Any(field => field > VmdkHeader.CapacityMax) || header.DirectorySectors * 64 < needed - (header.Capacity % (GrainSectors * TableEntries) == 0 ? 1UL : 0))
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header tells of {header.Capacity} sectors and a directory of {header.DirectorySectors} sectors, which cannot be right", name);
        }

        return header;
    }

    /// <summary>Refuses an image whose journal has not been replayed: its tables are not what the guest saw.</summary>
    public static void CheckVolatile(ReadOnlySpan<byte> bytes, string name)
    {
        if (bytes.Length < Size || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != VolatileMagic)
        {
            throw VmdkDiagnostics.BadHeader.ToException("the volatile header of the seSparse extent does not start with 0xcafecafe", name);
        }

        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]) != 0)
        {
            throw VmdkDiagnostics.UnsupportedFeature.ToException("the seSparse extent has a journal to be replayed: its host did not close it", name);
        }
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        for (var i = 0; i < FieldCount; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), _fields[i]);
        }

        return bytes;
    }
}
