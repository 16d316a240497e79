using System.Buffers.Binary;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// Stores a transaction. First the trees of files and their references, then, until nothing changes any more, the trees that describe where all is: giving a block of
/// the extent tree a place changes the extent tree. Only then is anything written, and the superblocks last.
/// </summary>
internal sealed class BtrfsCommit
{
    private const int MostRounds = 1000;
    private readonly BtrfsVolume _volume;
    private readonly BtrfsRoots _roots;
    private readonly BtrfsTransaction _transaction;
    private readonly BtrfsExtents _extents;
    private readonly BtrfsChecksums? _checksums;
    private readonly ulong _generation;
    private readonly Dictionary<ulong, Blocks> _blocks = [];

    public BtrfsCommit(BtrfsVolume volume, BtrfsRoots roots, BtrfsTransaction transaction)
    {
        _volume = volume;
        _roots = roots;
        _transaction = transaction;
        _generation = volume.Superblock.Generation + 1;
        _extents = new BtrfsExtents(volume, transaction.Tree(BtrfsRoots.ExtentTree));
        _checksums = roots.Find(BtrfsRoots.ChecksumTree) is null ? null : new BtrfsChecksums(volume, transaction.Tree(BtrfsRoots.ChecksumTree));
    }

    /// <summary>Stores all; returns the generation.</summary>
    public ulong Run()
    {
        BtrfsQuotas.MarkInconsistent(_roots, _transaction);
        foreach (var tree in _transaction.ChangedTrees.Where(tree => BtrfsRoots.HoldsFiles(tree.Id)).ToList())
        {
            Place(tree);
            SettleReferences(tree);
        }

        DropFreshContent();
        Release();
        for (var round = 0; Settle() || round == 0; round++) // the first round may only begin to change what the second gives places to
        {
            if (round > MostRounds)
            {
                throw FileSystemDiagnostics.NoSpace.ToException("the trees find no place that they describe");
            }

            _transaction.Tree(BtrfsRoots.ExtentTree).Merges = false; // a block that comes and goes would go on for ever
        }

        _transaction.Tree(BtrfsRoots.ExtentTree).Merges = true;
        WriteBlocks();
        new BtrfsSuperblockWriter(_volume).Write(_generation, _transaction);
        return _generation;
    }

    private static IEnumerable<BtrfsChangedNode> NodesOf(BtrfsChangedTree tree)
    {
        var work = new Stack<BtrfsChangedNode>();
        if (tree.Root is { } root)
        {
            work.Push(root);
        }

        while (work.TryPop(out var node))
        {
            yield return node;
            for (var i = node.Count - 1; node.Level > 0 && i >= 0; i--)
            {
                if (node.PointerAt(i).Changed is { } child)
                {
                    work.Push(child);
                }
            }
        }
    }

    private Blocks BlocksOf(BtrfsChangedTree tree)
    {
        if (!_blocks.TryGetValue(tree.Id, out var blocks))
        {
            _blocks.Add(tree.Id, blocks = new Blocks());
        }

        return blocks;
    }

    /// <summary>One round; whether anything had to change.</summary>
    private bool Settle()
    {
        var hasChanged = false;
        foreach (var tree in _transaction.ChangedTrees.Where(tree => !BtrfsRoots.HoldsFiles(tree.Id)).ToList())
        {
            hasChanged |= Place(tree) | DropReplaced(tree);
        }

        Release();
        foreach (var tree in _transaction.ChangedTrees.Where(tree => tree.Id is not (BtrfsRoots.RootTree or BtrfsRoots.ChunkTree)).ToList())
        {
            UpdateRoot(tree);
        }

        _extents.Store();
        UpdateBlockGroups();
        return hasChanged;
    }

