using System.Buffers.Binary;

namespace Rehost.FileSystems.Ntfs.Compression;

/// <summary>LZNT1 ([MS-XCA] 2.5): chunks of 4096 bytes, each stored or as groups of eight literals and back references.</summary>
internal static class Lznt1
{
    private const int ChunkSize = 4096;

    /// <summary>Unpacks a unit; what is not given is zeros.</summary>
    internal static void Decompress(ReadOnlySpan<byte> packed, Span<byte> content, string where)
    {
        content.Clear();
        for (var start = 0; start < content.Length && packed.Length >= 2; start += ChunkSize)
        {
            var head = BinaryPrimitives.ReadUInt16LittleEndian(packed);
            if (head == 0)
            {
                return;
            }

            var size = (head & 0xFFF) + 1;
            if (size > packed.Length - 2)
            {
                throw NtfsDiagnostics.BadCompression.ToException($"a chunk of {size} bytes, {packed.Length - 2} are left", where);
            }

            var chunk = packed.Slice(2, size);
            var target = content.Slice(start, Math.Min(ChunkSize, content.Length - start));
            if ((head & 0x8000) == 0)
            {
                chunk[..Math.Min(chunk.Length, target.Length)].CopyTo(target);
            }
            else
            {
                DecompressChunk(chunk, target, where);
            }

            packed = packed[(2 + size)..];
        }
    }

    private static void DecompressChunk(ReadOnlySpan<byte> chunk, Span<byte> target, string where)
    {
        var (from, to) = (0, 0);
        while (from < chunk.Length)
        {
            var flags = chunk[from++];
            for (var bit = 0; bit < 8 && from < chunk.Length; bit++, flags >>= 1)
            {
                if ((flags & 1) == 0)
                {
                    if (to == target.Length)
                    {
                        throw NtfsDiagnostics.BadCompression.ToException("a chunk unpacks to more than 4096 bytes", where);
                    }

                    target[to++] = chunk[from++];
                    continue;
                }

                if (from + 2 > chunk.Length || to == 0)
                {
                    throw NtfsDiagnostics.BadCompression.ToException($"a back reference at byte {from} of {chunk.Length}, {to} bytes unpacked", where);
                }

                // The further into the chunk, the more bits for the distance and the fewer for the length.
                var pair = BinaryPrimitives.ReadUInt16LittleEndian(chunk[from..]);
                from += 2;
                var lengthBits = 12;
                for (var position = to - 1; position >= 16; position >>= 1)
                {
                    lengthBits--;
                }

                var distance = (pair >> lengthBits) + 1;
                var length = (pair & ((1 << lengthBits) - 1)) + 3;
                if (distance > to || length > target.Length - to)
                {
                    throw NtfsDiagnostics.BadCompression.ToException($"a back reference of {length} bytes over {distance}, {to} bytes unpacked", where);
                }

                for (; length > 0; length--, to++)
                {
                    target[to] = target[to - distance];
                }
            }
        }
    }
}
