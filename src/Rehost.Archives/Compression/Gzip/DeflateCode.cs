namespace Rehost.Archives;

/// <summary>A canonical prefix code of DEFLATE: short codes by table, long ones by counting.</summary>
internal sealed class DeflateCode
{
    public const int LongestCode = 15;
    private const int TableBits = 10;

    // Symbol in the upper bits, length in the lower four; zero where the code is longer than the table's index.
    private readonly ushort[] table = new ushort[1 << TableBits];
    private readonly ushort[] counts = new ushort[LongestCode + 1];
    private readonly ushort[] symbols;

    private DeflateCode(int symbolCount) => symbols = new ushort[symbolCount];

    /// <summary>Makes a code from its lengths; null when they are over-subscribed. Incomplete codes are allowed, as in zlib one distance code alone is.</summary>
    public static DeflateCode? TryMake(ReadOnlySpan<byte> lengths)
    {
        var code = new DeflateCode(lengths.Length);
        foreach (var length in lengths)
        {
            code.counts[length]++;
        }

        code.counts[0] = 0;
        var left = 1;
        for (var length = 1; length <= LongestCode; length++)
        {
            left = (left << 1) - code.counts[length];
            if (left < 0)
            {
                return null;
            }
        }

        Span<int> offsets = stackalloc int[LongestCode + 2];
        Span<int> nextCode = stackalloc int[LongestCode + 2];
        offsets[1] = 0;
        nextCode[1] = 0;
        for (var length = 1; length <= LongestCode; length++)
        {
            offsets[length + 1] = offsets[length] + code.counts[length];
            nextCode[length + 1] = (nextCode[length] + code.counts[length]) << 1;
        }

        for (var symbol = 0; symbol < lengths.Length; symbol++)
        {
            int length = lengths[symbol];
            if (length == 0)
            {
                continue;
            }

            code.symbols[offsets[length]++] = (ushort)symbol;
            var value = nextCode[length]++;
            if (length <= TableBits)
            {
                for (var index = Reverse(value, length); index < code.table.Length; index += 1 << length)
                {
                    code.table[index] = (ushort)((symbol << 4) | length);
                }
            }
        }

        return code;
    }

    /// <summary>Decodes the first symbol of 15 bits, first bit lowest; -1 when there is none.</summary>
    public int Decode(uint bits, out int length)
    {
        int entry = table[bits & ((1 << TableBits) - 1)];
        if (entry != 0)
        {
            length = entry & 15;
            return entry >> 4;
        }

        var code = 0;
        var first = 0;
        var index = 0;
        for (length = 1; length <= LongestCode; length++)
        {
            code |= (int)(bits & 1);
            bits >>= 1;
            int count = counts[length];
            if (code - count < first)
            {
                return symbols[index + (code - first)];
            }

            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }

        return -1;
    }

    private static int Reverse(int value, int length)
    {
        var result = 0;
        for (var i = 0; i < length; i++)
        {
            result = (result << 1) | (value & 1);
            value >>= 1;
        }

        return result;
    }
}
