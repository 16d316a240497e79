using System.Buffers.Binary;
using Rehost.FileSystems.Ntfs.Compression;

namespace Rehost.FileSystems.Ntfs;

/// <summary>
/// A file that CompactOS keeps compressed: a reparse point says how, and a stream of its own holds a table of where each chunk ends and the chunks. The unnamed
/// stream is one hole of the file's size.
/// </summary>
internal sealed class CompressedSystemFile
{
    internal const string StreamName = "WofCompressedData";
    private const int DataSize = 16;
    private const int FileProvider = 2;
    private const int LzxAlgorithm = 1;
    private static readonly int[] ChunkSizes = [4096, Lzx.ChunkSize, 8192, 16384]; // XPRESS4K, LZX, XPRESS8K, XPRESS16K
    private readonly StreamReader _streams;
    private readonly NtfsAttribute _packed;
    private readonly long _length;
    private readonly int _algorithm;
    private readonly string _where;

    internal CompressedSystemFile(StreamReader streams, NtfsNode node, ReparsePoint reparse, long length)
    {
        (_streams, _length, _where) = (streams, length, node.Where);
        var (provider, algorithm) = reparse.Data.Length >= DataSize
            ? (BinaryPrimitives.ReadUInt32LittleEndian(reparse.Data[4..]), BinaryPrimitives.ReadUInt32LittleEndian(reparse.Data[12..]))
            : (0u, 0u);
        if (provider != FileProvider || algorithm >= ChunkSizes.Length)
        {
            throw NtfsDiagnostics.UnknownReparse.ToException($"it is compressed by provider {provider}, algorithm {algorithm}; known are provider {FileProvider}, algorithms 0 to 3", node.Where);
        }

        _algorithm = (int)algorithm;
        _packed = node.Find(AttributeType.Data, StreamName) ?? throw NtfsDiagnostics.BadCompression.ToException($"it has no stream {StreamName}", node.Where);
    }

    private int ChunkSize => ChunkSizes[_algorithm];

    internal void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var chunk = offset / ChunkSize;
            var within = (int)(offset % ChunkSize);
            var count = Math.Min(buffer.Length, ChunkSize - within);
            _streams.Remember(_packed, chunk, () => Unpack(chunk)).AsSpan(within, count).CopyTo(buffer);
            offset += count;
            buffer = buffer[count..];
        }
    }

    private byte[] Unpack(long chunk)
    {
        var chunks = (_length + ChunkSize - 1) / ChunkSize;
        var entrySize = _length > uint.MaxValue ? 8 : 4;
        var tableSize = (chunks - 1) * entrySize;
        var start = tableSize + (chunk == 0 ? 0 : End(chunk - 1, entrySize));
        var end = chunk == chunks - 1 ? _packed.Length : tableSize + End(chunk, entrySize);
        var content = new byte[(int)Math.Min(ChunkSize, _length - (chunk * ChunkSize))];
        var size = end - start;
        if (start < tableSize || size <= 0 || size > content.Length || end > _packed.Length)
        {
            throw NtfsDiagnostics.BadCompression.ToException($"chunk {chunk} is said to be at {start} to {end} of {_packed.Length} bytes", _where);
        }

        var raw = new byte[size];
        _streams.Read(_packed, start, raw, _where);
        if (size == content.Length)
        {
            return raw; // did not become smaller
        }

        var where = $"{_where}, chunk {chunk}";
        if (_algorithm == LzxAlgorithm)
        {
            Lzx.Decompress(raw, content, where);
        }
        else
        {
            XpressHuffman.Decompress(raw, content, where);
        }

        return content;
    }

    private long End(long chunk, int entrySize)
    {
        Span<byte> entry = stackalloc byte[8];
        entry.Clear();
        var at = chunk * entrySize;
        if (at > _packed.Length - entrySize)
        {
            throw NtfsDiagnostics.BadCompression.ToException($"the table of chunks ends before chunk {chunk}", _where);
        }

        _streams.Read(_packed, at, entry[..entrySize], _where);
        var end = BinaryPrimitives.ReadInt64LittleEndian(entry);
        return end >= 0 && end <= _packed.Length ? end : throw NtfsDiagnostics.BadCompression.ToException($"chunk {chunk} is said to end at {end} of {_packed.Length} bytes", _where);
    }
}