    /// <summary>Gives changed blocks their places, and takes back those of blocks that are gone.</summary>
    private bool Place(BtrfsChangedTree tree)
    {
        var blocks = BlocksOf(tree);
        var hasChanged = false;
        var present = new HashSet<ulong>();
        var size = (ulong)_volume.Superblock.NodeSize;
        foreach (var node in NodesOf(tree).ToList())
        {
            if (node.Place.Logical == 0)
            {
                var kind = tree.Id == BtrfsRoots.ChunkTree ? BtrfsProfile.System : BtrfsProfile.Metadata;
                if (_transaction.Space.Take(kind, size, size, size, out var logical) == 0)
                {
                    throw FileSystemDiagnostics.NoSpace.ToException($"no block group has room for a block of tree {tree.Id}");
                }

                node.Place.Logical = logical;
                var record = BtrfsExtentRecord.NewTreeBlock(logical, _volume.Superblock, node.Level, node.Count > 0 ? node.KeyAt(0) : default, _generation);
                record.Add(BtrfsReference.ToTree(tree.Id));
                _extents.Create(record);
                blocks.Placed.Add(logical);
                hasChanged = true;
            }

            present.Add(node.Place.Logical);
        }

        foreach (var gone in blocks.Placed.Where(logical => !present.Contains(logical)).ToList())
        {
            blocks.Placed.Remove(gone);
            _extents.Discard(gone);
            _transaction.Space.GiveBack(gone, size);
            hasChanged = true;
        }

        return hasChanged;
    }

    /// <summary>Drops the blocks of a tree that only it can hold.</summary>
    private bool DropReplaced(BtrfsChangedTree tree)
    {
        var blocks = BlocksOf(tree);
        var kept = NodesOf(tree).Where(node => node.Level > 0).SelectMany(Kept).ToHashSet();
        var before = blocks.Replaced.Count;
        Visit(tree, kept, (logical, _) =>
        {
            if (blocks.Replaced.Add(logical))
            {
                var record = _extents.Get(logical);
                if (record.Count != 1 || record.IsFull || record.IsData)
                {
                    throw BtrfsDiagnostics.BadItem.ToException($"a block of tree {tree.Id} has {record.Count} references", $"tree block {logical}");
                }

                _extents.Change(logical, BtrfsReference.ToTree(tree.Id), -1);
            }
        });
        return blocks.Replaced.Count != before;
    }

    private static IEnumerable<ulong> Kept(BtrfsChangedNode node)
    {
        for (var i = 0; i < node.Count; i++)
        {
            if (node.PointerAt(i) is { Changed: null } pointer)
            {
                yield return pointer.Logical;
            }
        }
    }

    /// <summary>Visits the stored blocks that a changed tree no longer has, from the root down.</summary>
    private void Visit(BtrfsChangedTree tree, HashSet<ulong> kept, Action<ulong, BtrfsTreeBlock> visit)
    {
        var work = new Stack<(ulong Logical, BtrfsTreeBlock Block)>();
        if (!kept.Contains(tree.StoredLogical))
        {
            work.Push((tree.StoredLogical, _volume.ReadBlock(tree.StoredLogical, tree.StoredLevel, tree.StoredGeneration)));
        }

        while (work.TryPop(out var item))
        {
            visit(item.Logical, item.Block);
            for (var i = item.Block.Count - 1; item.Block.Level > 0 && i >= 0; i--)
            {
                var pointer = item.Block.PointerAt(i);
                if (!kept.Contains(pointer.Logical))
                {
                    work.Push((pointer.Logical, _volume.ReadBlock(pointer.Logical, item.Block.Level - 1, pointer.Generation)));
                }
            }
        }
    }

