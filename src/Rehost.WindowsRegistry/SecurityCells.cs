using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>Security descriptors (sk): shared by keys, counted, and in one ring.</summary>
internal sealed class SecurityCells(CellHeap heap)
{
    private const int Header = 20;

    internal byte[] Read(int cell)
    {
        var content = Get(cell);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(content[16..]);
        return length <= content.Length - Header
            ? content.Slice(Header, (int)length).ToArray()
            : throw HiveDiagnostics.BadCell.ToException($"a security descriptor of {length} bytes in {content.Length}", CellHeap.Where(cell));
    }

    internal uint References(int cell) => BinaryPrimitives.ReadUInt32LittleEndian(Get(cell)[12..]);

    internal int Next(int cell) => BinaryPrimitives.ReadInt32LittleEndian(Get(cell)[4..]);

    internal void Share(int cell) => SetReferences(cell, References(cell) + 1);

    internal void Release(int cell)
    {
        var references = References(cell);
        if (references > 1)
        {
            SetReferences(cell, references - 1);
            return;
        }

        var (next, previous) = (Next(cell), Previous(cell));
        if (next != cell)
        {
            SetNext(previous, next);
            SetPrevious(next, previous);
        }

        heap.Free(cell, "a security descriptor");
    }

    /// <summary>The cell of a descriptor, shared when the ring has it already; a null ring begins one.</summary>
    internal int Obtain(int ring, ReadOnlySpan<byte> descriptor)
    {
        if (ring != CellHeap.None)
        {
            var left = heap.Length / 8; // a ring that leads elsewhere must not be followed for ever
            for (var cell = ring; ;)
            {
                if (Read(cell).AsSpan().SequenceEqual(descriptor))
                {
                    Share(cell);
                    return cell;
                }

                cell = Next(cell);
                if (cell == ring)
                {
                    break;
                }

                if (left-- == 0)
                {
                    throw HiveDiagnostics.BadCell.ToException("the ring of security descriptors does not close", CellHeap.Where(ring));
                }
            }
        }

        var made = heap.Allocate(Header + descriptor.Length);
        var content = heap.Get(made, Header + descriptor.Length, "a security descriptor");
        "sk"u8.CopyTo(content);
        BinaryPrimitives.WriteInt32LittleEndian(content[16..], descriptor.Length);
        descriptor.CopyTo(content[Header..]);
        SetReferences(made, 1);
        var (next, previous) = ring == CellHeap.None ? (made, made) : (Next(ring), ring);
        SetNext(made, next);
        SetPrevious(made, previous);
        SetNext(previous, made);
        SetPrevious(next, made);
        return made;
    }

    private int Previous(int cell) => BinaryPrimitives.ReadInt32LittleEndian(Get(cell)[8..]);

    private Span<byte> Get(int cell) => heap.Get(cell, "sk"u8, Header, "a security descriptor");

    private void SetNext(int cell, int value) => BinaryPrimitives.WriteInt32LittleEndian(Get(cell)[4..], value);

    private void SetPrevious(int cell, int value) => BinaryPrimitives.WriteInt32LittleEndian(Get(cell)[8..], value);

    private void SetReferences(int cell, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Get(cell)[12..], value);
}
