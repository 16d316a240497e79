using System.Globalization;
using Rehost.Archives;
using Rehost.Archives.Tar;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Xva;

/// <summary>
/// Reads an export in one pass, as it comes from a host: ova.xml, then each chunk and at once its checksum (xen-api, stream_vdi.ml). Plain or compressed by gzip or zstd.
/// Stricter than <see cref="XvaArchive"/>, which also reads what people repacked: hosts write plain members in a fixed order.
/// </summary>
public sealed class XvaStream
{
    private const int MaxDescription = 16 << 20;
    private const int MaxChunk = 16 << 20;
    private const int MaxChunks = 1 << 25;
    private const int MaxOther = 64 << 20; // the table of checksums of old exports
    private const int MaxPadding = 4 << 20;

    private readonly Stream _stream;
    private readonly string _name;
    private readonly IXvaReceiver _receiver;
    private readonly byte[] _header = new byte[TarHeader.BlockSize];
    private readonly Dictionary<string, long> _ends = new(StringComparer.Ordinal);
    private byte[] _chunk = new byte[1 << 20];
    private long _position;
    private string? _disk;
    private long _diskPosition;
    private int _lastNumber;
    private int? _firstLength;
    private int _chunks;

    private XvaStream(Stream stream, string name, IXvaReceiver receiver) => (_stream, _name, _receiver) = (stream, name, receiver);

    /// <summary>Reads an export to its end, and the stream to its.</summary>
    /// <param name="stream">Stands at its first byte.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="receiver">Takes the content.</param>
    /// <param name="cancellationToken">Stops between chunks.</param>
    /// <returns>The length that each disk has by its chunks.</returns>
    /// <exception cref="DiagnosticException">It is no export, damaged or not complete (XVA…, TAR…, ARC…).</exception>
    public static IReadOnlyDictionary<string, long> Read(Stream stream, string name, IXvaReceiver receiver, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(receiver);
        var head = new byte[TarHeader.BlockSize];
        var length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        using var whole = new LeadingStream(head.AsMemory(0, length), stream);
        var kind = Decompressor.Detect(head.AsSpan(0, length));
        if (kind is not (CompressionKind.Gzip or CompressionKind.Zstd))
        {
            return new XvaStream(whole, name, receiver).Run(cancellationToken);
        }

        using var content = Decompressor.Open(kind, whole, long.MaxValue, concatenated: true, name, cancellationToken);
        return new XvaStream(content, name, receiver).Run(cancellationToken);
    }

    /// <summary>Refuses a disk whose chunks do not end where it does.</summary>
    /// <param name="id">Its reference.</param>
    /// <param name="virtualSize">Its size as ova.xml says.</param>
    /// <param name="ends">What reading gave.</param>
    /// <param name="name">What to call the export in messages.</param>
    /// <exception cref="DiagnosticException">XVA008, XVA009, XVA011.</exception>
    public static void DemandWhole(string id, long virtualSize, IReadOnlyDictionary<string, long> ends, string name)
    {
        ArgumentNullException.ThrowIfNull(ends);
        var end = ends.TryGetValue(id, out var found) ? found
            : virtualSize == 0 ? 0 : throw XvaDiagnostics.NoSuchDisk.ToException($"there are no chunks of the disk '{id}' of {virtualSize} bytes", name);
        if (end != virtualSize)
        {
            throw (end < virtualSize ? XvaDiagnostics.DiskTooShort : XvaDiagnostics.DiskTooLong).ToException($"the chunks end at {end}, the disk has {virtualSize} bytes", $"{name}, disk {id}");
        }
    }

    private Dictionary<string, long> Run(CancellationToken cancellationToken)
    {
        while (Next() is var (member, size))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var slash = member.IndexOf('/', StringComparison.Ordinal);
            if (_position == TarHeader.BlockSize)
            {
                ReadDescription(member, size);
            }
            else if (slash < 1)
            {
                Demand(size <= MaxOther && member != "ova.xml", XvaDiagnostics.ChunkOrder, $"the member '{member}' of {size} bytes is behind ova.xml and is no chunk");
                Skip(size);
                SkipPadding(size);
            }
            else
            {
                ReadChunk(member[..slash], member[(slash + 1)..], size);
            }
        }

