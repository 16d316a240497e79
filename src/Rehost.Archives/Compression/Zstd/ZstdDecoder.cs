using Rehost.Blocks.Checksums;

namespace Rehost.Archives;

/// <summary>One Zstandard frame (RFC 8878 section 3.1); a skippable frame is a member without output.</summary>
internal sealed class ZstdDecoder : MemberDecoder
{
    public const int MaxBlock = 128 * 1024;
    private readonly CompressedInput input;
    private readonly SlidingWindow? window;
    private readonly ZstdBlockDecoder? blocks;
    private readonly XxHash64? hash;
    private readonly ulong? contentSize;
    private readonly int blockLimit;
    private ulong produced;
    private bool ended;

    public ZstdDecoder(CompressedInput input)
    {
        this.input = input;
        var magic = input.ReadUInt32();
        if (magic is >= 0x184D2A50 and <= 0x184D2A5F)
        {
            input.Skip(input.ReadUInt32());
            ended = true;
            return;
        }

        if (magic != 0xFD2FB528)
        {
            throw input.Corrupt("a zstd frame does not start with its magic number");
        }

        var descriptor = input.ReadByte();
        if ((descriptor & 8) != 0)
        {
            throw input.Unsupported("the reserved bit of a zstd frame header is set");
        }

        var singleSegment = (descriptor & 0x20) != 0;
        ulong windowSize = 0;
        if (!singleSegment)
        {
            var code = input.ReadByte();
            windowSize = 1UL << (10 + (code >> 3));
            windowSize += windowSize / 8 * (code & 7u);
        }

        uint dictionary = (descriptor & 3) switch { 0 => 0, 1 => input.ReadByte(), 2 => input.ReadUInt16(), _ => input.ReadUInt32() };
        if (dictionary != 0)
        {
            throw input.Unsupported($"a zstd frame needs dictionary {dictionary}");
        }

        contentSize = (descriptor >> 6) switch
        {
            0 => singleSegment ? input.ReadByte() : null,
            1 => input.ReadUInt16() + 256UL,
            2 => input.ReadUInt32(),
            _ => input.ReadUInt64(),
        };
        windowSize = singleSegment ? contentSize ?? 0 : windowSize;
        if (windowSize > LargestWindow)
        {
            throw ArchiveDiagnostics.WindowTooLarge.ToException($"a zstd window of {windowSize} bytes is asked for, {LargestWindow} are allowed", input.Where);
        }

        hash = (descriptor & 4) != 0 ? new XxHash64() : null;
        blockLimit = (int)Math.Min(windowSize, MaxBlock);
        window = new SlidingWindow((int)Math.Max(windowSize, 1024));
        blocks = new ZstdBlockDecoder(input, window);
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        while (!ended && window is not null && blocks is not null)
        {
            var header = input.Take(3);
            var value = header[0] | (header[1] << 8) | (header[2] << 16);
            var last = (value & 1) != 0;
            var size = value >> 3;
            window.Reserve(MaxBlock);
            var start = window.Position;
            if (size > blockLimit)
            {
                throw input.Corrupt($"a zstd block has {size} bytes, the frame allows {blockLimit}");
            }

            switch ((value >> 1) & 3)
            {
                case 0:
                    input.ReadExactly(window.Buffer.AsSpan(start, size));
                    window.Position += size;
                    break;
                case 1:
                    window.Buffer.AsSpan(start, size).Fill(input.ReadByte());
                    window.Position += size;
                    break;
                case 2:
                    blocks.Decode(input.Take(size), start + blockLimit);
                    break;
                default:
                    throw input.Corrupt("a zstd block has the reserved type 3");
            }

            var chunk = window.Since(start);
            hash?.Append(chunk.Span);
            produced += (ulong)chunk.Length;
            if (last)
            {
                Finish();
            }

            if (!chunk.IsEmpty)
            {
                return chunk;
            }
        }

        return default;
    }

    private void Finish()
    {
        ended = true;
        if (contentSize is { } size && size != produced)
        {
            throw input.Corrupt($"a zstd frame decodes to {produced} bytes, its header says {size}");
        }

        if (hash is not null)
        {
            var stored = input.ReadUInt32();
            var found = (uint)(hash.Value & uint.MaxValue);
            if (found != stored)
            {
                throw input.Mismatch("content checksum of a zstd frame", found, stored);
            }
        }
    }
}
