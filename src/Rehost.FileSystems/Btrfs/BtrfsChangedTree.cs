namespace Rehost.FileSystems.Btrfs;

/// <summary>A tree under change: items put in, replaced and taken out, with splits and merges in memory only.</summary>
internal sealed class BtrfsChangedTree(BtrfsVolume volume, ulong id, ulong logical, int level, ulong generation)
{
    private readonly int _capacity = volume.Superblock.NodeSize - BtrfsTreeBlock.HeaderSize;

    public ulong Id => id;

    /// <summary>Where the tree's root is stored: what the transaction replaces.</summary>
    public ulong StoredLogical { get; private set; } = logical;

    public int StoredLevel { get; private set; } = level;

    public ulong StoredGeneration { get; private set; } = generation;

    /// <summary>Null while nothing is changed.</summary>
    public BtrfsChangedNode? Root { get; private set; }

    /// <summary>Changed nodes, or more.</summary>
    public int ChangedNodes { get; private set; }

    /// <summary>The operation under way: nodes that it made may be changed in place.</summary>
    public object Operation { get; set; } = new();

    /// <summary>Whether nodes that become small are joined with their neighbours.</summary>
    public bool Merges { get; set; } = true;

    /// <summary>Largest item that a leaf can hold (BTRFS_MAX_ITEM_SIZE).</summary>
    public int LargestItem => _capacity - BtrfsTreeBlock.ItemSize;

    /// <summary>The tree as it is now. Stays as it is through later operations.</summary>
    public BtrfsTree Reading => Root is { } root ? new BtrfsTree(volume, root) : new BtrfsTree(volume, StoredLogical, StoredLevel, StoredGeneration);

    public (BtrfsChangedNode? Root, int ChangedNodes) Save() => (Root, ChangedNodes);

    public void Restore((BtrfsChangedNode? Root, int ChangedNodes) state) => (Root, ChangedNodes) = state;

    /// <summary>Takes what was written as stored.</summary>
    public void MarkStored(ulong generation)
    {
        if (Root is { } root)
        {
            (StoredLogical, StoredLevel, StoredGeneration) = (root.Place.Logical, root.Level, generation);
            (Root, ChangedNodes) = (null, 0);
        }
    }

    public BtrfsItem? Get(BtrfsKey key) => Reading.Get(key);

    /// <summary>Puts an item in, in place of one with the same key.</summary>
    public void Put(BtrfsKey key, ReadOnlyMemory<byte> data)
    {
        if (data.Length > LargestItem)
        {
            throw FileSystemDiagnostics.NoSpace.ToException($"an item of {data.Length} bytes does not fit into a tree block, which takes {LargestItem}", $"item {key}");
        }

        var root = Own(Root is { } known ? known : ReadRoot());
        var right = Put(root, key, data);
        Root = root;
        while (right.Count > 0)
        {
            var above = new BtrfsChangedNode(Root.Level + 1, Operation);
            if (above.Level > BtrfsTree.MaximumLevel)
            {
                throw FileSystemDiagnostics.NoSpace.ToException($"tree {id} has no further level");
            }

            ChangedNodes++;
            above.Insert(0, Root);
            for (var i = 0; i < right.Count; i++)
            {
                above.Insert(i + 1, right[i]);
            }

            Root = above;
            right = [];
        }
    }

    /// <summary>Takes an item out; false when it is not there.</summary>
    public bool Remove(BtrfsKey key)
    {
        if (Get(key) is null)
        {
            return false;
        }

        var root = Own(Root is { } known ? known : ReadRoot());
        RemoveFrom(root, key);
        while (root.Level > 0 && root.Count <= 1)
        {
            if (root.Count == 0)
            {
                root = new BtrfsChangedNode(0, Operation);
                ChangedNodes++;
                break;
            }

            root = Own(Child(root, 0));
        }

        Root = root;
        return true;
    }

