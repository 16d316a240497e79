using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Volumes.Mbr;

/// <summary>A view of sector 0, or of an extended boot record: boot code, disk id at 0x1b8, four entries at 0x1be, 55 AA at 0x1fe.</summary>
internal readonly ref struct MbrSector(ReadOnlySpan<byte> sector)
{
    public const int Size = 512;
    public const int DiskIdOffset = 0x1b8;
    public const int TableOffset = 0x1be;
    public const int EntrySize = 16;
    public const int EntryCount = 4;
    public const int SignatureOffset = 0x1fe;

    private readonly ReadOnlySpan<byte> _sector = sector[..Size];

    public bool HasSignature => _sector[SignatureOffset] == 0x55 && _sector[SignatureOffset + 1] == 0xaa;

    public uint DiskId => BinaryPrimitives.ReadUInt32LittleEndian(_sector[DiskIdOffset..]);

    /// <summary>Linux takes sector 0 as a table only when every boot indicator is 00 or 80: boot sectors of FAT and NTFS hold code or text there.</summary>
    public bool HasValidBootIndicators
    {
        get
        {
            for (var index = 0; index < EntryCount; index++)
            {
                if (_sector[TableOffset + (index * EntrySize)] is not (0 or 0x80))
                {
                    return false;
                }
            }

            return true;
        }
    }

    public bool HasProtectiveEntry
    {
        get
        {
            for (var index = 0; index < EntryCount; index++)
            {
                if (this[index].Type == PartitionTypes.MbrProtective)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>Whether there are entries beside the protective one.</summary>
    public bool IsHybrid
    {
        get
        {
            for (var index = 0; index < EntryCount; index++)
            {
                if (this[index].Type is not (0 or PartitionTypes.MbrProtective))
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>The entry of an extended boot record that leads to the next one; -1 when there is none.</summary>
    public int LinkSlot => FindSlot(static entry => !entry.IsEmpty && entry.IsExtended);

    /// <summary>The first empty entry; -1 when there is none.</summary>
    public int FreeSlot => FindSlot(static entry => entry.IsEmpty);

    /// <summary>FAT, exFAT or NTFS when this is their boot sector by its own fields; null otherwise. A boot loader in the MBR may keep such fields, so this is evidence, not proof.</summary>
    public string? FileSystemName
    {
        get
        {
            if (_sector[0] is not (0xeb or 0xe9))
            {
                return null;
            }

            if (_sector.Slice(3, 8).SequenceEqual("NTFS    "u8))
            {
                return "NTFS";
            }

            if (_sector.Slice(3, 8).SequenceEqual("EXFAT   "u8))
            {
                return "exFAT";
            }

            var bytesPerSector = BinaryPrimitives.ReadUInt16LittleEndian(_sector[0x0b..]);
            var reserved = BinaryPrimitives.ReadUInt16LittleEndian(_sector[0x0e..]);
            return bytesPerSector is 512 or 1024 or 2048 or 4096 && BitOperations.IsPow2((int)_sector[0x0d]) && reserved != 0
                && _sector[0x10] is 1 or 2 && _sector[0x15] is 0xf0 or >= 0xf8 ? "FAT" : null;
        }
    }

    private int FindSlot(Func<RawMbrEntry, bool> isIt)
    {
        for (var index = 0; index < EntryCount; index++)
        {
            if (isIt(this[index]))
            {
                return index;
            }
        }

        return -1;
    }

    public RawMbrEntry this[int index]
    {
        get
        {
            var entry = _sector.Slice(TableOffset + (index * EntrySize), EntrySize);
            return new RawMbrEntry(entry[0], entry[4], BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), BinaryPrimitives.ReadUInt32LittleEndian(entry[12..]));
        }
    }
}

/// <summary>One entry as stored; the CHS fields are ignored, as every reader since LBA does.</summary>
internal readonly record struct RawMbrEntry(byte BootIndicator, byte Type, uint Start, uint Sectors)
{
    /// <summary>Linux goes by the size alone.</summary>
    public bool IsEmpty => Sectors == 0;

    public bool IsExtended => Type is 0x05 or 0x0f or 0x85;
}
