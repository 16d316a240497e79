using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>The master file table: records by number, and files put together from them.</summary>
internal sealed class MasterFileTable
{
    private const int NodesInMemory = 1024;
    private readonly NtfsBootSector _boot;
    private readonly PageCache _cache;
    private readonly StreamReader _streams;
    private readonly NodeLoader _loader;
    private readonly Lock _gate = new();
    private readonly Dictionary<long, NtfsNode> _nodes = [];
    private NtfsAttribute _data;

    internal MasterFileTable(NtfsBootSector boot, PageCache cache, StreamReader streams)
    {
        (_boot, _cache, _streams) = (boot, cache, streams);
        _loader = new NodeLoader(boot, streams);

        // The table describes itself. Its first extent, in the first record, leads to the records that hold the others.
        var first = Parse(FileReference.Mft, ReadAt(boot.MftCluster * boot.ClusterSize));
        var start = new NtfsNode(first);
        foreach (var (offset, length) in first.Attributes())
        {
            if (BinaryPrimitives.ReadUInt32LittleEndian(first.Raw.AsSpan(offset)) == AttributeType.Data && first.Raw[offset + 9] == 0)
            {
                _loader.AddAll(start, first, BinaryPrimitives.ReadUInt16LittleEndian(first.Raw.AsSpan(offset + 14)));
            }
        }

        _data = start.Find(AttributeType.Data) is { IsResident: false } data ? data : throw NtfsDiagnostics.BadRecord.ToException("the master file table has no clusters", first.Where);
        var list = _loader.ListOf(first);
        foreach (var (number, instance) in list.Where(entry => entry.Record != FileReference.Mft))
        {
            // Only extents of the table's own data matter now; they stand in the list in their order.
            var extension = ReadRecord(number);
            foreach (var (offset, _) in extension.Attributes())
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(extension.Raw.AsSpan(offset)) == AttributeType.Data && extension.Raw[offset + 9] == 0
                    && BinaryPrimitives.ReadUInt16LittleEndian(extension.Raw.AsSpan(offset + 14)) == instance)
                {
                    _loader.AddAll(start, extension, instance);
                }
            }
        }

        _data = GetNode(FileReference.Mft).Demand(AttributeType.Data);
    }

    /// <summary>While a change is under way a node must not be read anew, or there would be two of it.</summary>
    internal bool IsInOperation { get; set; }

    /// <summary>Records that the table has room for.</summary>
    internal long Count => Math.Min(_data.InitializedSize, _data.DataSize) / _boot.RecordSize;

    internal NtfsAttribute Data => _data;

    /// <summary>A file by its base record, which must be in use.</summary>
    internal NtfsNode GetNode(long number)
    {
        lock (_gate)
        {
            if (_nodes.TryGetValue(number, out var known))
            {
                return known;
            }
        }

        var record = ReadRecord(number);
        if (!record.IsInUse || record.BaseReference != 0)
        {
            throw FileSystemDiagnostics.NotFound.ToException("the record is not in use, or continues another", record.Where);
        }

        var node = _loader.Load(record, ReadRecord);
        lock (_gate)
        {
            DropNodes();

            if (!_nodes.TryAdd(number, node))
            {
                return _nodes[number];
            }
        }

        return node;
    }

    /// <summary>A file by a reference, which must not be stale.</summary>
    internal NtfsNode GetNode(ulong reference)
    {
        var node = GetNode(FileReference.Number(reference));
        return node.Record.Sequence == FileReference.Sequence(reference)
            ? node
            : throw FileSystemDiagnostics.NotFound.ToException($"the record was used {node.Record.Sequence} times, the reference is of time {FileReference.Sequence(reference)}", node.Where);
    }

    internal MftRecord ReadRecord(long number) => Parse(number, ReadRaw(number));

    /// <summary>A record whatever it holds, as it is on disk.</summary>
    internal byte[] ReadRaw(long number)
    {
        if (number < 0 || number >= Count)
        {
            throw NtfsDiagnostics.BadRecord.ToException($"the table has {Count} records", $"MFT record {number}");
        }

        var raw = new byte[_boot.RecordSize];
        _streams.ReadStructure(_data, number * _boot.RecordSize, raw, $"MFT record {number}");
        return raw;
    }

    /// <summary>Bounds what is kept; between changes only.</summary>
    internal void Trim()
    {
        lock (_gate)
        {
            DropNodes();
        }
    }

    internal void Adopt(NtfsNode node)
    {
        lock (_gate)
        {
            _nodes[node.Number] = node;
        }
    }

    internal void Forget(long number)
    {
        lock (_gate)
        {
            _nodes.Remove(number);
        }
    }

    /// <summary>Forgets all nodes: what is in memory is no longer what is recorded.</summary>
    internal void Clear()
    {
        lock (_gate)
        {
            _nodes.Clear();
        }

        _data = GetNode(FileReference.Mft).Demand(AttributeType.Data);
    }

    private void DropNodes()
    {
        if (_nodes.Count < NodesInMemory || IsInOperation)
        {
            return;
        }

        foreach (var old in _nodes.Keys.Where(key => key >= FileReference.FirstUserRecord).ToArray())
        {
            _nodes.Remove(old); // the table's own node is what its data is read by, and must stay the same
        }
    }

    private static MftRecord Parse(long number, byte[] raw)
    {
        var record = new MftRecord(number, raw);
        if (!MftRecord.HasMagic(raw))
        {
            throw NtfsDiagnostics.BadRecord.ToException($"it begins with {Convert.ToHexStringLower(raw.AsSpan(0, 4))}, needed FILE", record.Where);
        }

        UpdateSequence.Apply(raw, NtfsDiagnostics.BadRecord, record.Where);
        record.DemandSound();
        return record;
    }

    private byte[] ReadAt(long position)
    {
        var raw = new byte[_boot.RecordSize];
        if (position > _cache.Length - raw.Length)
        {
            throw NtfsDiagnostics.BadBootSector.ToException($"the master file table is said to be at byte {position} of {_cache.Length}", "boot sector");
        }

        _cache.Read(position, raw);
        return raw;
    }
}
