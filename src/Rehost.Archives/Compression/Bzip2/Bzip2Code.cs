namespace Rehost.Archives;

/// <summary>One canonical Huffman code of a bzip2 block, lengths 1 to 20.</summary>
internal sealed class Bzip2Code
{
    private const int Longest = 20;
    private const int TableBits = 10;
    private readonly ushort[] table = new ushort[1 << TableBits];
    private readonly int[] limits = new int[Longest + 2];
    private readonly int[] offsets = new int[Longest + 2];
    private readonly ushort[] symbols;

    public Bzip2Code(ReadOnlySpan<byte> lengths)
    {
        symbols = new ushort[lengths.Length];
        var code = 0;
        var index = 0;
        for (var length = 1; length <= Longest; length++)
        {
            offsets[length] = index - code;
            for (var symbol = 0; symbol < lengths.Length; symbol++)
            {
                if (lengths[symbol] != length)
                {
                    continue;
                }

                symbols[index++] = (ushort)symbol;
                if (length <= TableBits && code < 1 << length)
                {
                    table.AsSpan(code << (TableBits - length), 1 << (TableBits - length)).Fill((ushort)((symbol << 5) | length));
                }

                code++;
            }

            // A code that is over-subscribed only decodes to nonsense, which the block's CRC finds.
            limits[length] = code;
            code <<= 1;
        }
    }

    public int Decode(Bzip2BitReader bits)
    {
        var peeked = (int)bits.Peek(Longest);
        int entry = table[peeked >> (Longest - TableBits)];
        if (entry != 0)
        {
            bits.Drop(entry & 31);
            return entry >> 5;
        }

        for (var length = TableBits + 1; length <= Longest; length++)
        {
            var code = peeked >> (Longest - length);
            if (code < limits[length])
            {
                var index = code + offsets[length];
                bits.Drop(length);
                return index >= 0 && index < symbols.Length ? symbols[index] : -1;
            }
        }

        // Behind the end of the input, Drop makes the message of a truncated stream.
        bits.Drop(Longest);
        return -1;
    }
}
