using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>One LZO1X block, as the kernel's Documentation/staging/lzo.rst describes the stream.</summary>
internal static class Lzo1xBlock
{
    /// <summary>Decodes a block that must end with its end mark; returns the bytes written.</summary>
    public static int Decode(ReadOnlySpan<byte> block, byte[] output, int limit, CompressedInput input)
    {
        var at = 0;
        var position = 0;

        // Literals copied by the instruction before: 0 to 3, or 4 for "a long run"; it decides what instructions below 16 mean.
        var state = 0;
        if (block.Length > 0 && block[0] > 17)
        {
            var count = block[at++] - 17;
            Literals(block, ref at, output, ref position, limit, count, input);
            state = Math.Min(count, 4);
        }

        while (true)
        {
            int instruction = Next(block, ref at, input);
            int length;
            int distance;
            int trailing;
            if (instruction >= 64)
            {
                length = instruction >= 128 ? 5 + ((instruction >> 5) & 3) : 3 + ((instruction >> 5) & 1);
                distance = (Next(block, ref at, input) << 3) + ((instruction >> 2) & 7) + 1;
                trailing = instruction & 3;
            }
            else if (instruction >= 32)
            {
                length = 2 + Length(instruction & 31, 31, block, ref at, input);
                var word = Word(block, ref at, input);
                distance = (word >> 2) + 1;
                trailing = word & 3;
            }
            else if (instruction >= 16)
            {
                length = 2 + Length(instruction & 7, 7, block, ref at, input);
                var word = Word(block, ref at, input);
                distance = 16384 + ((instruction & 8) << 11) + (word >> 2);
                trailing = word & 3;
                if (distance == 16384)
                {
                    return length == 3 && at == block.Length ? position : throw input.Corrupt("an LZO block goes on behind its end mark");
                }
            }
            else if (state == 0)
            {
                var count = 3 + Length(instruction, 15, block, ref at, input);
                Literals(block, ref at, output, ref position, limit, count, input);
                state = 4;
                continue;
            }
            else
            {
                length = state == 4 ? 3 : 2;
                distance = (Next(block, ref at, input) << 2) + (instruction >> 2) + (state == 4 ? 2049 : 1);
                trailing = instruction & 3;
            }

            if (distance > position || length > limit - position)
            {
                throw input.Corrupt($"an LZO match of {length} bytes reaches {distance} bytes back, {position} exist");
            }

            SlidingWindow.CopyMatch(output, position, distance, length);
            position += length;
            Literals(block, ref at, output, ref position, limit, trailing, input);
            state = trailing;
        }
    }

    private static byte Next(ReadOnlySpan<byte> block, ref int at, CompressedInput input) =>
        at < block.Length ? block[at++] : throw input.Corrupt("an LZO block has no end mark");

    private static int Word(ReadOnlySpan<byte> block, ref int at, CompressedInput input)
    {
        if (block.Length - at < 2)
        {
            throw input.Corrupt("an LZO block has no end mark");
        }

        at += 2;
        return BinaryPrimitives.ReadUInt16LittleEndian(block[(at - 2)..]);
    }

    /// <summary>A length field of zero is continued: each zero byte adds 255, the first other byte ends it.</summary>
    private static int Length(int field, int mask, ReadOnlySpan<byte> block, ref int at, CompressedInput input)
    {
        if (field != 0)
        {
            return field;
        }

        var length = mask;
        while (true)
        {
            int part = Next(block, ref at, input);
            if (part != 0)
            {
                return length + part;
            }

            length += 255;
        }
    }

    private static void Literals(ReadOnlySpan<byte> block, ref int at, byte[] output, ref int position, int limit, int count, CompressedInput input)
    {
        if (count > block.Length - at || count > limit - position)
        {
            throw input.Corrupt($"an LZO block has {count} literals, more than it can");
        }

        block.Slice(at, count).CopyTo(output.AsSpan(position));
        at += count;
        position += count;
    }
}
