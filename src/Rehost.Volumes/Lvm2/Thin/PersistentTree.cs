using Rehost.Model;

namespace Rehost.Volumes.Lvm2.Thin;

/// <summary>
/// A B-tree of a pool's metadata (drivers/md/persistent-data/dm-btree.c). A node that another tree uses too is copied before it is changed, and everything that it leads to
/// is counted once more; one that is this tree's alone is changed in place. Nodes are split and joined on the way down, so that there is always room for what comes up.
/// </summary>
/// <param name="blocks">The metadata.</param>
/// <param name="nodes">Counts the uses of nodes.</param>
/// <param name="valueLength">Bytes of a value in a leaf.</param>
/// <param name="share">Counts what a leaf's value leads to once more; null when it leads to nothing.</param>
internal sealed class PersistentTree(MetadataBlocks blocks, SpaceMap nodes, int valueLength, PersistentTree.Share? share = null)
{
    private const int MaximumDepth = 12;

    /// <summary>Counts what a value leads to once more.</summary>
    public delegate void Share(ReadOnlySpan<byte> value);

    /// <summary>The value of a key; false when there is none.</summary>
    public bool TryFind(long root, ulong key, Span<byte> value)
    {
        var number = root;
        for (var depth = 0; depth < MaximumDepth; depth++)
        {
            var node = Read(number);
            var index = node.Find(key);
            if (index < 0)
            {
                return false;
            }

            if (node.IsLeaf)
            {
                if (node.Key(index) != key)
                {
                    return false;
                }

                node.Value(index).CopyTo(value);
                return true;
            }

            number = node.Child(index);
        }

        throw TooDeep();
    }

    /// <summary>Sets the value of a key.</summary>
    /// <returns>The root, which is another one when the old one is shared.</returns>
    public long Insert(long root, ulong key, ReadOnlySpan<byte> value)
    {
        // A value that is only replaced needs no room.
        Span<byte> old = stackalloc byte[valueLength];
        var isNew = !TryFind(root, key, old);
        root = Own(root);
        if (isNew && Read(root).IsFull)
        {
            SplitRoot(root);
        }

        var number = root;
        for (var depth = 0; depth < MaximumDepth; depth++)
        {
            var node = Edit(number);
            var index = node.Find(key);
            if (node.IsLeaf)
            {
                if (index >= 0 && node.Key(index) == key)
                {
                    value.CopyTo(node.Value(index));
                }
                else
                {
                    node.Insert(index + 1, key, value);
                }

                return root;
            }

            if (index < 0)
            {
                index = 0;
                node.SetKey(0, key);
            }

            var child = Own(node.Child(index));
            node.SetChild(index, child);
            if (isNew && Read(child).IsFull)
            {
                SplitChild(node, index, child);
                child = node.Child(node.Find(key));
            }

            number = child;
        }

        throw TooDeep();
    }

    /// <summary>Takes a key out of a tree that shares no nodes.</summary>
    public void Remove(long root, ulong key)
    {
        var number = root;
        for (var depth = 0; depth < MaximumDepth; depth++)
        {
            var node = Edit(number);
            while (!node.IsLeaf && node.Count == 1)
            {
                node = PullUp(number, node.Child(0));
            }

            var index = node.Find(key);
            if (index < 0 || (node.IsLeaf && node.Key(index) != key))
            {
                throw blocks.Damaged($"lack the key {key} in a tree");
            }

            if (node.IsLeaf)
            {
                node.RemoveAt(index);
                return;
            }

            // The kernel demands of every node but the root that a third of it is in use.
            var child = Read(node.Child(index));
            if (child.Count <= child.Capacity / 3)
            {
                Rebalance(node, Math.Max(0, index - 1));
                index = Math.Max(0, node.Find(key));
            }

            number = node.Child(index);
        }

        throw TooDeep();
    }

    private ThinNode Read(long number) => Checked(number, blocks.Read(number, BlockRole.Node));

