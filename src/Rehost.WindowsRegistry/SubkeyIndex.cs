using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>The list of a key's subkeys, sorted by name: a leaf (li, lf, lh), or a root (ri) over leaves. A leaf that outgrows a bin of 4096 bytes is split.</summary>
internal sealed class SubkeyIndex(CellHeap heap, int minorVersion)
{
    private const int Header = 4;
    private const int LargestLeafBytes = 4096 - 32 - 8;
    private const int MostLists = 65535;
    private const int Slack = 4;
    private const int FirstWithHash = 5;

    private enum Kind
    {
        Plain,
        Hint,
        Hash,
        Root,
    }

    /// <summary>Offsets of all subkeys in their order.</summary>
    internal IEnumerable<int> All(KeyNode key)
    {
        if (key.SubkeyCount == 0 || key.SubkeyList == CellHeap.None)
        {
            yield break;
        }

        foreach (var leaf in Leaves(key.SubkeyList))
        {
            var count = Count(leaf, out var kind);
            for (var i = 0; i < count; i++)
            {
                yield return Entry(leaf, kind, i);
            }
        }
    }

    /// <summary>Cells that hold the list itself.</summary>
    internal IEnumerable<int> Cells(KeyNode key)
    {
        if (key.SubkeyList == CellHeap.None)
        {
            return [];
        }

        Count(key.SubkeyList, out var kind);
        return kind == Kind.Root ? Leaves(key.SubkeyList).Prepend(key.SubkeyList) : [key.SubkeyList];
    }

    /// <summary>The subkey of a name, or <see cref="CellHeap.None"/>.</summary>
    internal int Find(KeyNode key, string name)
    {
        if (key.SubkeyCount == 0 || key.SubkeyList == CellHeap.None)
        {
            return CellHeap.None;
        }

        var (leaf, _, position, isFound) = Locate(key.SubkeyList, name);
        Count(leaf, out var kind);
        return isFound ? Entry(leaf, kind, position) : CellHeap.None;
    }

    internal void Insert(KeyNode key, int subkey, string name)
    {
        if (key.SubkeyList == CellHeap.None)
        {
            var made = MakeList(minorVersion >= FirstWithHash ? Kind.Hash : Kind.Hint, 1 + Slack);
            Replace(key, CellHeap.None, CellHeap.None, 0, made);
        }

        var (leaf, root, rootPosition, position) = (0, 0, 0, 0);
        (leaf, rootPosition, position, _) = Locate(key.SubkeyList, name);
        root = key.SubkeyList == leaf ? CellHeap.None : key.SubkeyList;
        var count = Count(leaf, out var kind);
        if (Header + ((count + 1) * EntrySize(kind)) > LargestLeafBytes)
        {
            Split(key, leaf, root, rootPosition);
            Insert(key, subkey, name);
            return;
        }

        var moved = MakeRoom(leaf, position);
        if (moved != leaf)
        {
            Replace(key, root, leaf, rootPosition, moved);
        }

        SetEntry(moved, kind, position, subkey, name);
        key.SubkeyCount++;
    }

    internal void Remove(KeyNode key, string name)
    {
        var (leaf, rootPosition, position, isFound) = Locate(key.SubkeyList, name);
        if (!isFound)
        {
            throw HiveDiagnostics.BadCell.ToException($"the list of subkeys does not hold {name}, or is not in order", CellHeap.Where(key.Offset));
        }

        var root = key.SubkeyList == leaf ? CellHeap.None : key.SubkeyList;
        if (RemoveAt(leaf, position) == 0)
        {
            heap.Free(leaf, "a list of subkeys");
            if (root == CellHeap.None)
            {
                key.SubkeyList = CellHeap.None;
            }
            else if (RemoveAt(root, rootPosition) == 0)
            {
                heap.Free(root, "a list of lists of subkeys");
                key.SubkeyList = CellHeap.None;
            }
        }

        key.SubkeyCount--;
    }

    private IEnumerable<int> Leaves(int list)
    {
        var count = Count(list, out var kind);
        if (kind != Kind.Root)
        {
            yield return list;
            yield break;
        }

        for (var i = 0; i < count; i++)
        {
            yield return Leaf(list, i);
        }
    }

    private int Leaf(int root, int index)
    {
        var leaf = Entry(root, Kind.Root, index);
        Count(leaf, out var kind);
        return kind == Kind.Root ? throw HiveDiagnostics.BadCell.ToException("a list of lists of subkeys leads to another", CellHeap.Where(root)) : leaf;
    }

    /// <summary>The leaf that holds a name or has the place for it, that leaf's place in the root, and the place in the leaf.</summary>
    private (int Leaf, int RootPosition, int Position, bool IsFound) Locate(int list, string name)
    {
        var (count, leaf, rootPosition) = (Count(list, out var kind), list, 0);
        if (kind == Kind.Root)
        {
            if (count == 0)
            {
                throw HiveDiagnostics.BadCell.ToException("a list of lists of subkeys is empty", CellHeap.Where(list));
            }

            // The last leaf whose first key is not past the name; the first one when there is none.
            var (from, to) = (1, count);
            while (from < to)
            {
                var middle = (from + to) / 2;
                (from, to) = CompareFirst(Leaf(list, middle), name) <= 0 ? (middle + 1, to) : (from, middle);
            }

            rootPosition = from - 1;
            leaf = Leaf(list, rootPosition);
            count = Count(leaf, out kind);
        }

        var (low, high) = (0, count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            var order = KeyName.Compare(new KeyNode(heap, Entry(leaf, kind, middle)).Name, name);
            if (order == 0)
            {
                return (leaf, rootPosition, middle, true);
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle);
        }

        return (leaf, rootPosition, low, false);
    }

