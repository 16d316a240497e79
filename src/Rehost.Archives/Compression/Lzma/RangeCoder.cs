using System.Runtime.CompilerServices;

namespace Rehost.Archives;

/// <summary>The range decoder of LZMA, kept in registers while a run of symbols is decoded.</summary>
internal ref struct RangeCoder(ReadOnlySpan<byte> input, int position, uint range, uint code)
{
    private const uint Top = 1u << 24;
    private readonly ReadOnlySpan<byte> input = input;

    public int Position { get; private set; } = position;

    public uint Range { get; private set; } = range;

    public uint Code { get; private set; } = code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Bit(ref ushort probability)
    {
        unchecked
        {
            Normalize();
            uint p = probability;
            var bound = (Range >> 11) * p;
            if (Code < bound)
            {
                Range = bound;
                probability = (ushort)(p + ((2048 - p) >> 5));
                return 0;
            }

            Range -= bound;
            Code -= bound;
            probability = (ushort)(p - (p >> 5));
            return 1;
        }
    }

    public int Tree(Span<ushort> probabilities, int bits)
    {
        var symbol = 1;
        for (var i = 0; i < bits; i++)
        {
            symbol = (symbol << 1) | Bit(ref probabilities[symbol]);
        }

        return symbol - (1 << bits);
    }

    public uint ReverseTree(Span<ushort> probabilities, int bits)
    {
        var symbol = 1;
        uint value = 0;
        for (var i = 0; i < bits; i++)
        {
            var bit = Bit(ref probabilities[symbol]);
            symbol = (symbol << 1) | bit;
            value |= (uint)bit << i;
        }

        return value;
    }

    public uint Direct(int bits)
    {
        unchecked
        {
            uint value = 0;
            for (var i = 0; i < bits; i++)
            {
                Normalize();
                Range >>= 1;
                Code -= Range;
                var borrow = 0u - (Code >> 31);
                Code += Range & borrow;
                value = (value << 1) + borrow + 1;
            }

            return value;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Normalize()
    {
        if (Range < Top)
        {
            Range <<= 8;
            Code = (Code << 8) | input[Position++];
        }
    }
}
