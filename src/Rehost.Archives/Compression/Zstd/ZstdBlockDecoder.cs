namespace Rehost.Archives;

/// <summary>Compressed blocks of one zstd frame, RFC 8878 section 3.1.1.3: literals, and sequences that copy them and earlier output.</summary>
internal sealed class ZstdBlockDecoder(CompressedInput input, SlidingWindow window)
{
    private const int MaxOffsetCode = 31;
    private static readonly int[] LiteralBase =
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536,
    ];

    private static readonly byte[] LiteralBits =
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ];

    private static readonly int[] MatchBase =
    [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
        35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539,
    ];

    private static readonly byte[] MatchBits =
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ];

    private static readonly FseTable DefaultLiteralTable = FseTable.Build(
        [4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6);

    private static readonly FseTable DefaultMatchTable = FseTable.Build(
        [1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1], 6);

    private static readonly FseTable DefaultOffsetTable = FseTable.Build(
        [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1], 5);

    private readonly ZstdLiterals literalsReader = new(input);
    private FseTable? literalTable;
    private FseTable? offsetTable;
    private FseTable? matchTable;
    private uint repeat1 = 1;
    private uint repeat2 = 4;
    private uint repeat3 = 8;

    /// <summary>Decodes one block into the window, up to a position.</summary>
    public void Decode(ReadOnlySpan<byte> block, int limit)
    {
        var at = literalsReader.Read(block, out var literals);
        var sequences = ReadSequenceCount(block, ref at);
        if (sequences == 0)
        {
            if (at != block.Length)
            {
                throw input.Corrupt("a zstd block without sequences has bytes behind its literals");
            }
        }
        else
        {
            if (at >= block.Length)
            {
                throw input.Corrupt("the sequences of a zstd block are missing");
            }

            var modes = block[at++];
            if ((modes & 3) != 0)
            {
                throw input.Corrupt("reserved bits of a zstd sequences header are set");
            }

            literalTable = ReadTable(block, ref at, modes >> 6, literalTable, DefaultLiteralTable, 9, LiteralBase.Length - 1);
            offsetTable = ReadTable(block, ref at, (modes >> 4) & 3, offsetTable, DefaultOffsetTable, 8, MaxOffsetCode);
            matchTable = ReadTable(block, ref at, (modes >> 2) & 3, matchTable, DefaultMatchTable, 9, MatchBase.Length - 1);
            literals = Execute(block[at..], sequences, literals, limit, literalTable, offsetTable, matchTable);
        }

        if (literals.Length > limit - window.Position)
        {
            throw TooLong();
        }

        literals.CopyTo(window.Buffer.AsSpan(window.Position));
        window.Position += literals.Length;
    }

    private int ReadSequenceCount(ReadOnlySpan<byte> block, ref int at)
    {
        if (at < block.Length)
        {
            int first = block[at];
            var size = first < 128 ? 1 : first < 255 ? 2 : 3;
            if (size <= block.Length - at)
            {
                var count = size switch
                {
                    1 => first,
                    2 => ((first - 128) << 8) + block[at + 1],
                    _ => block[at + 1] + (block[at + 2] << 8) + 0x7F00,
                };
                at += size;
                return count;
            }
        }

        throw input.Corrupt("the sequences of a zstd block are missing");
    }

    private FseTable ReadTable(ReadOnlySpan<byte> block, ref int at, int mode, FseTable? previous, FseTable standard, int maxLog, int maxSymbol)
    {
        switch (mode)
        {
            case 0:
                return standard;
            case 1:
                if (at >= block.Length || block[at] > maxSymbol)
                {
                    throw input.Corrupt("the single symbol of a zstd sequence table does not exist");
                }

                return FseTable.Constant(block[at++]);
            case 2:
                var table = FseTable.Read(block[at..], maxLog, maxSymbol, input, out var used);
                at += used;
                return table;
            default:
                return previous ?? throw input.Corrupt("a zstd block refers to the table of a block before, and there is none");
        }
    }

    private ReadOnlySpan<byte> Execute(ReadOnlySpan<byte> stream, int count, ReadOnlySpan<byte> literals, int limit, FseTable literalCodes, FseTable offsetCodes, FseTable matchCodes)
    {
        var bits = new ZstdBitReader(stream, input);
        var literalState = (int)bits.Read(literalCodes.AccuracyLog);
        var offsetState = (int)bits.Read(offsetCodes.AccuracyLog);
        var matchState = (int)bits.Read(matchCodes.AccuracyLog);
        var buffer = window.Buffer;
        var position = window.Position;
        var size = window.Size;
        unchecked
        {
            while (true)
            {
                var literalEntry = literalCodes.Entries[literalState];
                var offsetEntry = offsetCodes.Entries[offsetState];
                var matchEntry = matchCodes.Entries[matchState];
                var offsetValue = (1u << offsetEntry.Symbol) + bits.Read(offsetEntry.Symbol);
                var matchLength = MatchBase[matchEntry.Symbol] + (int)bits.Read(MatchBits[matchEntry.Symbol]);
                var literalLength = LiteralBase[literalEntry.Symbol] + (int)bits.Read(LiteralBits[literalEntry.Symbol]);
                var offset = Offset(offsetValue, literalLength == 0);
                if (literalLength > literals.Length || literalLength + matchLength > limit - position)
                {
                    throw TooLong();
                }

                literals[..literalLength].CopyTo(buffer.AsSpan(position));
                literals = literals[literalLength..];
                position += literalLength;

                if (offset == 0 || offset > (uint)Math.Min(position, size))
                {
                    throw input.Corrupt($"a zstd match reaches {offset} bytes back, only {Math.Min(position, size)} exist");
                }

                SlidingWindow.CopyMatch(buffer, position, (int)offset, matchLength);
                position += matchLength;
                if (--count == 0)
                {
                    break;
                }

                literalState = literalEntry.Baseline + (int)bits.Read(literalEntry.Bits);
                matchState = matchEntry.Baseline + (int)bits.Read(matchEntry.Bits);
                offsetState = offsetEntry.Baseline + (int)bits.Read(offsetEntry.Bits);
                if (bits.Left < 0)
                {
                    break;
                }
            }
        }

        window.Position = position;
        return bits.Left == 0 && count == 0 ? literals : throw input.Corrupt("the sequences of a zstd block do not end with their bitstream");
    }

    /// <summary>Offsets 1 to 3 stand for the last three, one further when there are no literals (section 3.1.1.5).</summary>
    private uint Offset(uint value, bool withoutLiterals)
    {
        uint offset;
        if (value > 3)
        {
            offset = value - 3;
            repeat3 = repeat2;
            repeat2 = repeat1;
            repeat1 = offset;
            return offset;
        }

        var index = withoutLiterals ? value + 1 : value;
        switch (index)
        {
            case 1:
                return repeat1;
            case 2:
                offset = repeat2;
                break;
            case 3:
                offset = repeat3;
                repeat3 = repeat2;
                break;
            default:
                offset = unchecked(repeat1 - 1);
                repeat3 = repeat2;
                break;
        }

        repeat2 = repeat1;
        repeat1 = offset;
        return offset;
    }

    private Model.DiagnosticException TooLong() => input.Corrupt("a zstd block decodes to more than it may");
}
