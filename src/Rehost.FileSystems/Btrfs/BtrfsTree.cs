namespace Rehost.FileSystems.Btrfs;

/// <summary>One item of a leaf.</summary>
internal readonly record struct BtrfsItem(BtrfsKey Key, ReadOnlyMemory<byte> Data);

/// <summary>
/// A B-tree, by its root. Levels go down by one and keys only up, and a child must begin with the key that points to it: a walk of a damaged tree visits each of its
/// blocks once at most.
/// </summary>
internal sealed class BtrfsTree
{
    private readonly BtrfsVolume _volume;
    private readonly Func<BtrfsNode> _root;

    public BtrfsTree(BtrfsVolume volume, ulong root, int level, ulong generation)
    {
        _volume = volume;
        _root = () => volume.ReadBlock(root, level, generation);
    }

    /// <summary>A tree that is changed in memory.</summary>
    public BtrfsTree(BtrfsVolume volume, BtrfsChangedNode root)
    {
        _volume = volume;
        _root = () => root;
    }

    /// <summary>BTRFS_MAX_LEVEL - 1.</summary>
    public const int MaximumLevel = 7;

    /// <summary>All items from a key on, in order.</summary>
    public IEnumerable<BtrfsItem> From(BtrfsKey start)
    {
        var path = new Stack<(BtrfsNode Block, int Next)>();
        var block = _root();
        while (true)
        {
            var at = block.Find(start);
            if (block.Level == 0)
            {
                path.Push((block, at >= 0 && block.KeyAt(at) == start ? at : at + 1));
                break;
            }

            at = Math.Max(at, 0);
            path.Push((block, at + 1));
            block = ChildOf(_volume, block, at);
        }

        while (path.TryPop(out var step))
        {
            if (step.Block.Level == 0)
            {
                for (var i = step.Next; i < step.Block.Count; i++)
                {
                    yield return new BtrfsItem(step.Block.KeyAt(i), step.Block.DataAt(i));
                }
            }
            else if (step.Next < step.Block.Count)
            {
                path.Push((step.Block, step.Next + 1));
                path.Push((ChildOf(_volume, step.Block, step.Next), 0));
            }
        }
    }

    /// <summary>The items of one object and type.</summary>
    public IEnumerable<BtrfsItem> Of(ulong objectId, byte type, ulong firstOffset = 0)
        => From(new BtrfsKey(objectId, type, firstOffset)).TakeWhile(item => item.Key.ObjectId == objectId && item.Key.Type == type);

    /// <summary>One item; null when it is not there.</summary>
    public BtrfsItem? Get(BtrfsKey key) => Floor(key) is { } item && item.Key == key ? item : null;

    /// <summary>The item with the greatest key that is not above one; null when all are.</summary>
    public BtrfsItem? Floor(BtrfsKey key)
    {
        var block = _root();
        while (true)
        {
            var at = block.Find(key);
            if (at < 0)
            {
                return null;
            }

            if (block.Level == 0)
            {
                return new BtrfsItem(block.KeyAt(at), block.DataAt(at));
            }

            block = ChildOf(_volume, block, at);
        }
    }

    /// <summary>A child of a node, which must hold the keys that the node says.</summary>
    public static BtrfsNode ChildOf(BtrfsVolume volume, BtrfsNode parent, int index)
    {
        var pointer = parent.PointerAt(index);
        if (pointer.Changed is { } changed)
        {
            return changed;
        }

        var child = volume.ReadBlock(pointer.Logical, parent.Level - 1, pointer.Generation);
        return child.Count > 0 && child.KeyAt(0) == parent.KeyAt(index) && (index + 1 >= parent.Count || child.KeyAt(child.Count - 1) < parent.KeyAt(index + 1))
            ? child
            : throw BtrfsDiagnostics.BadTreeBlock.ToException($"it does not hold the keys from {parent.KeyAt(index)} on that point to it", $"tree block {pointer.Logical}");
    }
}
