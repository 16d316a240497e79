namespace Rehost.Conversion.BootLoaders.Grub2.Lzma;

/// <summary>What a bit costs at a probability, in 1/16 bit. Integers only, so that output is the same on every machine.</summary>
internal static class BitPrice
{
    public const int OneBit = 1 << Precision;

    private const int Precision = 4;
    private const int Reduction = 4;
    private static readonly int[] Table = Build();

    public static int Of(ushort probability, int bit)
        => Table[(bit == 0 ? probability : (1 << RangeEncoder.ProbabilityBits) - 1 - probability) >> Reduction];

    public static int OfTree(ReadOnlySpan<ushort> probabilities, int bits, int value)
    {
        var price = 0;
        for (var node = value | (1 << bits); node > 1; node >>= 1)
        {
            price += Of(probabilities[node >> 1], node & 1);
        }

        return price;
    }

    public static int OfReverseTree(ReadOnlySpan<ushort> probabilities, int bits, int value)
    {
        var price = 0;
        var node = 1;
        for (var index = 0; index < bits; index++)
        {
            var bit = (value >> index) & 1;
            price += Of(probabilities[node], bit);
            node = (node << 1) | bit;
        }

        return price;
    }

    /// <summary>-log2(p) by repeated squaring, each step yielding one more binary digit.</summary>
    private static int[] Build()
    {
        var table = new int[(1 << RangeEncoder.ProbabilityBits) >> Reduction];
        for (var index = 0; index < table.Length; index++)
        {
            var value = (long)((index << Reduction) + (1 << (Reduction - 1)));
            var digits = 0;
            for (var step = 0; step < Precision; step++)
            {
                value *= value;
                digits <<= 1;
                while (value >= 1 << 16)
                {
                    value >>= 1;
                    digits++;
                }
            }

            table[index] = (RangeEncoder.ProbabilityBits << Precision) - (16 - 1) - digits;
        }

        return table;
    }
}
