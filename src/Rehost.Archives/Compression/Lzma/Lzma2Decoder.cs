namespace Rehost.Archives;

/// <summary>LZMA2: a sequence of chunks of at most 2 MiB, raw or LZMA1, with resets between them.</summary>
internal sealed class Lzma2Decoder : MemberDecoder
{
    private const int ChunkSize = 256 * 1024;
    private const int MaxCompressed = 64 * 1024;
    private readonly CompressedInput input;
    private readonly LzmaCore core;
    private readonly SlidingWindow window;
    private readonly byte[] compressed = new byte[MaxCompressed + LzmaCore.InputPadding];
    private bool needDictionaryReset = true;
    private bool needProperties = true;
    private bool needStateReset = true;
    private bool ended;
    private bool raw;
    private int chunkLeft;
    private int compressedLength;
    private int compressedPosition;

    public Lzma2Decoder(CompressedInput input, int dictionarySize)
    {
        this.input = input;
        core = new LzmaCore(input);
        window = new SlidingWindow(dictionarySize);
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        if (ended)
        {
            return default;
        }

        window.Reserve(ChunkSize + LzmaCore.LongestMatch);
        var start = window.Position;
        while (window.Position - start < ChunkSize)
        {
            if (chunkLeft == 0 && !StartChunk())
            {
                break;
            }

            var count = Math.Min(chunkLeft, ChunkSize - (window.Position - start));
            if (raw)
            {
                input.ReadExactly(window.Buffer.AsSpan(window.Position, count));
                window.Position += count;
                core.AddPosition(count);
                chunkLeft -= count;
            }
            else
            {
                DecodeLzma(count);
            }
        }

        return window.Since(start);
    }

    private void DecodeLzma(int count)
    {
        var before = window.Position;
        var ended = core.Run(compressed, ref compressedPosition, compressedLength + 1, window, before + count);
        var produced = window.Position - before;
        if (ended || produced < count || produced > chunkLeft || compressedPosition > compressedLength)
        {
            throw input.Corrupt("an LZMA2 chunk does not decode to the sizes in its header");
        }

        chunkLeft -= produced;
        if (chunkLeft == 0)
        {
            core.EndRange(compressed, ref compressedPosition);
            if (compressedPosition != compressedLength || !core.IsFinished)
            {
                throw input.Corrupt("an LZMA2 chunk does not end where its header says");
            }
        }
    }

    /// <summary>Reads a chunk header; false at the end mark.</summary>
    private bool StartChunk()
    {
        int control = input.ReadByte();
        if (control == 0)
        {
            ended = true;
            return false;
        }

        if (control is > 2 and < 0x80)
        {
            throw input.Corrupt($"an LZMA2 control byte is 0x{control:x2}");
        }

        if (control >= 0xE0 || control == 1)
        {
            needDictionaryReset = false;
            needProperties = true;
            window.Forget();
            core.ResetPosition();
        }
        else if (needDictionaryReset)
        {
            throw input.Corrupt("LZMA2 data does not start with a reset of the dictionary");
        }

        chunkLeft = ReadSize();
        raw = control < 0x80;
        if (raw)
        {
            chunkLeft++;
            return true;
        }

        chunkLeft += ((control & 0x1F) << 16) + 1;
        compressedLength = ReadSize() + 1;
        if (control >= 0xC0)
        {
            var properties = input.ReadByte();
            // LZMA2 allows lc + lp of at most 4.
            if ((properties % 9) + (properties / 9 % 5) > 4 || !core.SetProperties(properties))
            {
                throw input.Corrupt($"the LZMA2 properties byte is {properties}");
            }

            needProperties = false;
            needStateReset = true;
        }

        if (needProperties || (control < 0xA0 && needStateReset))
        {
            throw input.Corrupt("an LZMA2 chunk lacks a reset of its state");
        }

        if (control >= 0xA0)
        {
            core.ResetState();
            needStateReset = false;
        }

        var five = input.Take(5);
        compressedLength -= 5;
        if (compressedLength < 0 || !core.StartRange(five))
        {
            throw input.Corrupt("an LZMA2 chunk does not start as it must");
        }

        input.ReadExactly(compressed.AsSpan(0, compressedLength));
        compressed.AsSpan(compressedLength, LzmaCore.InputPadding).Clear();
        compressedPosition = 0;
        return true;
    }

    private int ReadSize() => (input.ReadByte() << 8) | input.ReadByte();
}
