namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>An allocation group in memory: free space, inodes, owners and shared blocks. Its trees are written anew by <see cref="GroupFile"/>.</summary>
internal sealed class Group
{
    /// <summary>Kept back in each group, so that its trees can always be laid out.</summary>
    private const int Slack = 8;
    private readonly Store _store;
    private readonly Dictionary<ulong, List<OwnerRecord>> _owners = [];
    private readonly HashSet<ulong> _saved = [];
    private int _ownerCount;
    private long _free;

    internal Group(Store store, uint number, uint length)
    {
        _store = store;
        Number = number;
        Length = length;
        Free = new UndoList<Run>(store.Undo);
        Chunks = new UndoList<Chunk>(store.Undo);
        Shared = new UndoList<SharedRun>(store.Undo);
    }

    internal uint Number { get; }

    internal uint Length { get; }

    internal UndoList<Run> Free { get; }

    internal UndoList<Chunk> Chunks { get; }

    internal UndoList<SharedRun> Shared { get; }

    /// <summary>Blocks of all trees and of the list of spare blocks, in order.</summary>
    internal List<uint> TreeBlocks { get; set; } = [];

    /// <summary>How many of them belong to trees that count as used space: of inodes and of shared blocks.</summary>
    internal int CountedBlocks { get; set; }

    internal uint NewestInode { get; set; } = uint.MaxValue;

    internal bool IsChanged { get; set; }

    internal long FreeTotal => _free;

    /// <summary>Inode chunks with a free inode.</summary>
    internal int ChunksWithFree => Chunks.Items.Count(chunk => chunk.FreeCount > 0);

    internal int OwnerCount => _ownerCount;

    internal string Where => $"allocation group {Number}";

    /// <summary>Blocks that may be given away.</summary>
    internal long Usable => _free + TreeBlocks.Count - NeededForTrees() - Slack;

    /// <summary>Starts a change; what was is restored when the operation fails.</summary>
    internal void Touch()
    {
        if (!IsChanged)
        {
            _store.Undo.Push(() => IsChanged = false);
            IsChanged = true;
        }
    }

    internal void EndOperation() => _saved.Clear();

    internal void Load(IEnumerable<Run> free, IEnumerable<Chunk> chunks, IEnumerable<OwnerRecord> owners, IEnumerable<SharedRun> shared)
    {
        Free.Load(free);
        Chunks.Load(chunks);
        Shared.Load(shared);
        _free = Free.Items.Sum(run => (long)run.Count);
        foreach (var record in owners)
        {
            if (!_owners.TryGetValue(record.Owner, out var list))
            {
                _owners[record.Owner] = list = [];
            }

            list.Add(record);
            _ownerCount++;
        }
    }

    /// <summary>Records of all owners but the group's own trees, in the order of the tree.</summary>
    internal List<OwnerRecord> SortedOwners(IEnumerable<OwnerRecord> more)
    {
        var all = _owners.Values.SelectMany(list => list).Concat(more).ToList();
        all.Sort((one, other) => one.Order.CompareTo(other.Order));
        return all;
    }

    internal void ReplaceFree(List<Run> free)
    {
        Free.Load(free);
        _free = free.Sum(run => (long)run.Count);
    }

    /// <summary>Takes blocks, no more than asked for: behind the hint where that is free, else the first run that is long enough, else the longest.</summary>
    internal Run? Take(uint wanted, uint hint)
    {
        var most = (uint)Math.Min(wanted, Math.Max(0, Usable));
        if (most == 0)
        {
            return null;
        }

        var at = Free.FindFirst(run => run.End > hint);
        if (at < Free.Count && Free[at].Start <= hint)
        {
            return TakeFrom(at, hint, Math.Min(most, Free[at].End - hint));
        }

        // Towards the end of the group first: what follows the hint is likelier to stay together.
        var best = -1;
        for (var step = 0; step < Free.Count; step++)
        {
            var index = (at + step) % Free.Count;
            if (Free[index].Count >= most)
            {
                best = index;
                break;
            }

            best = best < 0 || Free[index].Count > Free[best].Count ? index : best;
        }

        return best < 0 ? null : TakeFrom(best, Free[best].Start, Math.Min(most, Free[best].Count));
    }

    /// <summary>Takes exactly so many blocks at an aligned place.</summary>
    internal Run? TakeAligned(uint count, uint alignment)
    {
        if (Usable < count)
        {
            return null;
        }

        for (var i = 0; i < Free.Count; i++)
        {
            var start = (uint)(((ulong)Free[i].Start + alignment - 1) / alignment * alignment);
            if (start >= Free[i].Start && start + (ulong)count <= Free[i].End)
            {
                return TakeFrom(i, start, count);
            }
        }

        return null;
    }

    internal void Give(Run run)
    {
        Touch();
        var at = Free.FindFirst(free => free.Start >= run.Start);
        if ((at < Free.Count && Free[at].Start < run.End) || (at > 0 && Free[at - 1].End > run.Start) || run.End > Length)
        {
            throw XfsDiagnostics.BadExtent.ToException($"{run.Count} blocks at {run.Start} are freed and were free already", Where);
        }

        var joined = run;
        if (at < Free.Count && Free[at].Start == run.End)
        {
            joined = joined with { Count = joined.Count + Free[at].Count };
            Free.RemoveAt(at);
        }

        if (at > 0 && Free[at - 1].End == run.Start)
        {
            Free[at - 1] = new Run(Free[at - 1].Start, Free[at - 1].Count + joined.Count);
        }
        else
        {
            Free.Insert(at, joined);
        }

        ChangeFree(run.Count);
    }

