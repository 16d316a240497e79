using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>One header of an rpm (RPM file format, "Header"): an index of tags, types, offsets and counts, and the store that they point into. Numbers are big-endian.</summary>
internal sealed class RpmHeader
{
    private const int IntroLength = 16;
    private const int EntryLength = 16;
    private const int MaximumEntries = 4096;
    private const int MaximumStore = 256 << 20;

    private readonly Dictionary<int, (int Type, int Offset, int Count)> _tags;
    private readonly byte[] _store;
    private readonly string _where;

    private RpmHeader(Dictionary<int, (int Type, int Offset, int Count)> tags, byte[] store, string where, long length)
    {
        _tags = tags;
        _store = store;
        _where = where;
        Length = length;
    }

    /// <summary>Bytes in the file.</summary>
    public long Length { get; }

    /// <summary>Reads the header at the stream's position.</summary>
    public static RpmHeader Read(Stream stream, string where)
    {
        Span<byte> intro = stackalloc byte[IntroLength];
        ReadExactly(stream, intro, where);
        if (!intro.StartsWith((ReadOnlySpan<byte>)[0x8e, 0xad, 0xe8, 1]))
        {
            throw PackageDiagnostics.Corrupt.ToException($"a header begins with {Convert.ToHexString(intro[..4])}, needed: 8EADE801", where);
        }

        var count = BinaryPrimitives.ReadUInt32BigEndian(intro[8..]);
        var size = BinaryPrimitives.ReadUInt32BigEndian(intro[12..]);
        if (count > MaximumEntries || size > MaximumStore || size > stream.Length - stream.Position)
        {
            throw PackageDiagnostics.Corrupt.ToException($"a header claims {count} tags with {size} bytes", where);
        }

        var index = new byte[(int)count * EntryLength];
        ReadExactly(stream, index, where);
        var store = new byte[(int)size];
        ReadExactly(stream, store, where);
        var tags = new Dictionary<int, (int, int, int)>();
        for (var i = 0; i < (int)count; i++)
        {
            var entry = index.AsSpan(i * EntryLength, EntryLength);
            tags.TryAdd(BinaryPrimitives.ReadInt32BigEndian(entry), (BinaryPrimitives.ReadInt32BigEndian(entry[4..]), BinaryPrimitives.ReadInt32BigEndian(entry[8..]), BinaryPrimitives.ReadInt32BigEndian(entry[12..])));
        }

        return new RpmHeader(tags, store, where, IntroLength + index.Length + store.Length);
    }

    public bool Has(int tag) => _tags.ContainsKey(tag);

    /// <summary>A string; of an array the first; null where the tag is not there.</summary>
    public string? Text(int tag) => Texts(tag, limit: 1) is [var first, ..] ? first : null;

    /// <summary>Strings of an array; none where the tag is not there.</summary>
    public IReadOnlyList<string> Texts(int tag, int limit = SoftwarePackage.MaximumEntries)
    {
        if (!_tags.TryGetValue(tag, out var entry) || entry.Type is not (6 or 8 or 9))
        {
            return [];
        }

        var texts = new List<string>();
        var position = entry.Offset;
        for (var i = 0; i < Math.Min(entry.Type == 6 ? 1 : entry.Count, limit); i++)
        {
            var length = position >= 0 && position < _store.Length ? _store.AsSpan(position).IndexOf((byte)0) : -1;
            if (length < 0)
            {
                throw PackageDiagnostics.Corrupt.ToException($"tag {tag} has a string at {position} of {_store.Length} bytes without end", _where);
            }

            texts.Add(GuestText.Decode(_store.AsSpan(position, length)));
            position += length + 1;
        }

        return texts;
    }

    /// <summary>A number of 32 bits; null where the tag is not there.</summary>
    public uint? Number(int tag)
    {
        if (!_tags.TryGetValue(tag, out var entry) || entry.Type != 4 || entry.Count < 1)
        {
            return null;
        }

        return entry.Offset >= 0 && entry.Offset <= _store.Length - 4 ? BinaryPrimitives.ReadUInt32BigEndian(_store.AsSpan(entry.Offset))
            : throw PackageDiagnostics.Corrupt.ToException($"tag {tag} has a number at {entry.Offset} of {_store.Length} bytes", _where);
    }

    /// <summary>Numbers of 32 bits, at most as many as wanted; none where the tag is not there.</summary>
    public uint[] Numbers(int tag, int limit)
    {
        if (!_tags.TryGetValue(tag, out var entry) || entry.Type != 4 || entry.Count < 1)
        {
            return [];
        }

        var count = Math.Min(entry.Count, limit);
        if (entry.Offset < 0 || entry.Offset > _store.Length - ((long)count * 4))
        {
            throw PackageDiagnostics.Corrupt.ToException($"tag {tag} has {count} numbers at {entry.Offset} of {_store.Length} bytes", _where);
        }

        var numbers = new uint[count];
        for (var i = 0; i < count; i++)
        {
            numbers[i] = BinaryPrimitives.ReadUInt32BigEndian(_store.AsSpan(entry.Offset + (4 * i)));
        }

        return numbers;
    }

    /// <summary>Bytes; null where the tag is not there.</summary>
    public byte[]? Bytes(int tag)
    {
        if (!_tags.TryGetValue(tag, out var entry) || entry.Type != 7)
        {
            return null;
        }

        return entry.Offset >= 0 && entry.Count >= 0 && entry.Offset <= _store.Length - entry.Count ? _store[entry.Offset..(entry.Offset + entry.Count)]
            : throw PackageDiagnostics.Corrupt.ToException($"tag {tag} has {entry.Count} bytes at {entry.Offset} of {_store.Length}", _where);
    }

    internal static void ReadExactly(Stream stream, Span<byte> buffer, string where)
    {
        if (stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false) < buffer.Length)
        {
            throw PackageDiagnostics.Truncated.ToException($"{buffer.Length} bytes are needed behind offset {stream.Position}", where);
        }
    }
}
