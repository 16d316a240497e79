using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;

namespace Rehost.Volumes.Gpt;

/// <summary>A GPT header that passed its checks (UEFI specification 2.10, table 5.5).</summary>
internal sealed record GptHeader(
    int SectorSize, long Current, long Alternate, long FirstUsable, long LastUsable, Guid DiskGuid, long EntriesStart, int EntryCount, int EntrySize, uint EntriesCrc)
{
    public const int MinimumSize = 92;

    /// <summary>128 entries of 128 bytes are usual; nothing larger than this is believed.</summary>
    public const int MaximumTableBytes = 4 << 20;

    public static ReadOnlySpan<byte> Signature => "EFI PART"u8;

    /// <summary>Reads and checks the header in a sector.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="sector">Where the header should be.</param>
    /// <param name="sectorSize">Bytes in a sector.</param>
    /// <param name="problem">What is wrong, when null is returned.</param>
    public static GptHeader? Read(IBlockDevice disk, long sector, int sectorSize, out string problem)
    {
        var diskSectors = disk.Length / sectorSize;
        if (sector < 1 || sector >= diskSectors)
        {
            problem = $"a header at sector {sector} would leave a disk of {diskSectors} sectors";
            return null;
        }

        var bytes = new byte[sectorSize];
        disk.Read(new Lba(sector).ToOffset(sectorSize), bytes);
        if (!bytes.AsSpan().StartsWith(Signature))
        {
            problem = $"no 'EFI PART' at sector {sector} ({sectorSize}-byte sectors)";
            return null;
        }

        var size = U32(bytes, 0x0c);
        if (size < MinimumSize || size > (uint)sectorSize)
        {
            problem = $"a header size of {size} at sector {sector}; {MinimumSize} to {sectorSize} are possible";
            return null;
        }

        var stored = U32(bytes, 0x10);
        bytes.AsSpan(0x10, 4).Clear();
        var computed = Crc32.Of(bytes.AsSpan(0, (int)size));
        if (stored != computed)
        {
            problem = $"the header at sector {sector} has CRC {computed:x8} against {stored:x8} stored";
            return null;
        }

        return Check(bytes, sector, sectorSize, diskSectors, out problem);
    }

    private static GptHeader? Check(byte[] bytes, long sector, int sectorSize, long diskSectors, out string problem)
    {
        var current = U64(bytes, 0x18);
        var entriesStart = U64(bytes, 0x48);
        var count = U32(bytes, 0x50);
        var entrySize = U32(bytes, 0x54);
        var tableBytes = (ulong)count * entrySize;
        problem = "";
        if (current != (ulong)sector)
        {
            problem = $"the header at sector {sector} says that it is at {current}";
        }
        else if (entrySize is < 128 or > 4096 || entrySize % 8 != 0)
        {
            problem = $"entries of {entrySize} bytes; 128 to 4096 are supported";
        }
        else if (tableBytes > MaximumTableBytes)
        {
            problem = $"{count} entries of {entrySize} bytes; {MaximumTableBytes} bytes at most are believed";
        }
        else if (entriesStart < 1 || entriesStart >= (ulong)diskSectors
            || tableBytes > (ulong)(diskSectors - (long)entriesStart) * (ulong)sectorSize)
        {
            problem = $"{count} entries at sector {entriesStart} leave a disk of {diskSectors} sectors";
        }

        return problem.Length > 0
            ? null
            : new GptHeader(sectorSize, sector, Saturate(U64(bytes, 0x20)), Saturate(U64(bytes, 0x28)), Saturate(U64(bytes, 0x30)),
                new Guid(bytes.AsSpan(0x38, 16)), (long)entriesStart, (int)count, (int)entrySize, U32(bytes, 0x58));
    }

    private static long Saturate(ulong value) => (long)Math.Min(value, long.MaxValue);

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));

    private static ulong U64(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(offset));
}
