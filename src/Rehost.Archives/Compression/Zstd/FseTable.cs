using System.Numerics;

namespace Rehost.Archives;

/// <summary>A decoding table of finite state entropy, RFC 8878 section 4.1.1.</summary>
internal sealed class FseTable
{
    private FseTable(int accuracyLog)
    {
        AccuracyLog = accuracyLog;
        Entries = new FseEntry[1 << accuracyLog];
    }

    public int AccuracyLog { get; }

    public FseEntry[] Entries { get; }

    /// <summary>The table of one symbol that needs no bits.</summary>
    public static FseTable Constant(byte symbol)
    {
        var table = new FseTable(0);
        table.Entries[0] = new FseEntry(symbol, 0, 0);
        return table;
    }

    /// <summary>Reads a table description; <paramref name="consumed"/> tells its size in bytes.</summary>
    public static FseTable Read(ReadOnlySpan<byte> data, int maxLog, int maxSymbol, CompressedInput input, out int consumed)
    {
        var bit = 0;
        var log = Bits(data, 0, 4) + 5;
        bit += 4;
        if (log > maxLog)
        {
            throw input.Corrupt($"a zstd FSE table has accuracy {log}, at most {maxLog} is allowed");
        }

        Span<short> counts = stackalloc short[256];
        var symbol = 0;
        var remaining = (1 << log) + 1;
        while (remaining > 1 && symbol <= maxSymbol)
        {
            // Values below the threshold are one bit shorter.
            var width = BitOperations.Log2((uint)remaining) + 1;
            var threshold = (1 << width) - 1 - remaining;
            var value = Bits(data, bit, width);
            var low = value & ((1 << (width - 1)) - 1);
            if (low < threshold)
            {
                value = low;
                bit += width - 1;
            }
            else
            {
                value -= value >= 1 << (width - 1) ? threshold : 0;
                bit += width;
            }

            var probability = value - 1;
            remaining -= Math.Abs(probability);
            counts[symbol++] = (short)probability;
            if (probability != 0)
            {
                continue;
            }

            int zeros;
            do
            {
                zeros = Bits(data, bit, 2);
                bit += 2;
                symbol += zeros;
            }
            while (zeros == 3 && symbol <= maxSymbol);
        }

        consumed = (bit + 7) / 8;
        if (remaining != 1 || symbol > maxSymbol + 1 || consumed > data.Length)
        {
            throw input.Corrupt("a zstd FSE table description does not add up");
        }

        return Build(counts[..symbol], log);
    }

    /// <summary>Spreads the symbols over the states.</summary>
    public static FseTable Build(ReadOnlySpan<short> counts, int log)
    {
        var table = new FseTable(log);
        var entries = table.Entries;
        var size = entries.Length;
        Span<byte> spread = stackalloc byte[size];
        Span<ushort> next = stackalloc ushort[counts.Length];
        var high = size - 1;
        for (var symbol = 0; symbol < counts.Length; symbol++)
        {
            if (counts[symbol] == -1)
            {
                spread[high--] = (byte)symbol;
                next[symbol] = 1;
            }
            else
            {
                next[symbol] = (ushort)counts[symbol];
            }
        }

        var step = (size >> 1) + (size >> 3) + 3;
        var position = 0;
        for (var symbol = 0; symbol < counts.Length; symbol++)
        {
            for (var i = 0; i < counts[symbol]; i++)
            {
                spread[position] = (byte)symbol;
                do
                {
                    position = (position + step) & (size - 1);
                }
                while (position > high);
            }
        }

        for (var state = 0; state < size; state++)
        {
            var symbol = spread[state];
            int value = next[symbol]++;
            var bits = log - BitOperations.Log2((uint)value);
            entries[state] = new FseEntry(symbol, (byte)bits, (ushort)((value << bits) - size));
        }

        return table;
    }

    private static int Bits(ReadOnlySpan<byte> data, int bit, int count)
    {
        var value = 0;
        for (var i = 0; i < 3; i++)
        {
            var at = (bit >> 3) + i;
            value |= at < data.Length ? data[at] << (8 * i) : 0;
        }

        return (value >> (bit & 7)) & ((1 << count) - 1);
    }
}