    /// <summary>
    /// References of a tree of files. What its replaced blocks refer to by the tree's number is taken over by the new ones; but a block that another tree holds too goes
    /// on referring to it. What that means for its references is as the kernel does it when it copies a block (update_ref_for_cow).
    /// </summary>
    private void SettleReferences(BtrfsChangedTree tree)
    {
        var difference = new Dictionary<(ulong Logical, BtrfsReference Reference), long>();
        void Count(ulong logical, BtrfsReference reference, int by)
        {
            var key = (logical, reference);
            difference[key] = difference.GetValueOrDefault(key) + by;
        }

        var kept = new HashSet<ulong>();
        foreach (var node in NodesOf(tree))
        {
            foreach (var (logical, reference) in BtrfsHeld.By(node, tree.Id))
            {
                Count(logical, reference, 1);
                kept.Add(logical);
            }
        }

        var blocks = BlocksOf(tree);
        if (!kept.Contains(tree.StoredLogical))
        {
            Count(tree.StoredLogical, BtrfsReference.ToTree(tree.Id), -1);
        }

        Visit(tree, kept, (logical, block) =>
        {
            blocks.Replaced.Add(logical);
            var held = BtrfsHeld.By(block, tree.Id).ToList();
            var record = _extents.Get(logical);
            var toParent = block.Level == 0 ? BtrfsReference.ToSharedLeaf(logical) : BtrfsReference.ToBlock(logical);
            if (record.IsData || record.Count == 0)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"a tree block has {record.Count} references", $"tree block {logical}");
            }

            if (record.Count > 1 && block.Owner == tree.Id && !record.IsFull)
            {
                held.ForEach(one => _extents.Change(one.Logical, toParent, 1));
                _extents.SetFull(logical);
            }
            else if (record.Count > 1 || record.IsFull)
            {
                held.ForEach(one => _extents.Change(one.Logical, one.Reference, 1));
                if (record.Count == 1)
                {
                    held.ForEach(one => _extents.Change(one.Logical, toParent, -1));
                }
            }

            held.ForEach(one => Count(one.Logical, one.Reference, -1));
        });

        foreach (var ((logical, reference), by) in difference.OrderBy(pair => pair.Key.Logical).ThenByDescending(pair => pair.Value))
        {
            if (by > 0 && _transaction.Fresh.Remove(logical, out var length))
            {
                _extents.Create(BtrfsExtentRecord.NewData(logical, length, _generation));
            }

            _extents.Change(logical, reference, by);
        }
    }

    /// <summary>Gives up content that was written and replaced again, or whose operation failed.</summary>
    private void DropFreshContent()
    {
        foreach (var (start, length) in _transaction.Fresh)
        {
            _checksums?.Remove(start, length);
            _transaction.Space.GiveBack(start, length);
        }

        _transaction.Fresh.Clear();
    }

    private void Release()
    {
        foreach (var record in _extents.TakeReleased())
        {
            if (record.IsData)
            {
                _checksums?.Remove(record.Logical, record.Length);
            }

            _transaction.Space.Release(record.Logical, record.Length);
        }
    }

    private void UpdateRoot(BtrfsChangedTree tree)
    {
        if (tree.Root is not { } root || _roots.Find(tree.Id) is not { } stored)
        {
            return;
        }

        var roots = _transaction.Tree(BtrfsRoots.RootTree);
        if (roots.Get(stored.Key) is not { } item)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"tree {tree.Id} has no root item");
        }

        var blocks = BlocksOf(tree);
        var used = (long)Math.Min(stored.UsedBytes, long.MaxValue / 2) + ((blocks.Placed.Count - blocks.Replaced.Count) * (long)_volume.Superblock.NodeSize);
        var bytes = item.Data.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(160), _generation);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(176), root.Place.Logical);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(192), (ulong)Math.Max(0, used));
        bytes[238] = (byte)root.Level;
        if (bytes.Length >= BtrfsRoot.FullSize)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(239), _generation);
            if (BtrfsRoots.HoldsFiles(tree.Id))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(295), _generation); // ctransid: send looks at it
            }
        }

        if (!bytes.AsSpan().SequenceEqual(item.Data.Span))
        {
            roots.Put(stored.Key, bytes);
        }
    }

    private void UpdateBlockGroups()
    {
        var items = _transaction.Tree(_volume.Superblock.HasBlockGroupTree ? BtrfsRoots.BlockGroupTree : BtrfsRoots.ExtentTree);
        foreach (var group in _transaction.Space.Groups.Where(group => group.IsChanged).ToList())
        {
            group.IsChanged = false;
            var key = new BtrfsKey(group.Chunk.Start, BtrfsKey.BlockGroupItem, group.Chunk.Length);
            items.Put(key, group.ToItem(items.Get(key)?.Data ?? BtrfsBlockGroup.NewItem(group.Chunk)));
            if (_volume.Superblock.HasValidFreeSpaceTree)
            {
                BtrfsFreeSpaceTree.Store(_transaction.Tree(BtrfsRoots.FreeSpaceTree), group, (ulong)_volume.Superblock.SectorSize);
            }
        }
    }

    private void WriteBlocks()
    {
        foreach (var tree in _transaction.ChangedTrees)
        {
            foreach (var node in NodesOf(tree))
            {
                _volume.Write(node.Place.Logical, node.Serialize(_volume.Superblock, _volume.ChunkTreeId, _generation, tree.Id));
            }
        }
    }

    /// <summary>What became of a tree's blocks.</summary>
    private sealed class Blocks
    {
        public HashSet<ulong> Placed { get; } = [];

        public HashSet<ulong> Replaced { get; } = [];
    }
}
