using System.Collections;

namespace Rehost.FileSystems.Fat;

/// <summary>A directory in memory: which names it has and which of its slots are free. What the names lead to is read from the device.</summary>
internal sealed class FatDirectory
{
    /// <summary>65,536 entries are as many as other implementations read.</summary>
    private const int MostBytes = 65536 * FatEntry.Size;
    private readonly FatBootSector _boot;
    private readonly FatTable _table;
    private readonly PageCache _cache;
    private readonly string _where;
    private readonly List<uint> _clusters;
    private readonly SortedDictionary<int, FatName> _bySlot = [];
    private readonly Dictionary<string, FatName> _byName = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, FatName> _byAlias = new(StringComparer.OrdinalIgnoreCase);
    private readonly BitArray _used;
    private int _end;
    private int _firstFree;

    /// <summary>Reads a directory; cluster 0 stands for the root.</summary>
    internal FatDirectory(FatBootSector boot, FatTable table, PageCache cache, uint firstCluster)
    {
        (_boot, _table, _cache) = (boot, table, cache);
        IsRoot = firstCluster == 0 || (boot.Bits == 32 && firstCluster == boot.RootCluster);
        _where = IsRoot ? "root directory" : $"directory at cluster {firstCluster}";
        var start = IsRoot ? boot.RootCluster : firstCluster;
        _clusters = IsRoot && boot.Bits != 32 ? [] : table.Chain(start, Math.Max(1, MostBytes / boot.ClusterSize), _where);
        FirstCluster = start;
        _used = new BitArray(SlotCount);
        Parse();
    }

    internal bool IsRoot { get; }

    internal uint FirstCluster { get; }

    internal IReadOnlyList<uint> Clusters => _clusters;

    /// <summary>The label that the root directory records; null when none.</summary>
    internal byte[]? Label { get; private set; }

    internal DateTimeOffset NewestChange { get; private set; } = FatTime.Decode(0, 0);

    internal IEnumerable<FatName> Names => _bySlot.Values;

    internal bool IsEmpty => _bySlot.Count == 0;

    private bool IsFixed => _clusters.Count == 0;

    private int SlotCount => (IsFixed ? _boot.RootBytes : _clusters.Count * _boot.ClusterSize) / FatEntry.Size;

    internal FatName? Find(string name) => _byName.GetValueOrDefault(name) ?? _byAlias.GetValueOrDefault(name);

    /// <summary>Adds a name. The entry's short name is set here; its other fields are the caller's.</summary>
    internal FatName Insert(string name, FatEntry entry)
    {
        var isShort = ShortName.IsShort(name);
        var alias = isShort ? ShortName.Encode(name) : ShortName.MakeAlias(name, taken => Find(taken) is not null);
        alias.CopyTo(entry.Raw, 0);
        entry.Raw[12] = 0; // no case flags: the name says it
        var longEntries = isShort ? [] : LongName.Encode(name, ShortName.Checksum(alias)).ToArray();
        var first = FindRoom(longEntries.Length + 1);
        var slot = first;
        foreach (var longEntry in longEntries)
        {
            _cache.Write(Offset(slot++), longEntry);
        }

        _cache.Write(Offset(slot), entry.Raw);
        for (var i = first; i <= slot; i++)
        {
            _used[i] = true;
        }

        if (slot >= _end)
        {
            _end = slot + 1;
            if (_end < SlotCount)
            {
                _cache.Clear(Offset(_end), 1); // what follows the end of a directory may be anything, and must not come to life
            }
        }

        var added = new FatName(name, ShortName.Decode(alias, 0), slot, first, Offset(slot), entry.IsDirectory);
        Add(added);
        return added;
    }

    internal void Remove(FatName name)
    {
        for (var slot = name.FirstSlot; slot <= name.Slot; slot++)
        {
            _cache.Write(Offset(slot), [FatEntry.Deleted]);
            _used[slot] = false;
        }

        _firstFree = Math.Min(_firstFree, name.FirstSlot);
        _bySlot.Remove(name.Slot);
        if (ReferenceEquals(_byName.GetValueOrDefault(name.Name), name))
        {
            _byName.Remove(name.Name);
        }

        if (ReferenceEquals(_byAlias.GetValueOrDefault(name.Alias), name))
        {
            _byAlias.Remove(name.Alias);
        }
    }

