using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes.Mbr;

/// <summary>Reads primary and logical partitions, after block/partitions/msdos.c.</summary>
internal sealed class MbrReader
{
    /// <summary>Linux gives a disk 255 partitions at most.</summary>
    private const int MaxNumber = 255;

    /// <summary>Linux gives up after this many extended boot records in a row that hold no partition.</summary>
    private const int MaxEmptyRecords = 100;

    private const int FirstLogicalNumber = 5;

    private readonly IBlockDevice _disk;
    private readonly int _sectorSize;
    private readonly string _diskId;
    private readonly List<Partition> _partitions = [];
    private readonly List<LogicalPlace> _places = [];
    private readonly List<ExtendedRecord> _records = [];
    private readonly ImmutableArray<Diagnostic>.Builder _diagnostics;
    private int _nextLogical = FirstLogicalNumber;

    private MbrReader(IBlockDevice disk, int sectorSize, string diskId, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        _disk = disk;
        _sectorSize = sectorSize;
        _diskId = diskId;
        _diagnostics = diagnostics;
    }

    /// <summary>Reads the table; null when sector 0 turns out to hold none.</summary>
    public static PartitionTable? Read(IBlockDevice disk, MbrSector sector, int sectorSize, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        if (!HasEntries(sector))
        {
            diagnostics.Add(PartitionDiagnostics.EmptyTable.Create(
                sector.FileSystemName is { } kind ? $"sector 0 is the boot sector of a {kind} volume" : "sector 0 ends in 55 AA and all four entries are empty"));
            return null;
        }

        if (sector.FileSystemName is { } name && !IsPlausible(disk, sector, sectorSize))
        {
            diagnostics.Add(PartitionDiagnostics.NotATable.Create($"sector 0 is the boot sector of a {name} volume, and what is in the table's place leaves the disk or overlaps"));
            return null;
        }

        var diskId = sector.DiskId.ToString("x8", CultureInfo.InvariantCulture);
        var reader = new MbrReader(disk, sectorSize, diskId, diagnostics);
        reader.ReadPrimaries(sector);
        if (reader._partitions.Count == 0)
        {
            diagnostics.Add(PartitionDiagnostics.NotATable.Create("every entry in sector 0 begins beyond the disk"));
            return null;
        }

        PartitionRange.WarnOfOverlaps(reader._partitions, diagnostics);
        return new PartitionTable(PartitionTableKind.Mbr, diskId, sectorSize, [.. reader._partitions.OrderBy(one => one.Number)], diagnostics.ToImmutable());
    }

    /// <summary>Where the logical partitions and their boot records stand.</summary>
    public static (IReadOnlyList<LogicalPlace> Places, IReadOnlyList<ExtendedRecord> Records) ReadPlaces(IBlockDevice disk, MbrSector sector, int sectorSize, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var reader = new MbrReader(disk, sectorSize, "", diagnostics);
        reader.ReadPrimaries(sector);
        return (reader._places, reader._records);
    }

    private static bool HasEntries(MbrSector sector)
    {
        for (var index = 0; index < MbrSector.EntryCount; index++)
        {
            if (!sector[index].IsEmpty)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A FAT or NTFS boot sector may by chance have legal boot indicators; a table that was meant fits the disk without overlaps.</summary>
    private static bool IsPlausible(IBlockDevice disk, MbrSector sector, int sectorSize)
    {
        var diskSectors = disk.Length / sectorSize;
        for (var index = 0; index < MbrSector.EntryCount; index++)
        {
            var entry = sector[index];
            if (entry.IsEmpty)
            {
                continue;
            }

            if (entry.Type == 0 || entry.Start == 0 || (long)entry.Start + entry.Sectors > diskSectors)
            {
                return false;
            }

            for (var other = 0; other < index; other++)
            {
                var earlier = sector[other];
                if (!earlier.IsEmpty && entry.Start < (long)earlier.Start + earlier.Sectors && earlier.Start < (long)entry.Start + entry.Sectors)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private void ReadPrimaries(MbrSector sector)
    {
        for (var index = 0; index < MbrSector.EntryCount; index++)
        {
            var entry = sector[index];
            if (!entry.IsEmpty && Add(index + 1, entry.Start, entry, isLogical: false) && entry.IsExtended)
            {
                ReadChain(entry.Start, entry.Sectors, index + 1);
            }
        }
    }

    private void ReadChain(long first, long firstSize, int extendedNumber)
    {
        var where = $"extended partition {extendedNumber}";
        var visited = new HashSet<long>();
        var current = first;
        var currentSize = firstSize;
        var emptyRecords = 0;
        Span<byte> bytes = stackalloc byte[MbrSector.Size];
        while (true)
        {
            if (!visited.Add(current) || emptyRecords > MaxEmptyRecords)
            {
                _diagnostics.Add(PartitionDiagnostics.LogicalChainLoops.Create($"the boot record at sector {current} was met before, or {MaxEmptyRecords} records in a row were empty", where));
                return;
            }

            if (current > (_disk.Length / _sectorSize) - 1)
            {
                _diagnostics.Add(PartitionDiagnostics.LogicalChainBroken.Create($"the next boot record would be at sector {current}; the disk has {_disk.Length / _sectorSize}", where));
                return;
            }

            _disk.Read(new Lba(current).ToOffset(_sectorSize), bytes);
            var record = new MbrSector(bytes);
            if (!record.HasSignature)
            {
                _diagnostics.Add(PartitionDiagnostics.LogicalChainBroken.Create($"sector {current} has no 55 AA signature", where));
                return;
            }

            _records.Add(new ExtendedRecord(current, first, firstSize, extendedNumber, record.FreeSlot, record.LinkSlot));
            emptyRecords = AddLogicals(record, current, currentSize, first, firstSize) ? 0 : emptyRecords + 1;
            if (_nextLogical > MaxNumber)
            {
                return;
            }

            if (record.LinkSlot < 0)
            {
                return;
            }

            var next = record[record.LinkSlot];

            // Links count from the first record of the chain, partitions from their own record.
            current = first + next.Start;
            currentSize = next.Sectors;
        }
    }

    private bool AddLogicals(MbrSector record, long current, long currentSize, long first, long firstSize)
    {
        var added = false;
        for (var index = 0; index < MbrSector.EntryCount && _nextLogical <= MaxNumber; index++)
        {
            var entry = record[index];
            if (entry.IsEmpty || entry.IsExtended)
            {
                continue;
            }

            var start = current + entry.Start;

            // The third and fourth entry are often garbage: Linux believes them only when they stay inside.
            if (index >= 2 && ((long)entry.Start + entry.Sectors > currentSize || start < first || start + entry.Sectors > first + firstSize))
            {
                continue;
            }

            Add(_nextLogical, start, entry, isLogical: true);
            _places.Add(new LogicalPlace(_nextLogical, current, index, start, entry));

            // A partition beyond the disk takes its number all the same.
            _nextLogical++;
            added = true;
        }

        return added;
    }

    private bool Add(int number, long start, RawMbrEntry entry, bool isLogical)
    {
        if (PartitionRange.Fit(_disk, number, (ulong)start, entry.Sectors, _sectorSize, _diagnostics) is not { } range)
        {
            return false;
        }

        _partitions.Add(new Partition(number, new Lba(start), range.Start, range.Length, PartitionTypes.ToTypeId(entry.Type), $"{_diskId}-{PartitionTypes.ToTypeId((byte)number)}")
        {
            IsBootable = entry.BootIndicator == 0x80,
            IsExtended = entry.IsExtended,
            IsLogical = isLogical,
        });
        return true;
    }
}
