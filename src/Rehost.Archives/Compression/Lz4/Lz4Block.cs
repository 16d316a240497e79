using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>One LZ4 block: runs of literals and matches of up to 64 KiB back.</summary>
internal static class Lz4Block
{
    /// <summary>Decodes a block into a buffer at a position, with what lies between floor and position as history; returns the position behind.</summary>
    public static int Decode(ReadOnlySpan<byte> block, byte[] buffer, int floor, int position, int limit, CompressedInput input)
    {
        var at = 0;
        while (at < block.Length)
        {
            int token = block[at++];
            var literals = token >> 4;
            if (literals == 15)
            {
                literals += ReadLength(block, ref at, input);
            }

            if (literals > block.Length - at || literals > limit - position)
            {
                throw input.Corrupt($"an LZ4 block has {literals} literals, more than it can");
            }

            block.Slice(at, literals).CopyTo(buffer.AsSpan(position));
            at += literals;
            position += literals;
            if (at == block.Length)
            {
                // The last sequence has no match.
                return position;
            }

            if (block.Length - at < 2)
            {
                break;
            }

            int distance = BinaryPrimitives.ReadUInt16LittleEndian(block[at..]);
            at += 2;
            var length = (token & 15) + 4;
            if (length == 19)
            {
                length += ReadLength(block, ref at, input);
            }

            if (distance == 0 || distance > position - floor || length > limit - position)
            {
                throw input.Corrupt($"an LZ4 match of {length} bytes reaches {distance} bytes back, {position - floor} exist");
            }

            SlidingWindow.CopyMatch(buffer, position, distance, length);
            position += length;
        }

        throw input.Corrupt("an LZ4 block ends within a sequence");
    }

    private static int ReadLength(ReadOnlySpan<byte> block, ref int at, CompressedInput input)
    {
        var length = 0;
        while (at < block.Length)
        {
            int part = block[at++];
            length += part;
            if (part != 255)
            {
                return length;
            }
        }

        throw input.Corrupt("an LZ4 block ends within a length");
    }
}