    private int CompareFirst(int leaf, string name)
        => Count(leaf, out var kind) == 0 ? throw HiveDiagnostics.BadCell.ToException("a list of subkeys is empty", CellHeap.Where(leaf)) : KeyName.Compare(new KeyNode(heap, Entry(leaf, kind, 0)).Name, name);

    private int Count(int list, out Kind kind)
    {
        var cell = heap.Get(list, Header, "a list of subkeys");
        kind = (cell[0], cell[1]) switch
        {
            ((byte)'l', (byte)'i') => Kind.Plain,
            ((byte)'l', (byte)'f') => Kind.Hint,
            ((byte)'l', (byte)'h') => Kind.Hash,
            ((byte)'r', (byte)'i') => Kind.Root,
            _ => throw HiveDiagnostics.BadCell.ToException($"a list of subkeys begins with {Convert.ToHexStringLower(cell[..2])}", CellHeap.Where(list)),
        };
        var count = BinaryPrimitives.ReadUInt16LittleEndian(cell[2..]);
        return Header + (count * EntrySize(kind)) <= cell.Length
            ? count
            : throw HiveDiagnostics.BadCell.ToException($"a list of {count} subkeys in {cell.Length} bytes", CellHeap.Where(list));
    }

    private static int EntrySize(Kind kind) => kind is Kind.Hint or Kind.Hash ? 8 : 4;

    private int Entry(int list, Kind kind, int index) => BinaryPrimitives.ReadInt32LittleEndian(heap.Get(list, Header, "a list of subkeys")[(Header + (index * EntrySize(kind)))..]);

    private void SetEntry(int list, Kind kind, int index, int target, string name)
    {
        var entry = heap.Get(list, Header, "a list of subkeys")[(Header + (index * EntrySize(kind)))..];
        BinaryPrimitives.WriteInt32LittleEndian(entry, target);
        if (kind is Kind.Hint or Kind.Hash)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], kind == Kind.Hash ? KeyName.Hash(name) : KeyName.Hint(name));
        }
    }

    private int MakeList(Kind kind, int entries)
    {
        var list = heap.Allocate(Header + (entries * EntrySize(kind)));
        (kind switch { Kind.Plain => "li"u8, Kind.Hint => "lf"u8, Kind.Hash => "lh"u8, _ => "ri"u8 }).CopyTo(heap.Get(list, Header, "a list of subkeys"));
        return list;
    }

    /// <summary>Opens a gap for an entry; returns where the list is now.</summary>
    private int MakeRoom(int list, int position)
    {
        var count = Count(list, out var kind);
        var size = EntrySize(kind);
        if (count == MostLists)
        {
            throw HiveDiagnostics.Unsuitable.ToException("a key has too many subkeys", CellHeap.Where(list));
        }

        var target = list;
        if (!heap.HasRoom(list, Header + ((count + 1) * size)))
        {
            target = MakeList(kind, count + 1 + Slack + (count / 8));
            heap.Get(list, Header, "a list of subkeys")[..(Header + (count * size))].CopyTo(heap.Get(target, Header, "a list of subkeys"));
            heap.Free(list, "a list of subkeys");
        }

        var cell = heap.Get(target, Header, "a list of subkeys");
        var at = Header + (position * size);
        cell[at..(Header + (count * size))].CopyTo(cell[(at + size)..]);
        BinaryPrimitives.WriteUInt16LittleEndian(cell[2..], (ushort)(count + 1));
        return target;
    }

    /// <summary>Takes an entry out; returns how many are left.</summary>
    private int RemoveAt(int list, int position)
    {
        var count = Count(list, out var kind);
        var size = EntrySize(kind);
        var cell = heap.Get(list, Header, "a list of subkeys");
        cell[(Header + ((position + 1) * size))..(Header + (count * size))].CopyTo(cell[(Header + (position * size))..]);
        BinaryPrimitives.WriteUInt16LittleEndian(cell[2..], (ushort)(count - 1));
        return count - 1;
    }

    /// <summary>Moves the second half of a leaf to a new one.</summary>
    private void Split(KeyNode key, int leaf, int root, int rootPosition)
    {
        var count = Count(leaf, out var kind);
        var (half, size) = (count / 2, EntrySize(kind));
        var second = MakeList(kind, count - half + Slack);
        var cell = heap.Get(leaf, Header, "a list of subkeys");
        var target = heap.Get(second, Header, "a list of subkeys");
        cell[(Header + (half * size))..(Header + (count * size))].CopyTo(target[Header..]);
        BinaryPrimitives.WriteUInt16LittleEndian(target[2..], (ushort)(count - half));
        BinaryPrimitives.WriteUInt16LittleEndian(cell[2..], (ushort)half);
        if (root == CellHeap.None)
        {
            root = MakeList(Kind.Root, 2 + Slack);
            BinaryPrimitives.WriteUInt16LittleEndian(heap.Get(root, Header, "a list of lists")[2..], 1);
            SetEntry(root, Kind.Root, 0, leaf, "");
            key.SubkeyList = root;
            rootPosition = 0;
        }

        var moved = MakeRoom(root, rootPosition + 1);
        SetEntry(moved, Kind.Root, rootPosition + 1, second, "");
        key.SubkeyList = moved;
    }

    private void Replace(KeyNode key, int root, int old, int rootPosition, int moved)
    {
        if (root == CellHeap.None)
        {
            key.SubkeyList = moved;
        }
        else if (Entry(root, Kind.Root, rootPosition) == old)
        {
            SetEntry(root, Kind.Root, rootPosition, moved, "");
        }
    }
}