        Demand(_position > TarHeader.BlockSize, XvaDiagnostics.NoDescription, "the stream is empty");
        ReadPadding();
        return _ends;
    }

    private void ReadDescription(string member, long size)
    {
        Demand(member == "ova.xml", XvaDiagnostics.NoDescription, $"the first member is '{member}'");
        Demand(size <= MaxDescription, XvaDiagnostics.DescriptionTooLarge, $"ova.xml has {size} bytes, at most {MaxDescription} are read");
        var xml = new byte[size];
        Fill(xml, member);
        SkipPadding(size);
        _receiver.Describe(xml);
    }

    private void ReadChunk(string disk, string chunk, long size)
    {
        if (chunk.Length is < 8 or > 9 || !int.TryParse(chunk, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            throw (chunk.StartsWith("chunk-", StringComparison.Ordinal) ? XvaDiagnostics.OldFormat : XvaKindOf(chunk) is null ? XvaDiagnostics.ChunkOrder : XvaDiagnostics.ChecksumWithoutChunk)
                .ToException($"the member '{disk}/{chunk}' stands where a chunk does, and has no number of eight digits", _name);
        }

        Demand(size <= MaxChunk, XvaDiagnostics.ChunkTooLarge, $"the chunk '{disk}/{chunk}' has {size} bytes, 1048576 are usual and at most {MaxChunk} are read");
        Demand(++_chunks <= MaxChunks, XvaDiagnostics.TooManyChunks, $"more than {MaxChunks} chunks");
        BeginDisk(disk, number);
        _firstLength ??= (int)size;
        if (_chunk.Length < size)
        {
            _chunk = new byte[size];
        }

        var place = _position;
        var content = _chunk.AsSpan(0, (int)size);
        Fill(content, $"{disk}/{chunk}");
        SkipPadding(size);
        ReadChecksum(disk, chunk, number, place, content);

        // A gap in the numbers is zeros; a chunk of length 0 counts and moves nothing (stream_vdi.ml; XvaLayout says more).
        _diskPosition += (number - _lastNumber - 1L) * _firstLength.Value;
        _lastNumber = number;
        if (size > 0)
        {
            _receiver.Receive(disk, _diskPosition, content);
            _diskPosition += size;
        }

        _ends[disk] = _diskPosition;
    }

    private void BeginDisk(string disk, int number)
    {
        if (disk == _disk)
        {
            Demand(number > _lastNumber, XvaDiagnostics.ChunkOrder, $"the chunk '{disk}/{number:D8}' comes after number {_lastNumber:D8}");
            return;
        }

        Demand(!_ends.ContainsKey(disk), XvaDiagnostics.ChunkOrder, $"chunks of '{disk}' go on after those of '{_disk}'");
        Demand(number == 0, XvaDiagnostics.FirstChunkMissing, $"the first chunk of '{disk}' has number {number:D8}; number 00000000 is always exported");
        (_disk, _diskPosition, _lastNumber) = (disk, 0, -1);
    }

    private void ReadChecksum(string disk, string chunk, int number, long place, ReadOnlySpan<byte> content)
    {
        var (member, size) = Next() ?? ("nothing", 0);
        var prefix = $"{disk}/{chunk}.";
        if (!member.StartsWith(prefix, StringComparison.Ordinal))
        {
            throw XvaDiagnostics.ChecksumMissing.ToException($"the chunk '{disk}/{chunk}' is followed by '{member}'", _name);
        }

        var kind = XvaKindOf(member) is { } known && size == XvaChecksum.LengthOf(known) ? known
            : throw XvaDiagnostics.BadChecksum.ToException($"the checksum '{member}' of {size} bytes is of an unknown kind; .checksum of 40 and .xxhash of 16 are read", _name);
        Span<byte> text = stackalloc byte[XvaChecksum.Longest];
        text = text[..(int)size];
        Fill(text, member);
        SkipPadding(size);
        XvaChecksum.Verify(kind, content, text, number, place, $"{_name}, disk {disk}");
    }

    private static XvaChecksumKind? XvaKindOf(string member) => member.LastIndexOf('.') is >= 0 and var dot ? XvaChecksum.KindOf(member[dot..]) : null;

    /// <summary>The next member's name and size; null at the end of the archive.</summary>
    private (string Name, long Size)? Next()
    {
        var offset = new FileOffset(_position);
        Fill(_header, "the next member");
        if (!_header.AsSpan().ContainsAnyExcept((byte)0))
        {
            return null;
        }

        var header = new TarHeader(_header, offset, _name);
        return header.TypeFlag is 0 or (byte)'0' ? (header.Name, header.Size)
            : throw TarDiagnostics.UnsupportedMember.ToException($"the member '{header.Name}' at {offset} is of type '{(char)header.TypeFlag}', only plain files ('0') are exported", _name);
    }

    private void Fill(Span<byte> buffer, string what)
    {
        var read = _stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        _position += read;
        Demand(read == buffer.Length, TarDiagnostics.Truncated, $"the stream ends after {_position} bytes, inside of {what}");
    }

    private void SkipPadding(long size) => Skip((TarHeader.BlockSize - (size % TarHeader.BlockSize)) % TarHeader.BlockSize);

    private void Skip(long length)
    {
        for (; length > 0; length -= Math.Min(length, _header.Length))
        {
            Fill(_header.AsSpan(0, (int)Math.Min(length, _header.Length)), "a member");
        }
    }

    private void ReadPadding()
    {
        var buffer = new byte[64 * 1024];
        long total = 0;
        for (int read; (read = _stream.Read(buffer)) > 0;)
        {
            total += read;
            Demand(total <= MaxPadding && !buffer.AsSpan(0, read).ContainsAnyExcept((byte)0), TarDiagnostics.TrailingData, $"the archive is over at {_position}, and more than zeros follows");
        }
    }

    private void Demand(bool condition, DiagnosticDescriptor descriptor, string found)
    {
        if (!condition)
        {
            throw descriptor.ToException(found, _name);
        }
    }
}
