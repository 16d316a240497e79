namespace Rehost.Archives;

/// <summary>LZ4 frame, version 1.6.x of the format: blocks of up to 4 MiB, linked or independent; a skippable frame is a member without output.</summary>
internal sealed class Lz4FrameDecoder : MemberDecoder
{
    private const int History = 64 * 1024;
    private readonly CompressedInput input;
    private readonly XxHash32? contentHash;
    private readonly bool independent;
    private readonly bool blockChecksums;
    private readonly int maxBlock;
    private readonly ulong? contentSize;
    private readonly byte[] compressed;
    private readonly byte[] buffer;
    private int position;
    private ulong produced;
    private bool ended;

    public Lz4FrameDecoder(CompressedInput input)
    {
        this.input = input;
        compressed = buffer = [];
        var magic = input.ReadUInt32();
        if (magic is >= 0x184D2A50 and <= 0x184D2A5F)
        {
            input.Skip(input.ReadUInt32());
            ended = true;
            return;
        }

        if (magic != 0x184D2204)
        {
            throw input.Corrupt("an LZ4 frame does not start with its magic number");
        }

        var flags = input.Peek(1) is [var first] ? first : input.ReadByte();
        var length = 2 + ((flags & 8) != 0 ? 8 : 0) + ((flags & 1) != 0 ? 4 : 0);
        Span<byte> descriptor = stackalloc byte[14];
        descriptor = descriptor[..length];
        input.ReadExactly(descriptor);
        var stored = input.ReadByte();
        var found = (byte)((XxHash32.Of(descriptor) >> 8) & 0xFF);
        if (found != stored)
        {
            throw input.Mismatch("header checksum of an LZ4 frame", found, stored);
        }

        var code = (descriptor[1] >> 4) & 7;
        if (flags >> 6 != 1 || (flags & 2) != 0 || (descriptor[1] & 0x8F) != 0 || code < 4)
        {
            throw input.Unsupported($"LZ4 frame flags 0x{flags:x2} 0x{descriptor[1]:x2} are not of the known format");
        }

        if ((flags & 1) != 0)
        {
            throw input.Unsupported("an LZ4 frame needs a dictionary");
        }

        independent = (flags & 0x20) != 0;
        blockChecksums = (flags & 0x10) != 0;
        contentHash = (flags & 4) != 0 ? new XxHash32() : null;
        contentSize = (flags & 8) != 0 ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(descriptor[2..]) : null;
        maxBlock = 1 << (8 + (2 * code));
        compressed = new byte[maxBlock];
        buffer = new byte[History + maxBlock];
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        while (!ended)
        {
            var size = input.ReadUInt32();
            if (size == 0)
            {
                Finish();
                break;
            }

            var raw = (size & 0x80000000) != 0;
            size &= 0x7FFFFFFF;
            if (size > (uint)maxBlock)
            {
                throw input.Corrupt($"an LZ4 block has {size} bytes, the frame allows {maxBlock}");
            }

            var block = compressed.AsSpan(0, (int)size);
            input.ReadExactly(block);
            if (blockChecksums)
            {
                var stored = input.ReadUInt32();
                var found = XxHash32.Of(block);
                if (found != stored)
                {
                    throw input.Mismatch("checksum of an LZ4 block", found, stored);
                }
            }

            // Only the last 64 KiB can be referred to.
            var keep = independent ? 0 : Math.Min(position, History);
            buffer.AsSpan(position - keep, keep).CopyTo(buffer);
            position = keep;
            if (raw)
            {
                block.CopyTo(buffer.AsSpan(position));
                position += block.Length;
            }
            else
            {
                position = Lz4Block.Decode(block, buffer, 0, position, position + maxBlock, input);
            }

            if (position > keep)
            {
                var chunk = buffer.AsMemory(keep, position - keep);
                contentHash?.Append(chunk.Span);
                produced += (ulong)chunk.Length;
                return chunk;
            }
        }

        return default;
    }

    private void Finish()
    {
        ended = true;
        if (contentHash is not null)
        {
            var stored = input.ReadUInt32();
            if (contentHash.Value != stored)
            {
                throw input.Mismatch("content checksum of an LZ4 frame", contentHash.Value, stored);
            }
        }

        if (contentSize is { } size && size != produced)
        {
            throw input.Corrupt($"an LZ4 frame decodes to {produced} bytes, its header says {size}");
        }
    }
}
