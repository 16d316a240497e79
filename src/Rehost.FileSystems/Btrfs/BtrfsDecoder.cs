using System.Buffers.Binary;
using System.IO.Compression;
using Rehost.Archives;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Decodes compressed extents.</summary>
internal static class BtrfsDecoder
{
    /// <summary>Decodes an extent; what the stream does not fill reads as zeros, as in the kernel.</summary>
    /// <param name="compression">1 zlib, 2 LZO, 3 zstd.</param>
    /// <param name="stored">The compressed bytes, with what pads them to a sector.</param>
    /// <param name="length">Bytes of the content.</param>
    /// <param name="sectorSize">Sector of the file system: the unit of LZO's pieces.</param>
    /// <param name="where">What to call the extent in messages.</param>
    public static byte[] Decode(byte compression, ReadOnlyMemory<byte> stored, int length, int sectorSize, string where)
    {
        var content = new byte[length];
        try
        {
            if (compression == 2)
            {
                DecodeLzo(stored.Span, content, sectorSize, where);
                return content;
            }

            using Stream stream = compression == 1
                ? new ZLibStream(new MemoryStream(stored.ToArray(), writable: false), CompressionMode.Decompress)
                : Decompressor.Open(CompressionKind.Zstd, stored, length, concatenated: false, where);
            stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return content;
        }
        catch (Exception e) when (e is InvalidDataException or DiagnosticException)
        {
            throw BtrfsDiagnostics.BadCompression.ToException(e.Message, where, e);
        }
    }

    /// <summary>
    /// Length of all, then pieces of a sector, each with its length in front; a length never runs over the border of a sector (Btrfs's own framing, fs/btrfs/lzo.c describes it).
    /// </summary>
    private static void DecodeLzo(ReadOnlySpan<byte> stored, Span<byte> content, int sectorSize, string where)
    {
        if (stored.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(stored) is var total && (total < 8 || total > (uint)stored.Length))
        {
            throw BtrfsDiagnostics.BadCompression.ToException("an LZO extent is shorter than it says", where);
        }

        var end = (int)BinaryPrimitives.ReadUInt32LittleEndian(stored);
        var piece = new byte[sectorSize];
        for (var at = 4; at < end && !content.IsEmpty;)
        {
            if (sectorSize - (at % sectorSize) < 4)
            {
                at = (at / sectorSize * sectorSize) + sectorSize;
            }

            if (at > end - 4 || BinaryPrimitives.ReadUInt32LittleEndian(stored[at..]) is var size && size > (uint)(end - at - 4))
            {
                throw BtrfsDiagnostics.BadCompression.ToException($"a piece of an LZO extent of {end} bytes at {at} is longer than what is left", where);
            }

            var written = Lzo1x.Decode(stored.Slice(at + 4, (int)BinaryPrimitives.ReadUInt32LittleEndian(stored[at..])), piece, sectorSize, where);
            var used = Math.Min(written, content.Length);
            piece.AsSpan(0, used).CopyTo(content);
            content = content[used..];
            at += 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(stored[at..]);
        }
    }
}
