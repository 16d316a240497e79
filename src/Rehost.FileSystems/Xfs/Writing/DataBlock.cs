using System.Buffers.Binary;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The entries in one block of a directory (struct xfs_dir2_data_hdr and what follows): entries and gaps, each with its own place at its end; the three largest gaps in the header.</summary>
internal sealed class DataBlock(Store store, byte[] bytes, int end)
{
    internal const int Gone = 0xFFFF;
    private const int Gaps = 3;

    internal byte[] Bytes => bytes;

    internal static int HeaderSize(Store store) => store.IsVersion5 ? 64 : 16;

    internal static int EntrySize(Store store, int nameLength) => (8 + 1 + nameLength + (store.Super.HasFileTypes ? 1 : 0) + 2 + 7) / 8 * 8;

    /// <summary>The largest gap.</summary>
    internal ushort LargestGap => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(GapsAt + 2));

    internal bool IsEmpty => LargestGap == end - HeaderSize(store);

    private int GapsAt => store.IsVersion5 ? 48 : 4;

    internal static DataBlock CreateEmpty(Store store, int size, int end)
    {
        var block = new DataBlock(store, new byte[size], end);
        if (end > HeaderSize(store))
        {
            block.WriteGap(HeaderSize(store), end - HeaderSize(store));
        }

        block.CountGaps();
        return block;
    }

    /// <summary>Adds an entry; there must be a gap for it. Its place.</summary>
    internal int Add(NameEntry entry)
    {
        int at = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(GapsAt));
        int gap = LargestGap;
        var size = EntrySize(store, entry.Name.Length);
        if (at < HeaderSize(store) || gap < size || at + gap > end)
        {
            throw XfsDiagnostics.BadDirectory.ToException($"its largest gap is said to be {gap} bytes at {at}");
        }

        bytes.AsSpan(at, size).Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at), entry.Inode);
        bytes[at + 8] = (byte)entry.Name.Length;
        entry.Name.CopyTo(bytes, at + 9);
        if (store.Super.HasFileTypes)
        {
            bytes[at + 9 + entry.Name.Length] = entry.Type;
        }

        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at + size - 2), (ushort)at);
        if (gap > size)
        {
            WriteGap(at + size, gap - size);
        }

        CountGaps();
        return at;
    }

    internal void Remove(int at)
    {
        WriteGap(at, EntrySize(store, bytes[at + 8]));
        CountGaps();
    }

    internal void Redirect(int at, ulong inode, byte type)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at), inode);
        if (store.Super.HasFileTypes)
        {
            bytes[at + 9 + bytes[at + 8]] = type;
        }
    }

    /// <summary>An entry at a place that a hash led to, or that <see cref="Entries"/> gave.</summary>
    internal NameEntry? TryGet(int at)
    {
        if (at < HeaderSize(store) || at + 11 > end || BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at)) == 0xFFFF)
        {
            return null;
        }

        int length = bytes[at + 8];
        return length == 0 || at + EntrySize(store, length) > end
            ? null
            : new NameEntry(bytes.AsSpan(at + 9, length).ToArray(), BinaryPrimitives.ReadUInt64BigEndian(bytes.AsSpan(at)), store.Super.HasFileTypes ? bytes[at + 9 + length] : (byte)0);
    }

    /// <summary>All entries with their places.</summary>
    internal List<(int At, NameEntry Entry)> Entries()
    {
        var entries = new List<(int At, NameEntry Entry)>();
        for (var at = HeaderSize(store); at < end;)
        {
            if (GapAt(at) is { } gap)
            {
                at += gap;
                continue;
            }

            var entry = TryGet(at) ?? throw XfsDiagnostics.BadDirectory.ToException($"an entry at {at} of a block leaves it");
            entries.Add((at, entry));
            at += EntrySize(store, entry.Name.Length);
        }

        return entries;
    }

    /// <summary>Joins gaps that touch and notes the three largest.</summary>
    private void CountGaps()
    {
        Span<(int At, int Length)> largest = stackalloc (int At, int Length)[Gaps];
        for (var at = HeaderSize(store); at < end;)
        {
            if (GapAt(at) is not { } gap)
            {
                at += EntrySize(store, bytes[at + 8]);
                continue;
            }

            var length = gap;
            while (at + length < end && GapAt(at + length) is { } next)
            {
                length += next;
            }

            if (length > gap)
            {
                WriteGap(at, length);
            }

            var (gapAt, gapLength) = (at, length);
            for (var i = 0; i < Gaps; i++)
            {
                if (gapLength > largest[i].Length)
                {
                    (largest[i], (gapAt, gapLength)) = ((gapAt, gapLength), largest[i]);
                }
            }

            at += length;
        }

        for (var i = 0; i < Gaps; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(GapsAt + (i * 4)), (ushort)largest[i].At);
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(GapsAt + (i * 4) + 2), (ushort)largest[i].Length);
        }
    }

    private int? GapAt(int at)
    {
        if (at + 8 > end)
        {
            throw XfsDiagnostics.BadDirectory.ToException($"a block has {end - at} bytes left at {at}");
        }

        if (BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at)) != 0xFFFF)
        {
            return null;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at + 2));
        return length >= 8 && length % 8 == 0 && at + length <= end ? length : throw XfsDiagnostics.BadDirectory.ToException($"a gap of {length} bytes at {at}");
    }

    private void WriteGap(int at, int length)
    {
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), 0xFFFF);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at + 2), (ushort)length);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at + length - 2), (ushort)at);
    }
}
