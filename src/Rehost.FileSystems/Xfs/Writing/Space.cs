namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>Blocks of the whole file system: groups are read when they are first needed.</summary>
internal sealed class Space(Store store)
{
    private readonly Dictionary<uint, Group> _groups = [];

    internal IEnumerable<Group> All => _groups.Values;

    internal IEnumerable<Group> Changed => _groups.Values.Where(group => group.IsChanged).OrderBy(group => group.Number);

    internal Group Get(uint number)
    {
        if (!_groups.TryGetValue(number, out var group))
        {
            _groups[number] = group = GroupFile.Read(store, number);
        }

        return group;
    }

    /// <summary>Some blocks for a file, at most as many as wanted; their number and how many.</summary>
    internal (ulong Block, uint Count) Take(uint wanted, ulong hint)
    {
        var first = store.GroupOf(hint) % store.Super.AgCount;
        for (var i = 0u; i < store.Super.AgCount; i++)
        {
            var group = Get((first + i) % store.Super.AgCount);
            if (group.Take(wanted, i == 0 ? store.WithinGroup(hint) : 0) is { } run)
            {
                store.FreeBlocks -= run.Count;
                return (store.ToBlock(group.Number, run.Start), run.Count);
            }
        }

        throw FileSystemDiagnostics.NoSpace.ToException($"{wanted} blocks were needed, and none may be given away");
    }

    /// <summary>Blocks that were taken for a file belong to it.</summary>
    internal void AddOwner(ulong block, uint count, ulong owner, ulong offset) =>
        Get(store.GroupOf(block)).AddOwner(new OwnerRecord(store.WithinGroup(block), count, owner, offset));

    internal void RemoveOwner(ulong block, uint count, ulong owner, ulong offset)
    {
        if (store.HasRmap)
        {
            Get(store.GroupOf(block)).RemoveOwner(new OwnerRecord(store.WithinGroup(block), count, owner, offset));
        }
    }

    internal void Drop(ulong block, uint count)
    {
        store.Super.ByteOf(block, count);
        store.FreeBlocks += Get(store.GroupOf(block)).Drop(new Run(store.WithinGroup(block), count));
    }

    /// <summary>How many of the first blocks of a range are shared, or are not, and which.</summary>
    internal (bool IsShared, ulong Count) GetSharing(ulong block, ulong count)
    {
        if (!store.HasReflink)
        {
            return (false, count);
        }

        var run = new Run(store.WithinGroup(block), (uint)count);
        return Get(store.GroupOf(block)).FindShared(run) switch
        {
            null => (false, count),
            { } shared when shared.Start == run.Start => (true, shared.Count),
            { } shared => (false, shared.Start - run.Start),
        };
    }

    /// <summary>Every group that was changed must be able to lay out its trees; else the operation fails here, and leaves no trace.</summary>
    internal void EndOperation()
    {
        foreach (var group in _groups.Values)
        {
            group.EndOperation();
            if (group.IsChanged && group.Usable < -2)
            {
                throw FileSystemDiagnostics.NoSpace.ToException("the trees of a group would have no room", group.Where);
            }
        }
    }

    internal void Write()
    {
        foreach (var group in Changed.ToArray())
        {
            GroupFile.Write(store, group);
        }
    }
}
