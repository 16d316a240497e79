using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>A key of a hive. Names are found whatever their case; paths have backslashes between names.</summary>
public sealed class RegistryKey
{
    private const int ValueHeader = 20;
    private const int DeepestKey = 512; // Windows' own limit
    private const ushort ValueLatin1Flag = 1;
    private readonly Hive _hive;

    internal RegistryKey(Hive hive, int offset)
    {
        (_hive, Node) = (hive, new KeyNode(hive.Heap, offset));
        Name = Node.Name;
    }

    internal KeyNode Node { get; }

    /// <summary>The key's name.</summary>
    public string Name { get; }

    /// <summary>When the key was changed last.</summary>
    public DateTimeOffset LastWritten
        => Node.LastWritten is var time && time >= 0 && time <= DateTime.MaxValue.ToFileTimeUtc() ? new DateTimeOffset(DateTime.FromFileTimeUtc(time)) : DateTimeOffset.UnixEpoch;

    /// <summary>The subkeys in their order.</summary>
    public IEnumerable<RegistryKey> Subkeys => _hive.Index.All(Node).Select(offset => new RegistryKey(_hive, offset));

    /// <summary>The values in the order in which they are stored.</summary>
    public IEnumerable<RegistryValue> Values => ValueCells().Select(ReadValue);

    /// <summary>The class name, which few keys have; null when there is none.</summary>
    public string? ClassName
        => Node.Class == CellHeap.None || Node.ClassLength == 0 ? null : KeyName.Decode(_hive.Heap.Get(Node.Class, Node.ClassLength, "a class name")[..Node.ClassLength], isLatin1: false);

    /// <summary>The self-relative security descriptor; empty when the key has none.</summary>
    public byte[] SecurityDescriptor => Node.Security == CellHeap.None ? [] : _hive.Security.Read(Node.Security);

    /// <summary>Whether the key is a link, whose value SymbolicLinkValue says where it leads.</summary>
    public bool IsLink => (Node.Flags & KeyNode.LinkFlag) != 0;

    /// <summary>A key below this one by its path; null when there is none.</summary>
    public RegistryKey? Find(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var node = Node;
        foreach (var name in path.Split('\\', StringSplitOptions.RemoveEmptyEntries))
        {
            var found = _hive.Index.Find(node, name);
            if (found == CellHeap.None)
            {
                return null;
            }

            node = new KeyNode(_hive.Heap, found);
        }

        return new RegistryKey(_hive, node.Offset);
    }

    /// <summary>A key below this one by its path.</summary>
    /// <exception cref="Model.DiagnosticException">There is no such key (REG006).</exception>
    public RegistryKey Demand(string path) => Find(path) ?? throw HiveDiagnostics.NotFound.ToException("no such key", path);

    /// <summary>A value by its name, whatever its case; null when there is none.</summary>
    public RegistryValue? FindValue(string name) => FindValueCell(name) is var (_, cell) && cell != CellHeap.None ? ReadValue(cell) : null;

    /// <summary>A value by its name.</summary>
    /// <exception cref="Model.DiagnosticException">There is no such value (REG006).</exception>
    public RegistryValue DemandValue(string name) => FindValue(name) ?? throw HiveDiagnostics.NotFound.ToException($"key {Name} has no value of that name", name);

    /// <summary>The key of a path below this one, made where it is not there, with the security of its parent.</summary>
    public RegistryKey Create(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var names = path.Split('\\', StringSplitOptions.RemoveEmptyEntries);
        foreach (var name in names)
        {
            KeyName.DemandKey(name);
        }

        var (key, known) = (this, 0);
        for (; known < names.Length && key.Find(names[known]) is { } next; known++)
        {
            key = next;
        }

        if (known == names.Length)
        {
            return key;
        }

        key.DemandDepth(path, names.Length - known);
        return _hive.Edit(() => names[known..].Aggregate(key, (parent, name) => parent.Add(name)));
    }

    /// <summary>Removes a subkey with all that is below it.</summary>
    /// <exception cref="Model.DiagnosticException">There is no such key (REG006), or it must not be removed (REG007).</exception>
    public void Remove(string name)
    {
        KeyName.DemandKey(name);
        var all = new List<RegistryKey>();
        var seen = new HashSet<int>();
        for (var work = new Stack<RegistryKey>([Demand(name)]); work.TryPop(out var next);)
        {
            if (!seen.Add(next.Node.Offset) || next.Node.Offset == _hive.Root.Node.Offset)
            {
                throw HiveDiagnostics.BadCell.ToException("a key is below itself, or in two places", CellHeap.Where(next.Node.Offset));
            }

            if ((next.Node.Flags & KeyNode.NoDeleteFlag) != 0)
            {
                throw HiveDiagnostics.Unsuitable.ToException("the key is marked as one that is not removed", next.Name);
            }

            all.Add(next);
            foreach (var subkey in next.Subkeys)
            {
                work.Push(subkey);
            }
        }

        _hive.Edit(() =>
        {
            _hive.Index.Remove(Node, name); // while the names of all its neighbours can be read
            foreach (var key in all)
            {
                key.FreeCells();
            }

            if (Node.SubkeyCount == 0)
            {
                Node.ForgetSubkeys();
            }

            Touch();
            return this;
        });
    }