    /// <summary>What a directory's entry for its parent leads to, and where that entry is; null when it has none.</summary>
    internal (uint Cluster, long Location)? FindParent()
    {
        var entry = new FatEntry(new byte[FatEntry.Size], _boot.Bits);
        _cache.Read(Offset(1), entry.Raw);
        return entry.Raw.AsSpan(0, ShortName.Length).SequenceEqual("..         "u8) ? (entry.FirstCluster, Offset(1)) : null;
    }

    private long Offset(int slot)
    {
        var at = (long)slot * FatEntry.Size;
        return IsFixed ? _boot.RootOffset + at : _boot.ClusterOffset(_clusters[(int)(at / _boot.ClusterSize)]) + (at % _boot.ClusterSize);
    }

    private void Parse()
    {
        var longName = new LongName();
        var raw = new byte[FatEntry.Size];
        _end = SlotCount;
        for (var slot = 0; slot < SlotCount; slot++)
        {
            _cache.Read(Offset(slot), raw);
            if (raw[0] == 0)
            {
                _end = slot;
                break;
            }

            if (raw[0] == FatEntry.Deleted)
            {
                longName.Reset();
                continue;
            }

            _used[slot] = true;
            if ((raw[11] & 0x3F) == FatEntry.LongName)
            {
                longName.Add(raw);
                continue;
            }

            ParseShort(raw, slot, longName);
            longName.Reset();
        }
    }

    private void ParseShort(byte[] raw, int slot, LongName longName)
    {
        var entry = new FatEntry(raw, _boot.Bits);
        var moment = entry.Modified;
        NewestChange = moment > NewestChange ? moment : NewestChange;
        if ((entry.Attributes & FatEntry.VolumeLabel) != 0)
        {
            Label ??= IsRoot ? raw[..ShortName.Length] : null;
            return;
        }

        if (raw[0] == (byte)'.' && raw[1] is (byte)'.' or (byte)' ')
        {
            return; // the directory itself and its parent
        }

        var alias = ShortName.Decode(raw, 0);
        var name = longName.Take(raw);
        var first = name is null ? slot : slot - longName.Entries;
        name ??= ShortName.Decode(raw, raw[12]);
        if (name.Length > 0 && name is not ("." or ".."))
        {
            Add(new FatName(name, alias, slot, first, Offset(slot), entry.IsDirectory));
        }
    }

    private void Add(FatName name)
    {
        _bySlot.Add(name.Slot, name);
        _byName.TryAdd(name.Name, name);
        _byAlias.TryAdd(name.Alias, name);
    }

    /// <summary>The first of so many free slots in a row; the directory grows when it has none.</summary>
    private int FindRoom(int count)
    {
        while (_firstFree < _end && _used[_firstFree])
        {
            _firstFree++;
        }

        var run = 0;
        for (var slot = _firstFree; slot < _end; slot++)
        {
            run = _used[slot] ? 0 : run + 1;
            if (run == count)
            {
                return slot - count + 1;
            }
        }

        var first = _end - run;
        if (first + count > SlotCount)
        {
            Grow(first + count);
        }

        return first;
    }

    private void Grow(int slots)
    {
        if (IsFixed)
        {
            throw FatDiagnostics.DirectoryFull.ToException($"the root directory has {SlotCount} entries, and cannot have more", _where);
        }

        var needed = (int)((((long)slots * FatEntry.Size) + _boot.ClusterSize - 1) / _boot.ClusterSize) - _clusters.Count;
        if ((long)(_clusters.Count + needed) * _boot.ClusterSize > MostBytes)
        {
            throw FatDiagnostics.DirectoryFull.ToException($"the directory would have more than {MostBytes} bytes", _where);
        }

        foreach (var cluster in _table.Allocate(needed, _clusters[^1]))
        {
            _cache.Clear(_boot.ClusterOffset(cluster), _boot.ClusterSize);
            _clusters.Add(cluster);
        }

        _used.Length = SlotCount;
    }
}
