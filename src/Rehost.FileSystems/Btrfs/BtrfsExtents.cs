namespace Rehost.FileSystems.Btrfs;

/// <summary>Extents whose references a transaction changes, between the extent tree as it was and as it will be.</summary>
internal sealed class BtrfsExtents(BtrfsVolume volume, BtrfsChangedTree tree)
{
    private readonly Dictionary<ulong, BtrfsExtentRecord> _records = [];
    private readonly SortedSet<ulong> _changed = [];
    private readonly SortedSet<ulong> _released = [];

    public BtrfsExtentRecord Get(ulong logical)
    {
        if (!_records.TryGetValue(logical, out var record))
        {
            record = BtrfsExtentRecord.Read(tree.Reading, logical, volume.Superblock);
            _records.Add(logical, record);
        }

        return record;
    }

    /// <summary>Takes in an extent that this transaction makes.</summary>
    public void Create(BtrfsExtentRecord record)
    {
        _records.Add(record.Logical, record);
        _changed.Add(record.Logical);
    }

    /// <summary>Takes back an extent that this transaction made.</summary>
    public void Discard(ulong logical)
    {
        var record = _records[logical];
        _records.Remove(logical);
        _changed.Remove(logical);
        record.StoredKeys.ForEach(key => tree.Remove(key));
    }

    public void Change(ulong logical, BtrfsReference reference, long difference)
    {
        if (difference == 0)
        {
            return;
        }

        var record = Get(logical);
        if (difference > 0)
        {
            record.Add(reference, (uint)difference);
            _released.Remove(logical);
        }
        else
        {
            record.Drop(reference, (uint)-difference);
            if (record.Count == 0)
            {
                _released.Add(logical);
            }
        }

        _changed.Add(logical);
    }

    public void SetFull(ulong logical)
    {
        Get(logical).SetFull();
        _changed.Add(logical);
    }

    /// <summary>Extents that nothing refers to any more since the last call.</summary>
    public List<BtrfsExtentRecord> TakeReleased()
    {
        var released = _released.Select(logical => _records[logical]).ToList();
        _released.Clear();
        return released;
    }

    /// <summary>Brings the extent tree up to date.</summary>
    public void Store()
    {
        foreach (var record in _changed.Select(logical => _records[logical]).ToList())
        {
            var items = record.Count == 0 ? [] : record.ToItems(tree.LargestItem).ToList();
            var keys = items.Select(item => item.Key).ToHashSet();
            record.StoredKeys.Where(key => !keys.Contains(key)).ToList().ForEach(key => tree.Remove(key));
            record.StoredKeys.Clear();
            foreach (var item in items)
            {
                tree.Put(item.Key, item.Data);
                record.StoredKeys.Add(item.Key);
            }
        }

        _changed.Clear();
    }
}
