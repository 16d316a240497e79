using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>The .lzma file format: properties, dictionary size, uncompressed size or -1, then one LZMA1 stream.</summary>
internal sealed class LzmaAloneDecoder : MemberDecoder
{
    private const int ChunkSize = 256 * 1024;
    private readonly CompressedInput input;
    private readonly LzmaCore core;
    private readonly SlidingWindow window;
    private readonly byte[] tail = new byte[128];
    private readonly bool sizeKnown;
    private ulong left;
    private bool ended;

    public LzmaAloneDecoder(CompressedInput input)
    {
        this.input = input;
        core = new LzmaCore(input);
        var header = input.Take(13);
        var dictionary = BinaryPrimitives.ReadUInt32LittleEndian(header[1..]);
        left = BinaryPrimitives.ReadUInt64LittleEndian(header[5..]);
        sizeKnown = left != ulong.MaxValue;
        if (!core.SetProperties(header[0]))
        {
            throw input.Corrupt($"the .lzma properties byte is {header[0]}, it must be below 225");
        }

        if (dictionary > LargestWindow)
        {
            throw ArchiveDiagnostics.WindowTooLarge.ToException($"an LZMA dictionary of {dictionary} bytes is asked for, {LargestWindow} are allowed", input.Where);
        }

        core.ResetState();
        window = new SlidingWindow((int)Math.Max(dictionary, 4096));
        if (!core.StartRange(input.Take(5)))
        {
            throw input.Corrupt("an LZMA stream does not start with a zero byte");
        }
    }

    /// <summary>Whether a header is plausible: the format has no magic number, so the sizes that real encoders write are asked for.</summary>
    public static bool LooksLike(ReadOnlySpan<byte> head)
    {
        if (head.Length < 14 || head[0] != 0x5D || head[1] != 0 || head[13] != 0)
        {
            return false;
        }

        var dictionary = BinaryPrimitives.ReadUInt32LittleEndian(head[1..]);
        var size = BinaryPrimitives.ReadUInt64LittleEndian(head[5..]);
        return dictionary >= 4096 && (size == ulong.MaxValue || size < 1UL << 38);
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        if (ended)
        {
            return default;
        }

        window.Reserve(ChunkSize + (2 * LzmaCore.LongestMatch));
        var start = window.Position;
        var limit = start + (int)Math.Min((ulong)ChunkSize, left);
        while (window.Position < limit && !ended)
        {
            Run(limit);
        }

        var produced = window.Position - start;
        if (sizeKnown)
        {
            if ((ulong)produced > left || (ended && (ulong)produced < left))
            {
                throw input.Corrupt($"an LZMA stream does not decode to the size in its header, {left} bytes were left");
            }

            left -= (ulong)produced;
            if (left == 0 && !ended)
            {
                Finish();
            }
        }

        return window.Since(start);
    }

    private void Run(int limit)
    {
        var ahead = input.Buffered(2 * LzmaCore.InputPadding);
        var position = 0;
        if (ahead.Length >= 2 * LzmaCore.InputPadding)
        {
            ended = core.Run(ahead, ref position, ahead.Length - LzmaCore.InputPadding, window, limit);
            if (ended)
            {
                core.EndRange(ahead, ref position);
            }
        }
        else
        {
            tail.AsSpan().Clear();
            ahead.CopyTo(tail);
            ended = core.Run(tail, ref position, ahead.Length + 1, window, limit);
            if (ended)
            {
                core.EndRange(tail, ref position);
            }

            if (position > ahead.Length)
            {
                input.Take(ahead.Length + 1);
            }
        }

        input.Advance(position);
        if (ended && !core.IsFinished)
        {
            throw input.Corrupt("an LZMA stream does not end as it must");
        }
    }

    /// <summary>The size is reached: an end mark may follow or not.</summary>
    private void Finish()
    {
        Span<byte> ahead = stackalloc byte[LzmaCore.InputPadding + 1];
        ahead.Clear();
        var real = input.Peek(LzmaCore.InputPadding);
        real.CopyTo(ahead);
        var position = 0;
        core.EndRange(ahead, ref position);
        if (!core.IsFinished)
        {
            var before = window.Position;
            if (!core.Run(ahead, ref position, 1 + position, window, before + 1) || window.Position != before)
            {
                throw input.Corrupt("an LZMA stream goes on behind its size");
            }

            core.EndRange(ahead, ref position);
        }

        if (position > real.Length)
        {
            input.Take(position);
        }

        input.Advance(position);
        ended = true;
    }
}
