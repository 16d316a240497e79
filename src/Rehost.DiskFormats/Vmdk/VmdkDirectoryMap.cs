using System.Buffers.Binary;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Tables of 32-bit sector numbers: hosted sparse extents, streams with a sound footer, and COWD. A damaged table is replaced by its redundant copy where there is one.</summary>
internal sealed class VmdkDirectoryMap : VmdkTableMap
{
    private const int EntryBytes = 4;
    private const uint ZeroedEntry = 1;
    private readonly IBlockDevice _file;
    private readonly string _name;
    private readonly VmdkDirectory _directory;
    private readonly VmdkDirectory? _redundant;
    private readonly bool _hasZeroed;
    private readonly VmdkGrainKind _storedKind;
    private readonly Action<Diagnostic>? _report;
    private int _reported;

    /// <summary>The map of a hosted extent.</summary>
    public VmdkDirectoryMap(IBlockDevice file, string name, VmdkHeader header, ulong directory, ulong redundant, int cacheBytes, Action<Diagnostic>? report)
        : base(header.GrainBytes, (int)header.TableEntries, EntryBytes, header.TableCount, cacheBytes)
    {
        _file = file;
        _name = name;
        _report = report;
        _hasZeroed = (header.Flags & VmdkHeader.ZeroedGrains) != 0;
        _storedKind = header.IsCompressed ? VmdkGrainKind.Compressed : VmdkGrainKind.Plain;
        var bytes = TableCount * EntryBytes;
        var hasRedundant = VmdkDirectory.Fits(file, redundant, bytes);
        if (!VmdkDirectory.Fits(file, directory, bytes) && TableCount > 0)
        {
            var found = $"the header puts a directory of {bytes} bytes at sector {directory} of a file of {file.Length} bytes";
            if (!hasRedundant)
            {
                throw VmdkDiagnostics.BadHeader.ToException(found, name);
            }

            directory = redundant;
            hasRedundant = false;
            ReportOnce(found);
        }

        _directory = new VmdkDirectory(file, (long)directory * VmdkHeader.SectorSize, bytes);
        _redundant = hasRedundant ? new VmdkDirectory(file, (long)redundant * VmdkHeader.SectorSize, bytes) : null;
    }

    /// <summary>The map of a COWD extent.</summary>
    public VmdkDirectoryMap(IBlockDevice file, string name, VmdkCowdHeader header, int cacheBytes)
        : base((int)header.GrainSectors * VmdkHeader.SectorSize, VmdkCowdHeader.TableEntries, EntryBytes, header.DirectoryEntries, cacheBytes)
    {
        _file = file;
        _name = name;
        _storedKind = VmdkGrainKind.Plain;
        var bytes = TableCount * EntryBytes;
        if (!VmdkDirectory.Fits(file, header.DirectoryOffset, bytes) && TableCount > 0)
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the header puts a directory of {bytes} bytes at sector {header.DirectoryOffset} of a file of {file.Length} bytes", name);
        }

        _directory = new VmdkDirectory(file, (long)header.DirectoryOffset * VmdkHeader.SectorSize, bytes);
    }

    private enum State
    {
        Missing,
        Sound,

        /// <summary>An entry points out of the file; the others may be right.</summary>
        Doubtful,
        Unreachable,
    }

    /// <summary>Whether there is a second copy of all tables.</summary>
    public bool HasRedundant => _redundant is not null;

    /// <summary>The raw bytes of a table by one of the two directories; null when it has none or it cannot be read. For the check.</summary>
    public byte[]? ReadRaw(long table, bool redundant) => (redundant ? _redundant : _directory) is { } directory ? Read(directory, table).Bytes : null;

    /// <summary>Where a table lies by one of the two directories; 0 when there is none.</summary>
    public long TableOffset(long table, bool redundant) => (redundant ? _redundant : _directory) is { } directory ? Sector(directory, table) * VmdkHeader.SectorSize : 0;

    /// <summary>Throws unless every table can lie where the directory says.</summary>
    public void DemandTables()
    {
        for (long table = 0; table < TableCount; table++)
        {
            if (Sector(_directory, table) * VmdkHeader.SectorSize > _file.Length - TableBytes)
            {
                throw VmdkDiagnostics.BadTable.ToException($"directory entry {table} points to sector {Sector(_directory, table)} of a file of {_file.Length} bytes", _name);
            }
        }
    }

    protected override byte[]? Load(long table)
    {
        var (state, bytes) = Read(_directory, table);
        if (state == State.Sound || (_redundant is null && state == State.Missing))
        {
            return bytes;
        }

        if (_redundant is not null)
        {
            var (copyState, copy) = Read(_redundant, table);
            if (copyState == State.Sound && (state != State.Missing || copy.AsSpan().ContainsAnyExcept((byte)0)))
            {
                ReportOnce($"the table of {TableEntries} grains from grain {table * TableEntries} is missing or points out of the file");
                return copy;
            }

            state = state == State.Missing && copyState is not (State.Missing or State.Sound) ? State.Unreachable : state;
        }

        return state == State.Unreachable
            ? throw VmdkDiagnostics.BadTable.ToException($"directory entry {table} points to sector {Sector(_directory, table)} of a file of {_file.Length} bytes", _name)
            : bytes;
    }

    protected override VmdkGrain Decode(ReadOnlySpan<byte> table, int within, long grain)
    {
        var entry = BinaryPrimitives.ReadUInt32LittleEndian(table[(within * EntryBytes)..]);
        return entry == 0 ? default
            : entry == ZeroedEntry && _hasZeroed ? new VmdkGrain(VmdkGrainKind.Zero, 0)
            : IsPossible(entry) ? new VmdkGrain(_storedKind, (long)entry * VmdkHeader.SectorSize)
            : throw VmdkDiagnostics.BadTable.ToException($"grain {grain} is said to be at sector {entry} of a file of {_file.Length} bytes", _name);
    }

    private static long Sector(VmdkDirectory directory, long table) => BinaryPrimitives.ReadUInt32LittleEndian(directory.Entry(table, EntryBytes));

    private bool IsPossible(uint entry) => entry > 1 && (long)entry * VmdkHeader.SectorSize < _file.Length;

    private (State State, byte[]? Bytes) Read(VmdkDirectory directory, long table)
    {
        var sector = Sector(directory, table);
        if (sector == 0)
        {
            return (State.Missing, null);
        }

        if (sector * VmdkHeader.SectorSize > _file.Length - TableBytes)
        {
            return (State.Unreachable, null);
        }

        var bytes = new byte[TableBytes];
        _file.Read(new GuestOffset(sector * VmdkHeader.SectorSize), bytes);
        for (var i = 0; i < bytes.Length; i += EntryBytes)
        {
            var entry = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(i));
            if (entry != 0 && !(entry == ZeroedEntry && _hasZeroed) && !IsPossible(entry))
            {
                return (State.Doubtful, bytes);
            }
        }

        return (State.Sound, bytes);
    }

    private void ReportOnce(string found)
    {
        if (Interlocked.Exchange(ref _reported, 1) == 0)
        {
            _report?.Invoke(VmdkDiagnostics.RedundantUsed.Create(found, _name));
        }
    }
}
