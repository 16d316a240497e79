namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// Changes between two states of a file system: trees changed in memory, and content written to space that nothing refers to. Operations are made whole or not at all;
/// <see cref="Commit"/> stores what they made as the next generation.
/// </summary>
internal sealed class BtrfsTransaction
{
    /// <summary>Chunks that are added for one change: it may be a large write.</summary>
    private const int MostChunks = 64;

    /// <summary>Changed tree blocks that are stored without waiting for a flush: bounds memory.</summary>
    private const int MostChangedNodes = 2048;

    private readonly BtrfsVolume _volume;
    private readonly BtrfsRoots _roots;
    private readonly SortedDictionary<ulong, BtrfsChangedTree> _trees = [];
    private object _operation = new();
    private readonly List<ulong> _freshOfOperation = [];
    private bool _hasFailed;

    public BtrfsTransaction(BtrfsVolume volume, BtrfsRoots roots)
    {
        _volume = volume;
        _roots = roots;
        var blockGroups = Tree(volume.Superblock.HasBlockGroupTree ? BtrfsRoots.BlockGroupTree : BtrfsRoots.ExtentTree);
        Space = new BtrfsSpace(volume, () => Stored(Tree(BtrfsRoots.ExtentTree)), () => Stored(blockGroups));
    }

    public BtrfsSpace Space { get; }

    /// <summary>Content that was written since the last commit: start and length.</summary>
    public SortedDictionary<ulong, ulong> Fresh { get; } = [];

    /// <summary>Takes space for content; throws when there is none.</summary>
    /// <returns>Bytes taken, and where.</returns>
    public (ulong Logical, int Length) TakeContent(int wanted)
    {
        var sector = (ulong)_volume.Superblock.SectorSize;
        var taken = Space.Take(BtrfsProfile.Data, (ulong)wanted, sector, sector, out var logical);
        if (taken == 0)
        {
            throw new BtrfsFullException(BtrfsProfile.Data);
        }

        Fresh.Add(logical, taken);
        _freshOfOperation.Add(logical);
        return (logical, (int)taken);
    }

    /// <summary>Stretches of files that were given up since the last commit.</summary>
    public int DroppedExtents { get; set; }

    public IEnumerable<BtrfsChangedTree> ChangedTrees => _trees.Values.Where(tree => tree.Root is not null);

    public bool IsChanged => Fresh.Count > 0 || ChangedTrees.Any();

    /// <summary>A tree as it is now; null when it was not taken up.</summary>
    public BtrfsTree? Reading(ulong id) => _trees.TryGetValue(id, out var tree) ? tree.Reading : null;

    /// <summary>A tree to change.</summary>
    public BtrfsChangedTree Tree(ulong id)
    {
        if (!_trees.TryGetValue(id, out var tree))
        {
            var superblock = _volume.Superblock;
            tree = id switch
            {
                BtrfsRoots.RootTree => new BtrfsChangedTree(_volume, id, superblock.RootTree, superblock.RootLevel, superblock.Generation),
                BtrfsRoots.ChunkTree => new BtrfsChangedTree(_volume, id, superblock.ChunkTree, superblock.ChunkLevel, superblock.ChunkTreeGeneration),
                _ => _roots.Find(id) is { } root
                    ? new BtrfsChangedTree(_volume, id, root.Logical, root.Level, root.Generation)
                    : throw BtrfsDiagnostics.BadItem.ToException($"there is no tree {id}"),
            };
            tree.Operation = _operation;
            _trees.Add(id, tree);
        }

        return tree;
    }

    /// <summary>
    /// Makes a change whole, or not at all. Where room is missing, what is done so far is stored, which frees what it replaced; then a chunk is added; then there is none.
    /// </summary>
    /// <param name="grows">Whether the change needs room to stay; what removes may use the last of it.</param>
    /// <param name="data">What the change is given.</param>
    /// <param name="change">The change.</param>
    public T Run<T>(bool grows, ReadOnlySpan<byte> data, Func<ReadOnlySpan<byte>, T> change)
    {
        DemandSound();
        for (var attempt = 0; ; attempt++)
        {
            var before = _trees.Values.Select(tree => (tree, tree.Save())).ToList();
            var dropped = DroppedExtents;
            StartOperation();
            BtrfsProfile missing;
            try
            {
                var result = change(data);
                if (HasRoom(grows))
                {
                    CommitWhenLarge();
                    return result;
                }

                missing = BtrfsProfile.Metadata;
            }
            catch (BtrfsFullException e)
            {
                missing = e.Kind;
            }
            catch
            {
                Restore(before, dropped);
                throw;
            }

            Restore(before, dropped);
            if (attempt == 0 && IsChanged)
            {
                Commit();
            }
            else if (attempt > MostChunks || !TryAddChunk(missing))
            {
                throw FileSystemDiagnostics.NoSpace.ToException($"no block group has room for {(missing == BtrfsProfile.Data ? "content" : "tree blocks")}, and the devices have none for a further one");
            }
        }
    }

