using System.Buffers.Binary;

namespace Rehost.WindowsRegistry;

/// <summary>A value's data: in the value's cell up to four bytes, in a cell of its own, or, since version 1.4, in segments when it is large (db).</summary>
internal sealed class ValueData(CellHeap heap, int minorVersion)
{
    private const uint InPlace = 0x80000000;
    private const int MostInPlace = 4;
    private const int Segment = 16344;
    private const int FirstWithSegments = 4;
    private const int SegmentHeader = 8;

    internal static bool IsInPlace(uint size) => (size & InPlace) != 0;

    internal byte[] Read(uint size, int offset, ReadOnlySpan<byte> field, string where)
    {
        if (IsInPlace(size))
        {
            var count = size & ~InPlace;
            return count <= MostInPlace ? field[..(int)count].ToArray() : throw HiveDiagnostics.BadCell.ToException($"{count} bytes in place of an offset", where);
        }

        if (size == 0)
        {
            return [];
        }

        if (size > heap.Length)
        {
            throw HiveDiagnostics.BadCell.ToException($"{size} bytes of data in a hive of {heap.Length}", where);
        }

        var data = heap.Get(offset, 0, "a value's data");
        if (data.Length >= size)
        {
            return data[..(int)size].ToArray();
        }

        var content = new byte[size];
        var at = 0;
        foreach (var segment in Segments(offset, where))
        {
            var part = heap.Get(segment, 0, "a segment of data");
            part = part[..Math.Min(Math.Min(part.Length, Segment), content.Length - at)];
            part.CopyTo(content.AsSpan(at));
            at += part.Length;
        }

        return at == content.Length ? content : throw HiveDiagnostics.BadCell.ToException($"{at} bytes in segments, needed {content.Length}", where);
    }

    /// <summary>Cells that hold data.</summary>
    internal IEnumerable<int> Cells(uint size, int offset, string where)
    {
        if (IsInPlace(size) || size == 0)
        {
            return [];
        }

        return heap.Get(offset, 0, "a value's data").Length >= size ? [offset] : Segments(offset, where).Prepend(List(offset)).Prepend(offset);
    }

    /// <summary>Refuses what cannot be stored.</summary>
    internal void Demand(long length)
    {
        var most = minorVersion < FirstWithSegments ? CellHeap.LargestCell - 4 : (long)ushort.MaxValue * Segment;
        if (length > most)
        {
            throw HiveDiagnostics.Unsuitable.ToException($"a value of {length} bytes, a hive of version 1.{minorVersion} holds {most}");
        }
    }

    /// <summary>Stores data; returns what goes into the value's size and offset fields.</summary>
    internal (uint Size, int Offset) Store(ReadOnlySpan<byte> data)
    {
        if (data.Length <= MostInPlace)
        {
            Span<byte> field = stackalloc byte[MostInPlace];
            field.Clear();
            data.CopyTo(field);
            return ((uint)data.Length | InPlace, BinaryPrimitives.ReadInt32LittleEndian(field));
        }

        if (data.Length <= Segment || minorVersion < FirstWithSegments)
        {
            var cell = heap.Allocate(data.Length);
            data.CopyTo(heap.Get(cell, data.Length, "a value's data"));
            return ((uint)data.Length, cell);
        }

        var count = (data.Length + Segment - 1) / Segment;
        var head = heap.Allocate(SegmentHeader);
        var list = heap.Allocate(count * 4);
        for (var i = 0; i < count; i++)
        {
            var part = data.Slice(i * Segment, Math.Min(Segment, data.Length - (i * Segment)));
            var cell = heap.Allocate(Segment);
            part.CopyTo(heap.Get(cell, part.Length, "a segment of data"));
            BinaryPrimitives.WriteInt32LittleEndian(heap.Get(list, count * 4, "a list of segments")[(i * 4)..], cell);
        }

        var header = heap.Get(head, SegmentHeader, "a list of segments");
        "db"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)count);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], list);
        return ((uint)data.Length, head);
    }

    private int List(int head) => BinaryPrimitives.ReadInt32LittleEndian(heap.Get(head, "db"u8, SegmentHeader, "a value's data")[4..]);

    private List<int> Segments(int head, string where)
    {
        var count = BinaryPrimitives.ReadUInt16LittleEndian(heap.Get(head, "db"u8, SegmentHeader, $"data of {where}")[2..]);
        var list = heap.Get(List(head), count * 4, "a list of segments");
        var segments = new List<int>(count);
        for (var i = 0; i < count; i++)
        {
            segments.Add(BinaryPrimitives.ReadInt32LittleEndian(list[(i * 4)..]));
        }

        return segments;
    }
}