    /// <summary>Sets a value; one of the same name is replaced and keeps its place and the case of its name.</summary>
    public void Set(RegistryValue value)
    {
        ArgumentNullException.ThrowIfNull(value);
        KeyName.DemandValue(value.Name);
        _hive.Data.Demand(value.Data.Length);
        _hive.Edit(() =>
        {
            var (_, cell) = FindValueCell(value.Name);
            if (cell == CellHeap.None)
            {
                cell = AddValue(value.Name);
            }
            else
            {
                FreeData(cell);
            }

            var (size, offset) = _hive.Data.Store(value.Data);
            var content = ValueCell(cell);
            BinaryPrimitives.WriteUInt32LittleEndian(content[4..], size);
            BinaryPrimitives.WriteInt32LittleEndian(content[8..], offset);
            BinaryPrimitives.WriteInt32LittleEndian(content[12..], (int)value.Kind);
            Node.NoteValue(value.Name, value.Data.Length);
            Touch();
            return this;
        });
    }

    /// <summary>Removes a value; whether there was one.</summary>
    public bool RemoveValue(string name)
    {
        var (index, cell) = FindValueCell(name);
        if (cell == CellHeap.None)
        {
            return false;
        }

        _hive.Edit(() =>
        {
            FreeData(cell);
            _hive.Heap.Free(cell, "a value");
            var count = Node.ValueCount;
            var list = _hive.Heap.Get(Node.ValueList, count * 4, "a list of values");
            list[((index + 1) * 4)..(count * 4)].CopyTo(list[(index * 4)..]);
            Node.ValueCount = count - 1;
            if (count == 1)
            {
                _hive.Heap.Free(Node.ValueList, "a list of values");
                Node.ValueList = CellHeap.None;
                Node.ForgetValues();
            }

            Touch();
            return this;
        });
        return true;
    }