    private ThinNode Edit(long number) => Checked(number, blocks.Edit(number, BlockRole.Node));

    private ThinNode Checked(long number, byte[] block)
    {
        var node = new ThinNode(block);
        return node.ValueLength == (node.IsLeaf ? valueLength : ThinNode.ChildLength) && (node.IsLeaf || node.Count > 0)
            ? node
            : throw blocks.Damaged($"have {node.Count} values of {node.ValueLength} bytes in node {number}");
    }

    /// <summary>Makes a node this tree's alone.</summary>
    private long Own(long number)
    {
        var uses = nodes.Count(number);
        if (uses <= 1)
        {
            return uses == 1 ? number : throw blocks.Damaged($"use block {number} and count it as free");
        }

        var node = Read(number);
        var own = nodes.Allocate();
        blocks.Read(number, BlockRole.Node).CopyTo(blocks.Make(own, BlockRole.Node), 0);
        nodes.Decrement(number);
        for (var i = 0; i < node.Count; i++)
        {
            if (!node.IsLeaf)
            {
                nodes.Increment(node.Child(i));
            }
            else
            {
                share?.Invoke(node.Value(i));
            }
        }

        return own;
    }

    /// <summary>The root keeps its place and gets two children.</summary>
    private void SplitRoot(long root)
    {
        var (left, right) = (nodes.Allocate(), nodes.Allocate());
        blocks.Read(root, BlockRole.Node).CopyTo(blocks.Make(left, BlockRole.Node), 0);
        var low = Edit(left);
        var high = ThinNode.Format(blocks.Make(right, BlockRole.Node), low.IsLeaf, low.ValueLength);
        low.MoveTailTo(high, low.Count / 2);
        var parent = ThinNode.Format(blocks.Edit(root, BlockRole.Node), isLeaf: false, ThinNode.ChildLength);
        Add(parent, 0, low.Key(0), left);
        Add(parent, 1, high.Key(0), right);
    }

    private void SplitChild(ThinNode parent, int index, long child)
    {
        var right = nodes.Allocate();
        var low = Edit(child);
        var high = ThinNode.Format(blocks.Make(right, BlockRole.Node), low.IsLeaf, low.ValueLength);
        low.MoveTailTo(high, low.Count / 2);
        Add(parent, index + 1, high.Key(0), right);
    }

    /// <summary>Puts an only child in its parent's place.</summary>
    private ThinNode PullUp(long parent, long child)
    {
        _ = Read(child);
        blocks.Read(child, BlockRole.Node).CopyTo(blocks.Edit(parent, BlockRole.Node), 0);
        nodes.Decrement(child);
        return Edit(parent);
    }

    /// <summary>Joins two neighbours, or shares their entries out evenly.</summary>
    private void Rebalance(ThinNode parent, int index)
    {
        var number = parent.Child(index + 1);
        var (low, high) = (Edit(parent.Child(index)), Edit(number));
        if (low.IsLeaf != high.IsLeaf || low.Capacity != high.Capacity || parent.Child(index) == number)
        {
            throw blocks.Damaged("have nodes of several kinds beside each other in a tree");
        }

        var total = low.Count + high.Count;
        if (total <= low.Capacity)
        {
            low.TakeFrom(high, high.Count);
            parent.RemoveAt(index + 1);
            nodes.Decrement(number);
            return;
        }

        if (low.Count > total / 2)
        {
            low.MoveTailTo(high, total / 2);
        }
        else
        {
            low.TakeFrom(high, (total / 2) - low.Count);
        }

        parent.SetKey(index + 1, high.Key(0));
    }

    private static void Add(ThinNode parent, int index, ulong key, long child)
    {
        Span<byte> value = stackalloc byte[ThinNode.ChildLength];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(value, child);
        parent.Insert(index, key, value);
    }

    private DiagnosticException TooDeep() => blocks.Damaged($"have a tree deeper than {MaximumDepth}");
}
