using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Adds an entry to both copies of a GPT in place (UEFI specification 2.10, section 5.3). Works on the bytes, so that attributes, names and entry sizes of other makers stay as they are.
/// </summary>
internal sealed class GptEditor
{
    private const int HeaderMinimum = 92;
    private const int MaximumArray = 1 << 20;
    private readonly IBlockDevice _device;
    private readonly int _sectorSize;
    private readonly string _diskId;
    private readonly byte[] _primary;
    private readonly byte[] _backup;
    private readonly byte[] _entries;

    private GptEditor(IBlockDevice device, int sectorSize, string diskId, byte[] primary, byte[] backup, byte[] entries)
    {
        (_device, _sectorSize, _diskId, _primary, _backup, _entries) = (device, sectorSize, diskId, primary, backup, entries);
    }

    private int EntrySize => BinaryPrimitives.ReadInt32LittleEndian(_primary.AsSpan(0x54));

    /// <summary>Reads both copies.</summary>
    public static GptEditor Open(IBlockDevice device, int sectorSize, string diskId)
    {
        var primary = ReadHeader(device, sectorSize, 1, diskId);
        var backup = ReadHeader(device, sectorSize, BinaryPrimitives.ReadInt64LittleEndian(primary.AsSpan(0x20)), diskId);
        var count = BinaryPrimitives.ReadUInt32LittleEndian(primary.AsSpan(0x50));
        var size = BinaryPrimitives.ReadUInt32LittleEndian(primary.AsSpan(0x54));
        if (size is < 128 or > 4096 || count == 0 || (ulong)count * size > MaximumArray)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"the GPT has {count} entries of {size} bytes", diskId);
        }

        var entries = new byte[count * size];
        device.Read(new Lba(BinaryPrimitives.ReadInt64LittleEndian(primary.AsSpan(0x48))).ToOffset(sectorSize), entries);
        return new GptEditor(device, sectorSize, diskId, primary, backup, entries);
    }

    /// <summary>Index of an unused entry.</summary>
    public int FindFreeEntry()
    {
        // From the end of what is used: numbers of existing partitions must not be taken by the new one in a gap that fstab may still name.
        var last = -1;
        for (var i = 0; i < _entries.Length / EntrySize; i++)
        {
            last = Entry(i)[..16].ContainsAnyExcept((byte)0) ? i : last;
        }

        return last + 1 < _entries.Length / EntrySize
            ? last + 1
            : throw ApplyDiagnostics.TableFull.ToException($"all {_entries.Length / EntrySize} entries of the GPT are behind or in use", _diskId);
    }

    /// <summary>Adds a partition and writes both copies.</summary>
    public void Add(Guid type, long firstSector, long sectors, string name)
    {
        // Table makers leave room before the first usable sector for alignment (sfdisk: 2048); the table itself ends with its array.
        var array = BinaryPrimitives.ReadInt64LittleEndian(_primary.AsSpan(0x48));
        var behindTable = Math.Max(2, array) + ((_entries.Length + _sectorSize - 1) / _sectorSize);
        var firstUsable = Math.Max(behindTable, Math.Min(firstSector, BinaryPrimitives.ReadInt64LittleEndian(_primary.AsSpan(0x28))));
        var lastUsable = BinaryPrimitives.ReadInt64LittleEndian(_primary.AsSpan(0x30));
        if (firstSector < firstUsable || sectors < 1 || firstSector > lastUsable - sectors + 1)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"{sectors} sectors from {firstSector} on leave the usable sectors {firstUsable} to {lastUsable}", _diskId);
        }

        var entry = Entry(FindFreeEntry());
        entry.Clear();
        type.TryWriteBytes(entry);
        DeriveId(firstSector).TryWriteBytes(entry[16..]);
        BinaryPrimitives.WriteInt64LittleEndian(entry[32..], firstSector);
        BinaryPrimitives.WriteInt64LittleEndian(entry[40..], firstSector + sectors - 1);
        Encoding.Unicode.GetBytes(name, entry[56..128]);

        var crc = Crc32.Of(_entries);
        foreach (var header in (byte[][])[_backup, _primary])
        {
            _device.Write(new Lba(BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(0x48))).ToOffset(_sectorSize), _entries);
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(0x28), firstUsable);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x58), crc);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x10), 0);
            BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(0x10), Crc32.Of(header.AsSpan(0, HeaderSize(header))));
            _device.Write(new Lba(BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(0x18))).ToOffset(_sectorSize), header);
        }
    }

    /// <summary>Makes a table of a disk that grew use the new space: the backup goes to the new end (section 5.3.2), and what it was before is cleared.</summary>
    public void Grow(long diskLength)
    {
        var sectors = diskLength / _sectorSize;
        var arraySectors = (_entries.Length + _sectorSize - 1) / _sectorSize;
        var oldBackup = BinaryPrimitives.ReadInt64LittleEndian(_backup.AsSpan(0x18));
        var oldArray = BinaryPrimitives.ReadInt64LittleEndian(_backup.AsSpan(0x48));
        if (sectors <= oldBackup)
        {
            throw ApplyDiagnostics.LayoutImpossible.ToException($"the backup of the GPT is at sector {oldBackup}, and the disk has {sectors}", _diskId);
        }

        // The protective MBR says how long the disk is, as far as it can (table 5.4).
        var sector = new byte[512];
        _device.Read(GuestOffset.Zero, sector);
        for (var entry = 0x1be; entry < 0x1fe; entry += 16)
        {
            if (sector[entry + 4] == 0xee && BinaryPrimitives.ReadUInt32LittleEndian(sector.AsSpan(entry + 8)) == 1)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(sector.AsSpan(entry + 12), (uint)Math.Min(sectors - 1, uint.MaxValue));
            }
        }

        _device.Write(GuestOffset.Zero, sector);
        _device.Write(new Lba(oldArray).ToOffset(_sectorSize), new byte[arraySectors * _sectorSize]);
        _device.Write(new Lba(oldBackup).ToOffset(_sectorSize), new byte[_sectorSize]);
        BinaryPrimitives.WriteInt64LittleEndian(_backup.AsSpan(0x18), sectors - 1);
        BinaryPrimitives.WriteInt64LittleEndian(_backup.AsSpan(0x48), sectors - 1 - arraySectors);
        BinaryPrimitives.WriteInt64LittleEndian(_primary.AsSpan(0x20), sectors - 1);
        foreach (var header in (byte[][])[_backup, _primary])
        {
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(0x30), sectors - 2 - arraySectors);
        }
    }

    private Span<byte> Entry(int index) => _entries.AsSpan(index * EntrySize, EntrySize);

    /// <summary>A GUID from the disk's own, so that the same input gives the same bytes.</summary>
    private Guid DeriveId(long firstSector)
    {
        Span<byte> seed = stackalloc byte[24];
        _primary.AsSpan(0x38, 16).CopyTo(seed);
        BinaryPrimitives.WriteInt64LittleEndian(seed[16..], firstSector);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(seed, hash);
        hash[6] = (byte)((hash[6] & 0x0f) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3f) | 0x80);
        return new Guid(hash[..16], bigEndian: true);
    }

    private static byte[] ReadHeader(IBlockDevice device, int sectorSize, long sector, string diskId)
    {
        if (sector < 1 || sector >= device.Length / sectorSize)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"a copy of the GPT is said to be at sector {sector}", diskId);
        }

        var header = new byte[sectorSize];
        device.Read(new Lba(sector).ToOffset(sectorSize), header);
        var size = HeaderSize(header);
        if (!header.AsSpan().StartsWith("EFI PART"u8) || size < HeaderMinimum || size > sectorSize || BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(0x18)) != sector)
        {
            throw ApplyDiagnostics.LayoutNotAsSeen.ToException($"no copy of the GPT at sector {sector}; both are needed to change it", diskId);
        }

        return header;
    }

    private static int HeaderSize(ReadOnlySpan<byte> header) => (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(header[0x0c..]), int.MaxValue);
}
