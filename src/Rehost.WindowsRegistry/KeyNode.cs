using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>A key's cell (nk), read and changed in place.</summary>
internal sealed class KeyNode(CellHeap heap, int offset)
{
    internal const int HeaderSize = 76;
    internal const ushort RootFlag = 0x04;
    internal const ushort NoDeleteFlag = 0x08;
    internal const ushort LinkFlag = 0x10;
    internal const ushort Latin1Flag = 0x20;

    internal int Offset => offset;

    internal CellHeap Heap => heap;

    internal ushort Flags => BinaryPrimitives.ReadUInt16LittleEndian(Cell[2..]);

    internal long LastWritten
    {
        get => BinaryPrimitives.ReadInt64LittleEndian(Cell[4..]);
        set => BinaryPrimitives.WriteInt64LittleEndian(Cell[4..], value);
    }

    internal int Parent { get => I32(16); set => Set(16, value); }

    internal int SubkeyCount { get => I32(20); set => Set(20, value); }

    internal int SubkeyList { get => I32(28); set => Set(28, value); }

    internal int ValueCount { get => I32(36); set => Set(36, value); }

    internal int ValueList { get => I32(40); set => Set(40, value); }

    internal int Security { get => I32(44); set => Set(44, value); }

    internal int Class { get => I32(48); set => Set(48, value); }

    internal int ClassLength
    {
        get => BinaryPrimitives.ReadUInt16LittleEndian(Cell[74..]);
        set => BinaryPrimitives.WriteUInt16LittleEndian(Cell[74..], (ushort)value);
    }

    internal string Name
    {
        get
        {
            var cell = Cell;
            var length = BinaryPrimitives.ReadUInt16LittleEndian(cell[72..]);
            return length == 0 || length > cell.Length - HeaderSize
                ? throw HiveDiagnostics.BadCell.ToException($"a key's name has {length} bytes, the cell has room for {cell.Length - HeaderSize}", CellHeap.Where(offset))
                : KeyName.Decode(cell.Slice(HeaderSize, length), (Flags & Latin1Flag) != 0);
        }
    }

    private Span<byte> Cell => heap.Get(offset, "nk"u8, HeaderSize, "a key");

    /// <summary>Makes a key's cell without anything below it.</summary>
    internal static KeyNode Make(CellHeap heap, string name, int parent, ushort flags, long time)
    {
        var stored = KeyName.Encode(name, out var isLatin1);
        var offset = heap.Allocate(HeaderSize + stored.Length);
        var cell = heap.Get(offset, HeaderSize + stored.Length, "a new key");
        "nk"u8.CopyTo(cell);
        BinaryPrimitives.WriteUInt16LittleEndian(cell[2..], (ushort)(flags | (isLatin1 ? Latin1Flag : 0)));
        BinaryPrimitives.WriteUInt16LittleEndian(cell[72..], (ushort)stored.Length);
        stored.CopyTo(cell[HeaderSize..]);
        var node = new KeyNode(heap, offset) { LastWritten = time, Parent = parent, SubkeyList = CellHeap.None, ValueList = CellHeap.None, Security = CellHeap.None, Class = CellHeap.None };
        node.Set(32, CellHeap.None);
        return node;
    }

    /// <summary>The key remembers how long names and data below it are at most, in bytes of UTF-16.</summary>
    internal void NoteSubkey(string name)
    {
        var cell = Cell;
        var most = BinaryPrimitives.ReadUInt16LittleEndian(cell[52..]); // two bytes: what follows are flags since Vista
        BinaryPrimitives.WriteUInt16LittleEndian(cell[52..], (ushort)Math.Max(most, name.Length * 2));
    }

    internal void NoteSubkeyClass(int length) => Set(56, Math.Max(I32(56), length));

    internal void NoteValue(string name, int length)
    {
        Set(60, Math.Max(I32(60), name.Length * 2));
        Set(64, Math.Max(I32(64), length));
    }

    internal void ForgetValues()
    {
        Set(60, 0);
        Set(64, 0);
    }

    internal void ForgetSubkeys()
    {
        BinaryPrimitives.WriteUInt16LittleEndian(Cell[52..], 0);
        Set(56, 0);
    }

    private int I32(int at) => BinaryPrimitives.ReadInt32LittleEndian(Cell[at..]);

    private void Set(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(Cell[at..], value);
}
