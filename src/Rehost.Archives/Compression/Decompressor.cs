using System.Buffers.Binary;
using Rehost.Model;

namespace Rehost.Archives;

/// <summary>Finds out how data is compressed, and opens it. Memory use is bounded whatever the data says.</summary>
public static class Decompressor
{
    /// <summary>Bytes that <see cref="Detect"/> wants to see.</summary>
    public const int DetectLength = 16;

    /// <summary>Tells the compression by the magic number; <see cref="CompressionKind.None"/> when there is none.</summary>
    public static CompressionKind Detect(ReadOnlySpan<byte> head)
    {
        if (head.Length >= 4)
        {
            var magic = BinaryPrimitives.ReadUInt32LittleEndian(head);
            switch (magic)
            {
                case 0xFD2FB528:
                    return CompressionKind.Zstd;
                case 0x184C2102:
                    return CompressionKind.Lz4Legacy;
                case 0x184D2204:
                    return CompressionKind.Lz4;
                default:
                    break;
            }
        }

        return head switch
        {
            [0x1F, 0x8B, 8, ..] => CompressionKind.Gzip,
            [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, ..] => CompressionKind.Xz,
            [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x31, 0x41, 0x59, 0x26, ..] => CompressionKind.Bzip2,
            [(byte)'B', (byte)'Z', (byte)'h', >= (byte)'1' and <= (byte)'9', 0x17, 0x72, 0x45, 0x38, ..] => CompressionKind.Bzip2,
            [0x89, (byte)'L', (byte)'Z', (byte)'O', 0, 0x0D, 0x0A, 0x1A, 0x0A, ..] => CompressionKind.Lzo,
            _ => LzmaAloneDecoder.LooksLike(head) ? CompressionKind.Lzma : CompressionKind.None,
        };
    }

    /// <summary>Opens compressed data for reading forward.</summary>
    /// <param name="kind">As <see cref="Detect"/> or the file's name told.</param>
    /// <param name="source">Stands at the first compressed byte. It is read ahead of what is decoded, and left open.</param>
    /// <param name="maxOutput">More decoded bytes than this end in ARC006.</param>
    /// <param name="concatenated">Whether to go on with a member of the same kind behind the first, as gzip and xz do with a file.</param>
    /// <param name="where">What to call the data in messages.</param>
    /// <param name="cancellationToken">Stops decoding between chunks.</param>
    public static DecompressionStream Open(CompressionKind kind, Stream source, long maxOutput, bool concatenated = false, string? where = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new DecompressionStream(kind, new CompressedInput(source, where), maxOutput, concatenated, cancellationToken);
    }

    /// <summary>Opens compressed data in memory for reading forward.</summary>
    /// <param name="kind">As <see cref="Detect"/> or the file's name told.</param>
    /// <param name="data">Starts with the first compressed byte.</param>
    /// <param name="maxOutput">More decoded bytes than this end in ARC006.</param>
    /// <param name="concatenated">Whether to go on with a member of the same kind behind the first, as gzip and xz do with a file.</param>
    /// <param name="where">What to call the data in messages.</param>
    /// <param name="cancellationToken">Stops decoding between chunks.</param>
    public static DecompressionStream Open(CompressionKind kind, ReadOnlyMemory<byte> data, long maxOutput, bool concatenated = false, string? where = null, CancellationToken cancellationToken = default) =>
        new(kind, new CompressedInput(data, where), maxOutput, concatenated, cancellationToken);

    /// <summary>Decodes a whole file in memory; data without a known magic number is returned as it is.</summary>
    /// <param name="data">The file.</param>
    /// <param name="maxOutput">More decoded bytes than this end in ARC006.</param>
    /// <param name="where">What to call the data in messages.</param>
    /// <param name="cancellationToken">Stops decoding between chunks.</param>
    public static byte[] DecompressAll(ReadOnlyMemory<byte> data, long maxOutput, string? where = null, CancellationToken cancellationToken = default)
    {
        var kind = Detect(data.Span);
        return kind == CompressionKind.None ? data.ToArray() : DecompressAll(kind, data, maxOutput, where, cancellationToken);
    }

    /// <summary>Decodes a whole file of known compression in memory.</summary>
    /// <param name="kind">How it is compressed.</param>
    /// <param name="data">The file.</param>
    /// <param name="maxOutput">More decoded bytes than this end in ARC006.</param>
    /// <param name="where">What to call the data in messages.</param>
    /// <param name="cancellationToken">Stops decoding between chunks.</param>
    /// <exception cref="DiagnosticException">The data is damaged, or larger than allowed.</exception>
    public static byte[] DecompressAll(CompressionKind kind, ReadOnlyMemory<byte> data, long maxOutput, string? where = null, CancellationToken cancellationToken = default)
    {
        using var stream = Open(kind, data, Math.Min(maxOutput, Array.MaxLength), concatenated: true, where, cancellationToken);
        using var result = new MemoryStream();
        stream.CopyTo(result);
        return result.ToArray();
    }

    internal static MemberDecoder CreateDecoder(CompressionKind kind, CompressedInput input) => kind switch
    {
        CompressionKind.Gzip => new GzipDecoder(input),
        CompressionKind.Bzip2 => new Bzip2Decoder(input),
        CompressionKind.Lzma => new LzmaAloneDecoder(input),
        CompressionKind.Xz => new XzDecoder(input),
        CompressionKind.Lzo => new LzopDecoder(input),
        CompressionKind.Lz4Legacy => new Lz4LegacyDecoder(input),
        CompressionKind.Lz4 => new Lz4FrameDecoder(input),
        CompressionKind.Zstd => new ZstdDecoder(input),
        CompressionKind.None => throw ArchiveDiagnostics.NotThisFormat.ToException("the data starts with no magic number that is known", input.Where),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
