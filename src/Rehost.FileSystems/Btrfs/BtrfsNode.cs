namespace Rehost.FileSystems.Btrfs;

/// <summary>A block of a tree, as stored (<see cref="BtrfsTreeBlock"/>) or changed in memory (<see cref="BtrfsChangedNode"/>).</summary>
internal abstract class BtrfsNode
{
    /// <summary>0 for a leaf.</summary>
    public abstract int Level { get; }

    public abstract int Count { get; }

    public abstract BtrfsKey KeyAt(int index);

    /// <summary>Bytes of an item of a leaf.</summary>
    public abstract ReadOnlyMemory<byte> DataAt(int index);

    /// <summary>Where a child is.</summary>
    public abstract BtrfsPointer PointerAt(int index);

    /// <summary>Number of the last key that is not above one; -1 when all are.</summary>
    public int Find(BtrfsKey key)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = KeyAt(middle) <= key ? (middle + 1, high) : (low, middle);
        }

        return low - 1;
    }
}

/// <summary>What leads to a tree block: its address and generation, or the block itself when it is changed and has no place yet.</summary>
internal readonly record struct BtrfsPointer(ulong Logical, ulong Generation, BtrfsChangedNode? Changed = null);
