using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs;

/// <summary>An entry of an index: in a directory a file's reference and name. The last one of a block has no key.</summary>
internal sealed class IndexEntry
{
    internal const int HeaderSize = 16;
    internal const ushort NodeFlag = 1;
    internal const ushort LastFlag = 2;
    internal const int SubNodeSize = 8;

    /// <summary>Takes an entry without its pointer to a block below.</summary>
    internal IndexEntry(byte[] body, long subNode)
    {
        Body = body;
        SubNode = subNode;
    }

    /// <summary>Head and key.</summary>
    internal byte[] Body { get; }

    /// <summary>The block with entries before this one; negative when there is none.</summary>
    internal long SubNode { get; set; }

    internal bool IsLast => (BinaryPrimitives.ReadUInt16LittleEndian(Body.AsSpan(12)) & LastFlag) != 0;

    internal ulong Reference => BinaryPrimitives.ReadUInt64LittleEndian(Body);

    internal ReadOnlySpan<byte> Key => Body.AsSpan(HeaderSize, BinaryPrimitives.ReadUInt16LittleEndian(Body.AsSpan(10)));

    internal int Size => Body.Length + (SubNode >= 0 ? SubNodeSize : 0);

    internal static IndexEntry MakeLast(long subNode)
    {
        var body = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(12), LastFlag);
        return new IndexEntry(body, subNode);
    }

    internal static IndexEntry Make(ulong reference, ReadOnlySpan<byte> key)
    {
        var body = new byte[NtfsAttribute.Align(HeaderSize + key.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(body, reference);
        BinaryPrimitives.WriteUInt16LittleEndian(body.AsSpan(10), (ushort)key.Length);
        key.CopyTo(body.AsSpan(HeaderSize));
        return new IndexEntry(body, -1);
    }

    internal IndexEntry With(long subNode) => new(Body, subNode);

    /// <summary>Writes the entry and returns its size.</summary>
    internal int Write(Span<byte> target)
    {
        Body.CopyTo(target);
        BinaryPrimitives.WriteUInt16LittleEndian(target[8..], (ushort)Size);
        BinaryPrimitives.WriteUInt16LittleEndian(target[12..], (ushort)((IsLast ? LastFlag : 0) | (SubNode >= 0 ? NodeFlag : 0)));
        if (SubNode >= 0)
        {
            BinaryPrimitives.WriteInt64LittleEndian(target[Body.Length..], SubNode);
        }

        return Size;
    }

    /// <summary>Reads the entries of a root or block; the span begins with the head of the list.</summary>
    internal static List<IndexEntry> ParseList(ReadOnlySpan<byte> list, string where)
    {
        const int listHeader = 16;
        var entries = new List<IndexEntry>();
        if (list.Length < listHeader)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"a list of {list.Length} bytes", where);
        }

        var (offset, end) = (BinaryPrimitives.ReadUInt32LittleEndian(list), BinaryPrimitives.ReadUInt32LittleEndian(list[4..]));
        if (end > list.Length || offset < listHeader || offset > end)
        {
            throw NtfsDiagnostics.BadIndex.ToException($"entries from {offset} to {end} in {list.Length} bytes", where);
        }

        for (var rest = list[(int)offset..(int)end]; ;)
        {
            if (rest.Length < HeaderSize)
            {
                throw NtfsDiagnostics.BadIndex.ToException("the list has no last entry", where);
            }

            var (length, keyLength) = (BinaryPrimitives.ReadUInt16LittleEndian(rest[8..]), BinaryPrimitives.ReadUInt16LittleEndian(rest[10..]));
            var flags = BinaryPrimitives.ReadUInt16LittleEndian(rest[12..]);
            var body = length - ((flags & NodeFlag) != 0 ? SubNodeSize : 0);
            if (length > rest.Length || length % 8 != 0 || body < HeaderSize || ((flags & LastFlag) == 0 && HeaderSize + keyLength > body))
            {
                throw NtfsDiagnostics.BadIndex.ToException($"an entry of {length} bytes with a key of {keyLength}, {rest.Length} are left", where);
            }

            var subNode = (flags & NodeFlag) != 0 ? BinaryPrimitives.ReadInt64LittleEndian(rest[body..]) : -1;
            if (subNode < -1 || ((flags & NodeFlag) != 0 && subNode < 0))
            {
                throw NtfsDiagnostics.BadIndex.ToException($"an entry leads to block {subNode}", where);
            }

            var entry = new IndexEntry(rest[..body].ToArray(), subNode);
            entries.Add(entry);
            if (entry.IsLast)
            {
                return entries;
            }

            rest = rest[length..];
        }
    }
}
