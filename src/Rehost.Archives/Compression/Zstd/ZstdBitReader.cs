using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Rehost.Archives;

/// <summary>Reads a zstd bitstream from its end to its start (RFC 8878 section 4.1). Behind the start it reads zeros and <see cref="Left"/> goes below zero.</summary>
internal ref struct ZstdBitReader
{
    private readonly ReadOnlySpan<byte> data;

    /// <summary>Starts behind the padding: the highest set bit of the last byte.</summary>
    public ZstdBitReader(ReadOnlySpan<byte> data, CompressedInput input)
    {
        if (data.IsEmpty || data[^1] == 0)
        {
            throw input.Corrupt("a zstd bitstream has no end mark");
        }

        this.data = data;
        Left = ((data.Length - 1) * 8) + BitOperations.Log2(data[^1]);
    }

    /// <summary>Bits not yet consumed; negative when more were consumed than there are.</summary>
    public int Left { get; private set; }

    /// <summary>The next bits, 0 to 56, without consuming them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong Peek(int count)
    {
        unchecked
        {
            var low = Left - count;
            if (low >= 0 && (low >> 3) + 8 <= data.Length)
            {
                return (BinaryPrimitives.ReadUInt64LittleEndian(data[(low >> 3)..]) >> (low & 7)) & ((1UL << count) - 1);
            }

            return PeekSlow(count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Drop(int count) => Left = unchecked(Left - count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Read(int count)
    {
        var value = (uint)Peek(count);
        Drop(count);
        return value;
    }

    private readonly ulong PeekSlow(int count)
    {
        // Near either end: gather what exists, zeros elsewhere.
        var low = Left - count;
        ulong value = 0;
        for (var i = 0; i < 8; i++)
        {
            var at = (low >> 3) + i;
            if (at >= 0 && at < data.Length)
            {
                value |= (ulong)data[at] << (8 * i);
            }
        }

        return (value >> (low & 7)) & ((1UL << count) - 1);
    }
}