    internal void AddOwner(OwnerRecord added)
    {
        if (!_store.HasRmap)
        {
            return;
        }

        var list = EditOwner(added.Owner);
        var before = list.FindIndex(record => record.Join(added) is not null);
        if (before >= 0)
        {
            added = list[before].Join(added) ?? added;
            RemoveOwnerAt(list, before);
        }

        var after = list.FindIndex(record => added.Join(record) is not null);
        if (after >= 0)
        {
            added = added.Join(list[after]) ?? added;
            RemoveOwnerAt(list, after);
        }

        list.Add(added);
        CountOwners(1);
    }

    internal void RemoveOwner(OwnerRecord removed)
    {
        if (!_store.HasRmap)
        {
            return;
        }

        var list = EditOwner(removed.Owner);
        var at = list.FindIndex(record => record.Without(removed.Start, removed.Count, removed.Offset) is not null);
        if (at < 0)
        {
            throw XfsDiagnostics.BadBlock.ToException($"the tree of owners does not say that blocks {removed.Start} to {removed.End - 1} belong to inode {removed.Owner}", Where);
        }

        var (before, after) = list[at].Without(removed.Start, removed.Count, removed.Offset) ?? default;
        RemoveOwnerAt(list, at);
        foreach (var rest in new[] { before, after })
        {
            if (rest is { } left)
            {
                list.Add(left);
                CountOwners(1);
            }
        }
    }

    /// <summary>The first part of a run that several files share; null when none is.</summary>
    internal Run? FindShared(Run run)
    {
        var at = Shared.FindFirst(shared => shared.End > run.Start || shared.Start >= SharedRun.CopyFlag);
        return at < Shared.Count && Shared[at].Start < run.End && Shared[at].References > 1
            ? new Run(Math.Max(run.Start, Shared[at].Start), Math.Min(run.End, Shared[at].End) - Math.Max(run.Start, Shared[at].Start))
            : null;
    }

    /// <summary>A file does without blocks: those that others share lose a reference, the rest is free; how many that is.</summary>
    internal uint Drop(Run run)
    {
        var freed = 0u;
        var at = run.Start;
        while (at < run.End)
        {
            if (FindShared(new Run(at, run.End - at)) is not { } shared)
            {
                Give(new Run(at, run.End - at));
                return freed + (run.End - at);
            }

            if (shared.Start > at)
            {
                Give(new Run(at, shared.Start - at));
                freed += shared.Start - at;
            }

            Dereference(shared);
            at = shared.End;
        }

        return freed;
    }

    /// <summary>Blocks that all trees together and the shortest list of spare blocks take, by their records now.</summary>
    internal int NeededForTrees() => GroupFile.CountNeeded(_store, Free.Count, OwnerRecordsOfTrees(), this);

    private int OwnerRecordsOfTrees() => _store.HasRmap ? _ownerCount + TreeBlocks.Count : 0;

    private void Dereference(Run run)
    {
        Touch();
        var at = Shared.FindFirst(shared => shared.End > run.Start || shared.Start >= SharedRun.CopyFlag);
        var whole = Shared[at];
        Shared.RemoveAt(at);
        var parts = new List<SharedRun>();
        if (run.Start > whole.Start)
        {
            parts.Add(whole with { Count = run.Start - whole.Start });
        }

        if (whole.References > 2)
        {
            parts.Add(new SharedRun(run.Start, run.Count, whole.References - 1));
        }

        if (run.End < whole.End)
        {
            parts.Add(new SharedRun(run.End, whole.End - run.End, whole.References));
        }

        for (var i = 0; i < parts.Count; i++)
        {
            Shared.Insert(at + i, parts[i]);
        }

        // Neighbours with as many references become one.
        for (var i = Math.Min(at + parts.Count, Shared.Count - 1); i > 0 && i >= at; i--)
        {
            if (Shared[i - 1].End == Shared[i].Start && Shared[i - 1].References == Shared[i].References)
            {
                Shared[i - 1] = Shared[i - 1] with { Count = Shared[i - 1].Count + Shared[i].Count };
                Shared.RemoveAt(i);
            }
        }
    }

    private Run TakeFrom(int index, uint start, uint count)
    {
        Touch();
        var run = Free[index];
        var (before, after) = (start - run.Start, run.End - (start + count));
        if (before > 0 && after > 0)
        {
            Free[index] = run with { Count = before };
            Free.Insert(index + 1, new Run(start + count, after));
        }
        else if (before > 0)
        {
            Free[index] = run with { Count = before };
        }
        else if (after > 0)
        {
            Free[index] = new Run(start + count, after);
        }
        else
        {
            Free.RemoveAt(index);
        }

        ChangeFree(-(long)count);
        return new Run(start, count);
    }

    private void ChangeFree(long by)
    {
        _store.Undo.Push(() => _free -= by);
        _free += by;
    }

    private List<OwnerRecord> EditOwner(ulong owner)
    {
        Touch();
        if (!_owners.TryGetValue(owner, out var list))
        {
            _owners[owner] = list = [];
        }

        if (_saved.Add(owner))
        {
            var before = list.ToArray();
            _store.Undo.Push(() =>
            {
                list.Clear();
                list.AddRange(before);
            });
        }

        return list;
    }

    private void RemoveOwnerAt(List<OwnerRecord> list, int index)
    {
        list[index] = list[^1];
        list.RemoveAt(list.Count - 1);
        CountOwners(-1);
    }

    private void CountOwners(int by)
    {
        _store.Undo.Push(() => _ownerCount -= by);
        _ownerCount += by;
    }
}
