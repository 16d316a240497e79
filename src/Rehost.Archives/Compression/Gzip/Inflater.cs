namespace Rehost.Archives;

/// <summary>DEFLATE (RFC 1951) that consumes not one byte more than the stream has, and that can go on from a noted place.</summary>
internal sealed class Inflater(CompressedInput input)
{
    /// <summary>How far back a match may reach.</summary>
    public const int WindowSize = 32 * 1024;

    private const int ChunkSize = 64 * 1024;
    private const int LongestMatch = 258;
    private static readonly ushort[] LengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
    private static readonly byte[] LengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    private static readonly ushort[] DistanceBase = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577];
    private static readonly byte[] DistanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
    private static readonly byte[] CodeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    private static readonly DeflateCode FixedLiterals = MakeFixedLiterals();
    private static readonly DeflateCode FixedDistances = MakeFixedDistances();
    private readonly SlidingWindow window = new(WindowSize);
    private DeflateCode literals = FixedLiterals;
    private DeflateCode distances = FixedDistances;
    private ulong bits;
    private int bitCount;
    private BlockState state;
    private int storedLeft;
    private bool lastBlock;

    private enum BlockState
    {
        Header,
        Stored,
        Compressed,
        Finished,
    }

    /// <summary>Whether a chunk should end where a block ends: only there can decoding go on later from nothing but a position and a window.</summary>
    public bool StopsAtBlock { get; set; }

    /// <summary>Whether the next thing in the input is a block.</summary>
    public bool IsBetweenBlocks => state == BlockState.Header;

    /// <summary>First bit that is not decoded yet, counted from the start of the input.</summary>
    public long BitPosition => (input.Position * 8) - bitCount;

    /// <summary>Goes on where another inflater stood between two blocks.</summary>
    /// <param name="history">The content before that place.</param>
    /// <param name="usedBits">Bits of the input's next byte that belong to the block before.</param>
    public void Resume(ReadOnlySpan<byte> history, int usedBits)
    {
        history.CopyTo(window.Buffer);
        window.Position = history.Length;
        Bits(usedBits);
    }

    /// <summary>The content before this place, as far as a match may reach.</summary>
    public byte[] CopyHistory() => window.Buffer.AsSpan(window.Position - window.Reach, window.Reach).ToArray();

    /// <summary>The next decoded bytes; empty at the end, when the input stands behind the stream's last byte.</summary>
    public ReadOnlyMemory<byte> NextChunk()
    {
        window.Reserve(ChunkSize + LongestMatch);
        var start = window.Position;
        while (window.Position - start < ChunkSize && state != BlockState.Finished && !(StopsAtBlock && state == BlockState.Header && window.Position > start))
        {
            switch (state)
            {
                case BlockState.Header:
                    ReadBlockHeader();
                    break;
                case BlockState.Stored:
                    var run = Math.Min(storedLeft, ChunkSize - (window.Position - start));
                    input.ReadExactly(window.Buffer.AsSpan(window.Position, run));
                    window.Position += run;
                    storedLeft -= run;
                    if (storedLeft == 0)
                    {
                        EndBlock();
                    }

                    break;
                case BlockState.Compressed:
                    if (DecodeSymbols(start + ChunkSize))
                    {
                        EndBlock();
                    }

                    break;
                case BlockState.Finished:
                default:
                    break;
            }
        }

        return window.Since(start);
    }

    private static DeflateCode MakeFixedLiterals()
    {
        var lengths = new byte[288];
        lengths.AsSpan(0, 144).Fill(8);
        lengths.AsSpan(144, 112).Fill(9);
        lengths.AsSpan(256, 24).Fill(7);
        lengths.AsSpan(280, 8).Fill(8);
        return DeflateCode.TryMake(lengths) ?? throw new InvalidOperationException();
    }

    private static DeflateCode MakeFixedDistances()
    {
        var lengths = new byte[32];
        lengths.AsSpan().Fill(5);
        return DeflateCode.TryMake(lengths) ?? throw new InvalidOperationException();
    }

    private void EndBlock()
    {
        state = lastBlock ? BlockState.Finished : BlockState.Header;
        if (lastBlock)
        {
            ReturnWholeBytes();
        }
    }

    private void ReadBlockHeader()
    {
        lastBlock = Bits(1) != 0;
        switch (Bits(2))
        {
            case 0:
                bits = bitCount % 8 == 0 ? bits : bits >> (bitCount % 8);
                bitCount -= bitCount % 8;
                var length = (int)Bits(16);
                var complement = (int)Bits(16);
                if (length != (complement ^ 0xFFFF))
                {
                    throw input.Corrupt($"a stored deflate block has length 0x{length:x4} and complement 0x{complement:x4}");
                }

                ReturnWholeBytes();
                storedLeft = length;
                state = BlockState.Stored;
                break;
            case 1:
                literals = FixedLiterals;
                distances = FixedDistances;
                state = BlockState.Compressed;
                break;
            case 2:
                ReadDynamicCodes();
                state = BlockState.Compressed;
                break;
            default:
                throw input.Corrupt("a deflate block has the reserved type 3");
        }
    }

    private void ReadDynamicCodes()
    {
        var literalCount = (int)Bits(5) + 257;
        var distanceCount = (int)Bits(5) + 1;
        var codeLengthCount = (int)Bits(4) + 4;
        if (literalCount > 286 || distanceCount > 30)
        {
            throw input.Corrupt($"a deflate block has {literalCount} literal and {distanceCount} distance codes");
        }

        Span<byte> codeLengths = stackalloc byte[19];
        codeLengths.Clear();
        for (var i = 0; i < codeLengthCount; i++)
        {
            codeLengths[CodeLengthOrder[i]] = (byte)Bits(3);
        }

        var code = DeflateCode.TryMake(codeLengths) ?? throw input.Corrupt("the code-length code of a deflate block is no prefix code");
        Span<byte> lengths = stackalloc byte[286 + 30];
        var total = literalCount + distanceCount;
        for (var i = 0; i < total;)
        {
            var symbol = Symbol(code);
            if (symbol < 16)
            {
                lengths[i++] = (byte)symbol;
                continue;
            }

            if (symbol == 16 && i == 0)
            {
                throw input.Corrupt("a deflate block repeats a code length before the first");
            }

            var value = symbol == 16 ? lengths[i - 1] : (byte)0;
            var repeat = symbol switch { 16 => 3 + (int)Bits(2), 17 => 3 + (int)Bits(3), _ => 11 + (int)Bits(7) };
            if (repeat > total - i)
            {
                throw input.Corrupt("the code lengths of a deflate block overflow");
            }

            lengths.Slice(i, repeat).Fill(value);
            i += repeat;
        }

        if (lengths[256] == 0)
        {
            throw input.Corrupt("a deflate block has no code for its end");
        }

        literals = DeflateCode.TryMake(lengths[..literalCount]) ?? throw input.Corrupt("the literal code of a deflate block is no prefix code");
        distances = DeflateCode.TryMake(lengths[literalCount..total]) ?? throw input.Corrupt("the distance code of a deflate block is no prefix code");
    }

    /// <summary>Decodes up to a position; true at the end of the block.</summary>
    private bool DecodeSymbols(int limit)
    {
        var buffer = window.Buffer;
        while (window.Position < limit)
        {
            var symbol = Symbol(literals);
            if (symbol < 256)
            {
                buffer[window.Position++] = (byte)symbol;
                continue;
            }

            if (symbol == 256)
            {
                return true;
            }

            if (symbol > 285)
            {
                throw input.Corrupt($"deflate length symbol {symbol} does not exist");
            }

            var length = LengthBase[symbol - 257] + (int)Bits(LengthExtra[symbol - 257]);
            var slot = Symbol(distances);
            if (slot > 29)
            {
                throw input.Corrupt($"deflate distance symbol {slot} does not exist");
            }

            var distance = DistanceBase[slot] + (int)Bits(DistanceExtra[slot]);
            if (distance > window.Reach)
            {
                throw input.Corrupt($"a deflate match reaches {distance} bytes back, only {window.Reach} exist");
            }

            SlidingWindow.CopyMatch(buffer, window.Position, distance, length);
            window.Position += length;
        }

        return false;
    }

    private int Symbol(DeflateCode code)
    {
        Fill(DeflateCode.LongestCode);
        var symbol = code.Decode((uint)(bits & 0x7FFF), out var length);
        if (symbol < 0)
        {
            throw input.Corrupt("a bit pattern is no deflate code");
        }

        Drop(length);
        return symbol;
    }

    private uint Bits(int count)
    {
        Fill(count);
        var value = (uint)(bits & ((1UL << count) - 1));
        Drop(count);
        return value;
    }

    private void Drop(int count)
    {
        if (count > bitCount)
        {
            // Only at the end of the input does Fill leave too few bits; this makes the message of a truncated stream.
            input.Take(1);
        }

        bits >>= count;
        bitCount -= count;
    }

    private void Fill(int count)
    {
        if (bitCount >= count)
        {
            return;
        }

        var ahead = input.Buffered(8);
        var take = Math.Min(ahead.Length, (63 - bitCount) / 8);
        for (var i = 0; i < take; i++)
        {
            bits |= (ulong)ahead[i] << bitCount;
            bitCount += 8;
        }

        input.Advance(take);
    }

    /// <summary>Whole bytes read ahead go back, so that the input stands behind what was used.</summary>
    private void ReturnWholeBytes()
    {
        input.Advance(-(bitCount / 8));
        bits = 0;
        bitCount = 0;
    }
}
