using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mbr;

/// <summary>
/// The logical partitions of an MBR, changed where they stand: each is described in a boot record of its own, and the records make a chain through the extended partition.
/// A new one goes to the end of the chain, wherever it lies, so that every other keeps its number.
/// </summary>
public sealed class LogicalPartitions
{
    private const int LastNumber = 255;
    private const byte LinkType = 0x05;

    private readonly IBlockDevice _disk;
    private readonly int _sectorSize;
    private IReadOnlyList<LogicalPlace> _places = [];
    private IReadOnlyList<ExtendedRecord> _records = [];

    private LogicalPartitions(IBlockDevice disk, int sectorSize)
    {
        _disk = disk;
        _sectorSize = sectorSize;
        Reload();
    }

    /// <summary>The logical partitions with their numbers, from 5 on, and their places on the disk.</summary>
    public ImmutableArray<MbrEntry> Entries
        => [.. _places.Select(place => new MbrEntry(place.Number, place.Entry.Type, new Lba(place.Start), place.Entry.Sectors, place.Entry.BootIndicator == 0x80))];

    /// <summary>Reads the chain.</summary>
    /// <exception cref="DiagnosticException">There is no table, or its chain is broken (PAR013): nothing can be said of what a change would do.</exception>
    public static LogicalPartitions Read(IBlockDevice disk, int sectorSize = Lba.SectorSize)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return new LogicalPartitions(disk, sectorSize);
    }

    /// <summary>Changes a partition's type.</summary>
    /// <exception cref="DiagnosticException">There is no such partition, or the type is one that links records (PAR013).</exception>
    public void SetType(int number, byte type)
    {
        if (type == 0 || IsLink(type))
        {
            throw Refused($"type {type:x2} is not one of a logical partition", number);
        }

        Change(Find(number), (ReadOnlySpan<byte>)[type], at: 4);
    }

    /// <summary>Sets or clears a partition's active flag. GRUB Legacy and old boot managers start logical partitions by it; a BIOS does not look.</summary>
    /// <exception cref="DiagnosticException">There is no such partition (PAR013).</exception>
    public void SetBootable(int number, bool isBootable) => Change(Find(number), (ReadOnlySpan<byte>)[isBootable ? (byte)0x80 : (byte)0], at: 0);

    /// <summary>Adds a partition in free sectors of the extended partition; one more sector before it is taken for its boot record.</summary>
    /// <returns>Its number.</returns>
    /// <exception cref="DiagnosticException">There is no room for it or its record, or it is not wholly inside the extended partition (PAR013); nothing was changed.</exception>
    public int Add(byte type, Lba start, long sectors, bool isBootable = false)
    {
        var number = Math.Max(5, _places.Count > 0 ? _places[^1].Number + 1 : 5);
        if (type == 0 || IsLink(type) || sectors is < 1 or > uint.MaxValue || start.Value is < 1 or > uint.MaxValue || number > LastNumber)
        {
            throw Refused($"{sectors} sectors from {start.Value} on, of type {type:x2}", number);
        }

        // Numbers go on from one extended partition to the next: in any but the last a new one would shift those behind.
        if (_records.Count == 0 || _records[^1] is var last && (start.Value <= last.First || start.Value + sectors > last.First + last.Size))
        {
            throw Refused($"{sectors} sectors from {start.Value} on are not inside the (last) extended partition", number);
        }

        if (_places.FirstOrDefault(place => start.Value < place.Start + place.Entry.Sectors && place.Start < start.Value + sectors) is { Number: > 0 } overlapped)
        {
            throw Refused($"it overlaps partition {overlapped.Number}", number);
        }

        if (_records.Any(record => record.Sector >= start.Value && record.Sector < start.Value + sectors))
        {
            throw Refused("it overlaps another partition's boot record", number);
        }

        last = _records[^1];
        if (last.Sector == last.First && last.LinkSlot < 0 && last.FreeSlot == 0 && !_places.Any(place => place.Record == last.Sector))
        {
            // An extended partition without partitions has its first record already.
            Write(last.Sector, 0, isBootable, type, start.Value, start.Value - last.Sector, sectors);
        }
        else
        {
            Append(last, type, start.Value, sectors, isBootable, number);
        }

        Reload();
        return number;
    }

    private void Append(ExtendedRecord last, byte type, long start, long sectors, bool isBootable, int number)
    {
        if (last.LinkSlot >= 0 || last.FreeSlot < 0)
        {
            throw Refused("the last boot record has no entry left for a link", number);
        }

        // As far before the partition as with the first one (63 in the days of cylinders, 2048 today), or right before it.
        var usual = _places.FirstOrDefault(place => place.Start > place.Record);
        var record = usual.Number > 0 && IsFree(start - (usual.Start - usual.Record), last) ? start - (usual.Start - usual.Record) : start - 1;
        if (!IsFree(record, last))
        {
            throw Refused($"sector {record} before it, where its boot record would stand, is in use", number);
        }

        // The record first, then the link that makes it count.
        _disk.WriteZeros(new Lba(record).ToOffset(_sectorSize), _sectorSize);
        _disk.Write(new Lba(record).ToOffset(_sectorSize) + MbrSector.SignatureOffset, [0x55, 0xaa]);
        Write(record, 0, isBootable, type, start, start - record, sectors);
        Write(last.Sector, last.FreeSlot, isBootable: false, LinkType, record, record - last.First, start + sectors - record);
    }

    private bool IsFree(long sector, ExtendedRecord last)
        => sector > last.First && !_records.Any(record => record.Sector == sector) && !_places.Any(place => sector >= place.Start && sector < place.Start + place.Entry.Sectors);

    private void Write(long record, int slot, bool isBootable, byte type, long start, long relative, long sectors)
    {
        Span<byte> entry = stackalloc byte[MbrSector.EntrySize];
        entry[0] = isBootable ? (byte)0x80 : (byte)0;
        MbrTable.WriteCylinderHeadSector(entry[1..], start);
        entry[4] = type;
        MbrTable.WriteCylinderHeadSector(entry[5..], start + sectors - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], (uint)relative);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)sectors);
        _disk.Write(EntryOffset(record, slot), entry);
    }

    private void Change(LogicalPlace place, ReadOnlySpan<byte> bytes, int at)
    {
        _disk.Write(EntryOffset(place.Record, place.Slot) + at, bytes);
        Reload();
    }

    private GuestOffset EntryOffset(long record, int slot) => new Lba(record).ToOffset(_sectorSize) + (MbrSector.TableOffset + (slot * MbrSector.EntrySize));

    private LogicalPlace Find(int number)
        => _places.FirstOrDefault(place => place.Number == number) is { Number: > 0 } place ? place : throw Refused("there is no such logical partition", number);

    private void Reload()
    {
        var diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        var table = PartitionTable.Read(_disk, _sectorSize);
        if (table.Kind != PartitionTableKind.Mbr)
        {
            throw PartitionDiagnostics.CannotExpress.ToException("there is no MBR, so there are no logical partitions", "sector 0");
        }

        Span<byte> sector = stackalloc byte[MbrSector.Size];
        _disk.Read(GuestOffset.Zero, sector);
        (_places, _records) = MbrReader.ReadPlaces(_disk, new MbrSector(sector), _sectorSize, diagnostics);
        if (diagnostics.FirstOrDefault(one => one.Id == PartitionDiagnostics.LogicalChainBroken.Id || one.Id == PartitionDiagnostics.LogicalChainLoops.Id) is { } broken)
        {
            throw PartitionDiagnostics.CannotExpress.ToException($"the chain of logical partitions must be sound to be changed: {broken.Message}", broken.Where);
        }
    }

    private static bool IsLink(byte type) => type is 0x05 or 0x0f or 0x85;

    private static DiagnosticException Refused(string what, int number) => PartitionDiagnostics.CannotExpress.ToException(what, $"partition {number}");
}