    /// <summary>Sets the security descriptor, which keys with the same one share.</summary>
    public void SetSecurityDescriptor(byte[] descriptor)
    {
        const int longest = 64 << 10;
        ArgumentNullException.ThrowIfNull(descriptor);
        if (descriptor.Length > longest)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"a security descriptor of {descriptor.Length} bytes", Name);
        }

        _hive.Edit(() =>
        {
            var old = Node.Security;
            Node.Security = _hive.Security.Obtain(old != CellHeap.None ? old : _hive.Root.Node.Security, descriptor);
            if (old != CellHeap.None)
            {
                _hive.Security.Release(old);
            }

            Touch();
            return this;
        });
    }

    /// <summary>Sets the class name; null removes it.</summary>
    public void SetClassName(string? name)
    {
        const int longest = 16383;
        if (name?.Length > longest)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"a class name of {name.Length} units", Name);
        }

        var stored = RegistryValue.Encode(name ?? "");
        _hive.Edit(() =>
        {
            FreeClass();
            if (stored.Length > 0)
            {
                var cell = _hive.Heap.Allocate(stored.Length);
                stored.CopyTo(_hive.Heap.Get(cell, stored.Length, "a class name"));
                Node.Class = cell;
                Node.ClassLength = stored.Length;
                if (Node.Offset != _hive.Root.Node.Offset)
                {
                    new KeyNode(_hive.Heap, Node.Parent).NoteSubkeyClass(stored.Length);
                }
            }

            Touch();
            return this;
        });
    }

    /// <summary>The cells of the values.</summary>
    internal int[] ValueCells()
    {
        var count = Node.ValueCount;
        if (count == 0)
        {
            return [];
        }

        if (count < 0 || count > _hive.Heap.Length / 4)
        {
            throw HiveDiagnostics.BadCell.ToException($"a key of {count} values", CellHeap.Where(Node.Offset));
        }

        var list = _hive.Heap.Get(Node.ValueList, count * 4, "a list of values");
        var cells = new int[count];
        for (var i = 0; i < count; i++)
        {
            cells[i] = BinaryPrimitives.ReadInt32LittleEndian(list[(i * 4)..]);
        }

        return cells;
    }

    /// <summary>Cells of a value's data.</summary>
    internal IEnumerable<int> DataCells(int cell)
    {
        var content = ValueCell(cell);
        return _hive.Data.Cells(BinaryPrimitives.ReadUInt32LittleEndian(content[4..]), BinaryPrimitives.ReadInt32LittleEndian(content[8..]), CellHeap.Where(cell));
    }

    private RegistryKey Add(string name)
    {
        var made = KeyNode.Make(_hive.Heap, name, Node.Offset, 0, _hive.Now);
        if (Node.Security != CellHeap.None)
        {
            made.Security = Node.Security;
            _hive.Security.Share(Node.Security);
        }

        _hive.Index.Insert(Node, made.Offset, name);
        Node.NoteSubkey(name);
        Touch();
        return new RegistryKey(_hive, made.Offset);
    }

    private void DemandDepth(string name, int more)
    {
        var depth = more;
        for (var node = Node; depth <= DeepestKey && node.Offset != _hive.Root.Node.Offset; node = new KeyNode(_hive.Heap, node.Parent))
        {
            depth++;
        }

        if (depth > DeepestKey)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"the registry has {DeepestKey} levels of keys", name);
        }
    }

    private int AddValue(string name)
    {
        var stored = KeyName.Encode(name, out var isLatin1);
        var cell = _hive.Heap.Allocate(ValueHeader + stored.Length);
        var content = _hive.Heap.Get(cell, ValueHeader + stored.Length, "a value");
        "vk"u8.CopyTo(content);
        BinaryPrimitives.WriteUInt16LittleEndian(content[2..], (ushort)stored.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(content[16..], isLatin1 && stored.Length > 0 ? ValueLatin1Flag : (ushort)0);
        stored.CopyTo(content[ValueHeader..]);

        var count = Node.ValueCount;
        var list = Node.ValueList;
        if (count == 0 || !_hive.Heap.HasRoom(list, (count + 1) * 4))
        {
            var old = list;
            list = _hive.Heap.Allocate((count + 1 + (count / 4)) * 4);
            if (old != CellHeap.None && count > 0)
            {
                _hive.Heap.Get(old, count * 4, "a list of values")[..(count * 4)].CopyTo(_hive.Heap.Get(list, count * 4, "a list of values"));
                _hive.Heap.Free(old, "a list of values");
            }

            Node.ValueList = list;
        }

        BinaryPrimitives.WriteInt32LittleEndian(_hive.Heap.Get(list, (count + 1) * 4, "a list of values")[(count * 4)..], cell);
        Node.ValueCount = count + 1;
        return cell;
    }

    private (int Index, int Cell) FindValueCell(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var cells = ValueCells();
        for (var i = 0; i < cells.Length; i++)
        {
            if (KeyName.AreEqual(ValueName(cells[i]), name))
            {
                return (i, cells[i]);
            }
        }

        return (-1, CellHeap.None);
    }

    private Span<byte> ValueCell(int cell) => _hive.Heap.Get(cell, "vk"u8, ValueHeader, "a value");

    private string ValueName(int cell)
    {
        var content = ValueCell(cell);
        var length = BinaryPrimitives.ReadUInt16LittleEndian(content[2..]);
        return length <= content.Length - ValueHeader
            ? KeyName.Decode(content.Slice(ValueHeader, length), (BinaryPrimitives.ReadUInt16LittleEndian(content[16..]) & ValueLatin1Flag) != 0)
            : throw HiveDiagnostics.BadCell.ToException($"a value's name has {length} bytes, the cell has room for {content.Length - ValueHeader}", CellHeap.Where(cell));
    }

    private RegistryValue ReadValue(int cell)
    {
        var name = ValueName(cell);
        var content = ValueCell(cell);
        var data = _hive.Data.Read(BinaryPrimitives.ReadUInt32LittleEndian(content[4..]), BinaryPrimitives.ReadInt32LittleEndian(content[8..]), content[8..12], CellHeap.Where(cell));
        return new RegistryValue(name, (RegistryValueKind)BinaryPrimitives.ReadInt32LittleEndian(content[12..]), data);
    }

    private void FreeData(int cell)
    {
        foreach (var one in DataCells(cell).ToArray())
        {
            _hive.Heap.Free(one, "a value's data");
        }
    }

    private void FreeClass()
    {
        if (Node.Class != CellHeap.None)
        {
            _hive.Heap.Free(Node.Class, "a class name");
        }

        Node.Class = CellHeap.None;
        Node.ClassLength = 0;
    }

    /// <summary>Gives back everything of a key but its place in its parent's list.</summary>
    private void FreeCells()
    {
        foreach (var cell in ValueCells())
        {
            FreeData(cell);
            _hive.Heap.Free(cell, "a value");
        }

        if (Node.ValueCount > 0)
        {
            _hive.Heap.Free(Node.ValueList, "a list of values");
        }

        foreach (var list in _hive.Index.Cells(Node).ToArray())
        {
            _hive.Heap.Free(list, "a list of subkeys");
        }

        FreeClass();
        if (Node.Security != CellHeap.None)
        {
            _hive.Security.Release(Node.Security);
        }

        _hive.Heap.Free(Node.Offset, "a key");
    }

    private void Touch() => Node.LastWritten = _hive.Now;
}
