namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>A list whose changes can be taken back in reverse order.</summary>
internal sealed class UndoList<T>(UndoLog undo)
{
    private readonly List<T> _items = [];

    internal int Count => _items.Count;

    internal IReadOnlyList<T> Items => _items;

    internal T this[int index]
    {
        get => _items[index];
        set
        {
            var before = _items[index];
            undo.Push(() => _items[index] = before);
            _items[index] = value;
        }
    }

    internal void Insert(int index, T item)
    {
        undo.Push(() => _items.RemoveAt(index));
        _items.Insert(index, item);
    }

    internal void RemoveAt(int index)
    {
        var before = _items[index];
        undo.Push(() => _items.Insert(index, before));
        _items.RemoveAt(index);
    }

    /// <summary>Sets the whole content, outside of operations.</summary>
    internal void Load(IEnumerable<T> items)
    {
        var content = items.ToArray();
        _items.Clear();
        _items.AddRange(content);
    }

    /// <summary>The first item for which a test holds that is false up to it and true from it on.</summary>
    internal int FindFirst(Func<T, bool> test)
    {
        var (low, high) = (0, _items.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = test(_items[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
