namespace Rehost.FileSystems.Ntfs.Compression;

/// <summary>LZ77 with Huffman codes ([MS-XCA] 2.2), one chunk of it.</summary>
internal static class XpressHuffman
{
    private const int Symbols = 512;
    private const int LongestCode = 15;
    private const int TableBytes = Symbols / 2;
    private const int ShortestMatch = 3;

    internal static void Decompress(ReadOnlySpan<byte> packed, Span<byte> content, string where)
    {
        if (packed.Length < TableBytes)
        {
            throw NtfsDiagnostics.BadCompression.ToException($"an XPRESS chunk of {packed.Length} bytes", where);
        }

        Span<byte> lengths = stackalloc byte[Symbols];
        for (var i = 0; i < TableBytes; i++)
        {
            (lengths[i * 2], lengths[(i * 2) + 1]) = ((byte)(packed[i] & 15), (byte)(packed[i] >> 4));
        }

        var code = new HuffmanDecoder(Symbols, LongestCode);
        if (!code.TryBuild(lengths) || code.IsEmpty)
        {
            throw NtfsDiagnostics.BadCompression.ToException("the code lengths of an XPRESS chunk are no Huffman code", where);
        }

        // The first 32 bits are read before anything; afterwards a word follows as soon as fewer than 16 bits are left.
        var bits = new WordBits(packed[TableBytes..]);
        bits.Fill(32);
        for (var to = 0; to < content.Length;)
        {
            var symbol = bits.Read(code);
            bits.Fill(16);
            if (symbol < 256)
            {
                content[to++] = (byte)symbol;
            }
            else
            {
                var length = ReadLength(ref bits, symbol & 15, where);
                var distanceBits = (symbol >> 4) & 15;
                var distance = (1 << distanceBits) | (int)bits.Read(distanceBits);
                bits.Fill(16);
                if (distance > to || length > content.Length - to)
                {
                    throw NtfsDiagnostics.BadCompression.ToException($"a match of {length} bytes over {distance}, {to} bytes unpacked of {content.Length}", where);
                }

                for (; length > 0; length--, to++)
                {
                    content[to] = content[to - distance];
                }
            }

            if (bits.IsExhausted)
            {
                throw NtfsDiagnostics.BadCompression.ToException($"an XPRESS chunk of {packed.Length} bytes ends too early", where);
            }
        }
    }

    private static int ReadLength(ref WordBits bits, int nibble, string where)
    {
        var length = nibble;
        if (nibble == 15)
        {
            length = bits.ReadByte();
            if (length == 255)
            {
                length = bits.ReadWord();
                if (length < 15)
                {
                    throw NtfsDiagnostics.BadCompression.ToException($"a long match of {length}", where);
                }
            }
            else
            {
                length = length < 0 ? throw NtfsDiagnostics.BadCompression.ToException("a match without its length", where) : length + 15;
            }
        }

        return length + ShortestMatch;
    }
}
