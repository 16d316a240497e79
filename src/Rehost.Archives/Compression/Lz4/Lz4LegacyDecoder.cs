using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>
/// LZ4 legacy frame (lz4 -l): independent blocks of 8 MiB with their compressed size before them. The frame has no end mark: it ends with the input, with zero
/// padding (kernel commit 2c484419efc0), or with a number that is no block size, such as the next archive's magic.
/// </summary>
internal sealed class Lz4LegacyDecoder : MemberDecoder
{
    private const int BlockSize = 8 << 20;
    private const int CompressBound = BlockSize + (BlockSize / 255) + 16;
    private readonly CompressedInput input;
    private byte[] compressed = [];
    private byte[] output = [];

    public Lz4LegacyDecoder(CompressedInput input)
    {
        this.input = input;
        if (input.ReadUInt32() != 0x184C2102)
        {
            throw input.Corrupt("an LZ4 legacy frame does not start with its magic number");
        }
    }

    public override ReadOnlyMemory<byte> NextChunk()
    {
        while (true)
        {
            var head = input.Peek(4);
            if (head.Length < 4)
            {
                // Up to three bytes of padding.
                return head.ContainsAnyExcept((byte)0) ? throw input.Corrupt("an LZ4 legacy frame ends within a block size") : default;
            }

            var size = BinaryPrimitives.ReadUInt32LittleEndian(head);
            if (size is 0 or > CompressBound)
            {
                return default;
            }

            input.Advance(4);
            ReadBlock((int)size);
            // A sequence yields at most 255 bytes per compressed byte, so a small block never makes a large buffer.
            var room = (int)Math.Min(BlockSize, (size * 255L) + 64);
            if (output.Length < room)
            {
                output = new byte[room];
            }

            var produced = Lz4Block.Decode(compressed.AsSpan(0, (int)size), output, 0, 0, room, input);
            if (produced > 0)
            {
                return output.AsMemory(0, produced);
            }
        }
    }

    private void ReadBlock(int size)
    {
        // Grows with what is really there, so that a size near 8 MiB in a tiny file costs nothing.
        for (var have = 0; have < size;)
        {
            var step = Math.Min(size - have, Math.Max(have, 256 * 1024));
            if (compressed.Length < have + step)
            {
                Array.Resize(ref compressed, have + step);
            }

            input.ReadExactly(compressed.AsSpan(have, step));
            have += step;
        }
    }
}