    /// <summary>Stores all changes as the next generation.</summary>
    public void Commit()
    {
        DemandSound();
        if (!IsChanged)
        {
            return;
        }

        StartOperation();
        _hasFailed = true;
        var generation = new BtrfsCommit(_volume, _roots, this).Run();
        foreach (var tree in _trees.Values)
        {
            tree.MarkStored(generation);
        }

        Space.Commit();
        Fresh.Clear();
        DroppedExtents = 0;
        _roots.Reload();
        _hasFailed = false;
    }

    private BtrfsTree Stored(BtrfsChangedTree tree) => new(_volume, tree.StoredLogical, tree.StoredLevel, tree.StoredGeneration);

    private void CommitWhenLarge()
    {
        if (ChangedTrees.Sum(tree => tree.ChangedNodes) > MostChangedNodes)
        {
            Commit();
        }
    }

    private void DemandSound()
    {
        if (_hasFailed)
        {
            throw FileSystemDiagnostics.NotWritable.ToException("an earlier error left changes that cannot be stored; nothing of them is on the disk");
        }
    }

    private void StartOperation()
    {
        _operation = new object();
        _freshOfOperation.Clear();
        foreach (var tree in _trees.Values)
        {
            tree.Operation = _operation;
        }
    }

    private void Restore(List<(BtrfsChangedTree Tree, (BtrfsChangedNode? Root, int ChangedNodes) State)> before, int dropped)
    {
        var known = before.Select(pair => pair.Tree.Id).ToHashSet();
        foreach (var tree in _trees.Values.Where(tree => !known.Contains(tree.Id)))
        {
            tree.Restore((null, 0));
        }

        before.ForEach(pair => pair.Tree.Restore(pair.State));
        DroppedExtents = dropped;
        foreach (var start in _freshOfOperation)
        {
            Fresh.Remove(start, out var length);
            Space.GiveBack(start, length);
        }

        _freshOfOperation.Clear();
    }

    /// <summary>
    /// Whether a commit will have room: the changed blocks, and those of the extent tree (each new and each replaced block changes one, at worst) and of the checksum tree.
    /// </summary>
    private bool HasRoom(bool grows)
    {
        const int smallTrees = 32;
        var changed = ChangedTrees.Sum(tree => tree.ChangedNodes);
        var touched = (2 * changed) + Fresh.Count + DroppedExtents;
        var needed = (ulong)changed + Math.Min((ulong)touched, BlocksOf(BtrfsRoots.ExtentTree) + ((ulong)touched / 16)) + Math.Min((ulong)DroppedExtents, BlocksOf(BtrfsRoots.ChecksumTree)) + smallTrees;
        if (grows)
        {
            needed += smallTrees; // what removes must find room when nothing else does
        }

        needed *= (ulong)_volume.Superblock.NodeSize;
        return Space.Available(BtrfsProfile.Metadata, needed) >= needed;
    }

    private ulong BlocksOf(ulong tree) => (_roots.Find(tree)?.UsedBytes ?? 0) / (ulong)_volume.Superblock.NodeSize;

    /// <summary>A chunk is stored at once, by itself: an empty one does no harm when the change fails after all.</summary>
    private bool TryAddChunk(BtrfsProfile kind)
    {
        StartOperation();
        if (!HasRoom(grows: false) || !new BtrfsChunkAllocator(_volume, this).TryAdd(kind))
        {
            return false;
        }

        Commit();
        return true;
    }
}

/// <summary>No block group of a kind has room; stays within a transaction.</summary>
internal sealed class BtrfsFullException(BtrfsProfile kind) : Exception
{
    public BtrfsProfile Kind => kind;
}
