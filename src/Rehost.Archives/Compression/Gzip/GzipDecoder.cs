using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>One gzip member (RFC 1952). The framework's inflater reads ahead and does not tell how far; an initramfs needs to know, hence our own.</summary>
internal sealed class GzipDecoder(CompressedInput input) : MemberDecoder
{
    private readonly Crc32 crc = new();
    private Inflater? inflater;
    private uint length;

    public override ReadOnlyMemory<byte> NextChunk()
    {
        if (inflater is null)
        {
            ReadHeader(input);
            inflater = new Inflater(input);
        }

        var chunk = inflater.NextChunk();
        if (!chunk.IsEmpty)
        {
            crc.Append(chunk.Span);
            length = unchecked(length + (uint)chunk.Length);
            return chunk;
        }

        var storedCrc = input.ReadUInt32();
        var storedLength = input.ReadUInt32();
        if (crc.Value != storedCrc)
        {
            throw input.Mismatch("CRC-32 of a gzip member", crc.Value, storedCrc);
        }

        if (length != storedLength)
        {
            throw input.Corrupt($"a gzip member decodes to {length} bytes (modulo 2^32), its trailer says {storedLength}");
        }

        return default;
    }

    /// <summary>Reads the header of a member; the deflate stream follows.</summary>
    public static void ReadHeader(CompressedInput input)
    {
        var head = input.Take(10);
        if (head is not [0x1F, 0x8B, 8, ..])
        {
            throw input.Corrupt("a gzip member does not start with 1f 8b 08");
        }

        var flags = head[3];
        if ((flags & 0xE0) != 0)
        {
            throw input.Corrupt($"reserved gzip flags 0x{flags:x2} are set");
        }

        if ((flags & 4) != 0)
        {
            input.Skip(input.ReadUInt16());
        }

        for (var texts = ((flags >> 3) & 1) + ((flags >> 4) & 1); texts > 0; texts--)
        {
            while (input.ReadByte() != 0)
            {
            }
        }

        if ((flags & 2) != 0)
        {
            input.Skip(2);
        }
    }
}