    /// <summary>Takes out every item from one key up to below another.</summary>
    public void RemoveRange(BtrfsKey from, BtrfsKey below)
    {
        while (Reading.From(from).Select(item => (BtrfsKey?)item.Key).FirstOrDefault() is { } key && key < below)
        {
            if (!Remove(key))
            {
                throw BtrfsDiagnostics.BadItem.ToException($"tree {id} lists an item that is not found in it", $"item {key}");
            }
        }
    }

    private BtrfsTreeBlock ReadRoot() => volume.ReadBlock(StoredLogical, StoredLevel, StoredGeneration);

    private BtrfsNode Child(BtrfsNode parent, int index) => BtrfsTree.ChildOf(volume, parent, index);

    private BtrfsChangedNode Own(BtrfsNode node)
    {
        if (node is not BtrfsChangedNode)
        {
            ChangedNodes++;
        }

        return BtrfsChangedNode.Of(node, Operation);
    }

    /// <summary>Returns the nodes that a split makes on the right.</summary>
    private List<BtrfsChangedNode> Put(BtrfsChangedNode node, BtrfsKey key, ReadOnlyMemory<byte> data)
    {
        var at = node.Find(key);
        if (node.Level == 0)
        {
            if (at >= 0 && node.KeyAt(at) == key)
            {
                node.Set(at, data);
            }
            else
            {
                node.Insert(++at, key, data);
            }

            return Split(node, at);
        }

        at = Math.Max(at, 0);
        var child = Own(Child(node, at));
        var right = Put(child, key, data);
        node.Set(at, child);
        for (var i = 0; i < right.Count; i++)
        {
            node.Insert(at + 1 + i, right[i]);
        }

        return Split(node, at + right.Count);
    }

    /// <summary>
    /// Splits a node that is too full: after a change at its end there, so that trees which grow at the end have full blocks; else in the middle. A large item in a leaf may need two splits.
    /// </summary>
    private List<BtrfsChangedNode> Split(BtrfsChangedNode node, int changed)
    {
        var right = new List<BtrfsChangedNode>();
        if (node.Used <= _capacity)
        {
            return right;
        }

        var at = changed == node.Count - 1 ? changed : Middle(node);
        var other = node.SplitAt(at);
        ChangedNodes++;
        right.AddRange(Split(node, changed));
        right.Add(other);
        right.AddRange(Split(other, changed - at));
        return right;
    }

    private static int Middle(BtrfsChangedNode node)
    {
        var sum = 0;
        for (var i = 0; i < node.Count - 1; i++)
        {
            sum += node.SizeAt(i);
            if (sum >= node.Used / 2)
            {
                return Math.Max(1, sum - (node.Used / 2) > node.SizeAt(i) / 2 ? i : i + 1);
            }
        }

        return node.Count - 1;
    }

    private void RemoveFrom(BtrfsChangedNode node, BtrfsKey key)
    {
        var at = node.Find(key);
        if (node.Level == 0)
        {
            node.RemoveAt(at);
            return;
        }

        var child = Own(Child(node, at));
        RemoveFrom(child, key);
        if (child.Count == 0)
        {
            node.RemoveAt(at);
            return;
        }

        node.Set(at, child);
        if (Merges && child.Used < _capacity / 4)
        {
            _ = (at > 0 && TryMerge(node, at - 1)) || (at + 1 < node.Count && TryMerge(node, at));
        }
    }

    /// <summary>Joins a child with the one on its right when both fit into one block.</summary>
    private bool TryMerge(BtrfsChangedNode parent, int index)
    {
        var (left, right) = (Child(parent, index), Child(parent, index + 1));
        if (UsedBy(left) + UsedBy(right) > _capacity)
        {
            return false;
        }

        var joined = Own(left);
        joined.Append(right, 0);
        parent.Set(index, joined);
        parent.RemoveAt(index + 1);
        return true;
    }

    private static int UsedBy(BtrfsNode node)
    {
        if (node is BtrfsChangedNode changed)
        {
            return changed.Used;
        }

        var used = 0;
        for (var i = 0; i < node.Count; i++)
        {
            used += node.Level == 0 ? BtrfsTreeBlock.ItemSize + node.DataAt(i).Length : BtrfsTreeBlock.PointerSize;
        }

        return used;
    }
}
