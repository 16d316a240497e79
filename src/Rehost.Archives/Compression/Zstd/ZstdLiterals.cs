using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>The literals section of a zstd block, RFC 8878 section 3.1.1.3.1; the Huffman code may be that of the block before.</summary>
internal sealed class ZstdLiterals(CompressedInput input)
{
    private readonly byte[] literals = new byte[ZstdDecoder.MaxBlock];
    private ZstdHuffmanTable? table;

    /// <summary>Decodes the section; returns its size.</summary>
    public int Read(ReadOnlySpan<byte> block, out ReadOnlySpan<byte> decoded)
    {
        if (block.IsEmpty)
        {
            throw TooShort();
        }

        var kind = block[0] & 3;
        var format = (block[0] >> 2) & 3;
        return kind < 2 ? ReadPlain(block, kind == 1, format, out decoded) : ReadCompressed(block, kind == 3, format, out decoded);
    }

    private int ReadPlain(ReadOnlySpan<byte> block, bool repeated, int format, out ReadOnlySpan<byte> decoded)
    {
        var headerSize = format switch { 1 => 2, 3 => 3, _ => 1 };
        var size = (int)(Header(block, headerSize) >> (headerSize == 1 ? 3 : 4));
        var stored = repeated ? 1 : size;
        if (size > literals.Length || stored > block.Length - headerSize)
        {
            throw TooShort();
        }

        if (repeated)
        {
            literals.AsSpan(0, size).Fill(block[headerSize]);
            decoded = literals.AsSpan(0, size);
        }
        else
        {
            decoded = block.Slice(headerSize, size);
        }

        return headerSize + stored;
    }

    private int ReadCompressed(ReadOnlySpan<byte> block, bool sameTable, int format, out ReadOnlySpan<byte> decoded)
    {
        var headerSize = format switch { 2 => 4, 3 => 5, _ => 3 };
        var width = format switch { 2 => 14, 3 => 18, _ => 10 };
        var header = Header(block, headerSize) >> 4;
        var mask = (1UL << width) - 1;
        var size = (int)(header & mask);
        var packed = (int)((header >> width) & mask);
        if (size > literals.Length || packed > block.Length - headerSize)
        {
            throw TooShort();
        }

        var streams = block.Slice(headerSize, packed);
        if (!sameTable)
        {
            table = ZstdHuffmanTable.Read(streams, input, out var used);
            streams = streams[used..];
        }

        if (table is null)
        {
            throw input.Corrupt("a zstd block refers to the Huffman tree of a block before, and there is none");
        }

        var target = literals.AsSpan(0, size);
        if (format == 0)
        {
            table.Decode(streams, target, input);
        }
        else
        {
            DecodeFour(table, streams, target);
        }

        decoded = target;
        return headerSize + packed;
    }

    private void DecodeFour(ZstdHuffmanTable code, ReadOnlySpan<byte> streams, Span<byte> target)
    {
        if (streams.Length < 6)
        {
            throw TooShort();
        }

        var part = (target.Length + 3) / 4;
        var jumps = streams;
        streams = streams[6..];
        for (var i = 0; i < 4; i++)
        {
            var length = i < 3 ? BinaryPrimitives.ReadUInt16LittleEndian(jumps[(2 * i)..]) : streams.Length;
            var count = i < 3 ? part : target.Length;
            if (length > streams.Length || count > target.Length)
            {
                throw TooShort();
            }

            code.Decode(streams[..length], target[..count], input);
            streams = streams[length..];
            target = target[count..];
        }
    }

    private ulong Header(ReadOnlySpan<byte> block, int size)
    {
        if (block.Length < size)
        {
            throw TooShort();
        }

        ulong value = 0;
        for (var i = 0; i < size; i++)
        {
            value |= (ulong)block[i] << (8 * i);
        }

        return value;
    }

    private Model.DiagnosticException TooShort() => input.Corrupt("the literals section of a zstd block does not fit into it");
}
