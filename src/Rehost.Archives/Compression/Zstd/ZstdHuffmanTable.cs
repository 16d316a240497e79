using System.Numerics;

namespace Rehost.Archives;

/// <summary>The Huffman code of zstd literals, RFC 8878 section 4.2.</summary>
internal sealed class ZstdHuffmanTable
{
    private const int MaxBits = 11;

    // Symbol in the low eight bits, length above.
    private readonly ushort[] entries = new ushort[1 << MaxBits];
    private readonly int maxBits;

    private ZstdHuffmanTable(int maxBits) => this.maxBits = maxBits;

    /// <summary>Reads a tree description; <paramref name="consumed"/> tells its size.</summary>
    public static ZstdHuffmanTable Read(ReadOnlySpan<byte> data, CompressedInput input, out int consumed)
    {
        if (data.IsEmpty)
        {
            throw input.Corrupt("a zstd literals section has no Huffman tree");
        }

        Span<byte> weights = stackalloc byte[256];
        weights.Clear();
        int header = data[0];
        int count;
        if (header >= 128)
        {
            count = header - 127;
            consumed = 1 + ((count + 1) / 2);
            if (consumed > data.Length)
            {
                throw input.Corrupt("a zstd Huffman tree leaves its block");
            }

            for (var i = 0; i < count; i++)
            {
                weights[i] = (byte)((i & 1) == 0 ? data[1 + (i / 2)] >> 4 : data[1 + (i / 2)] & 15);
            }
        }
        else
        {
            consumed = 1 + header;
            if (consumed > data.Length)
            {
                throw input.Corrupt("a zstd Huffman tree leaves its block");
            }

            count = ReadWeights(data[1..consumed], weights, input);
        }

        return Make(weights, count, input);
    }

    /// <summary>Decodes one stream, which must end exactly with the last literal.</summary>
    public void Decode(ReadOnlySpan<byte> stream, Span<byte> literals, CompressedInput input)
    {
        unchecked
        {
            var reader = new ZstdBitReader(stream, input);
            var table = entries;
            var bits = maxBits;
            var mask = (1u << bits) - 1;
            var i = 0;

            // Four symbols of at most 11 bits come out of one load.
            var fast = literals.Length - 4;
            while (i <= fast && reader.Left >= 64)
            {
                var word = reader.Peek(56);
                var shift = 56 - bits;
                int entry = table[(int)((uint)(word >> shift) & mask)];
                literals[i] = (byte)entry;
                shift -= entry >> 8;
                entry = table[(int)((uint)(word >> shift) & mask)];
                literals[i + 1] = (byte)entry;
                shift -= entry >> 8;
                entry = table[(int)((uint)(word >> shift) & mask)];
                literals[i + 2] = (byte)entry;
                shift -= entry >> 8;
                entry = table[(int)((uint)(word >> shift) & mask)];
                literals[i + 3] = (byte)entry;
                shift -= entry >> 8;
                reader.Drop(56 - bits - shift);
                i += 4;
            }

            for (; i < literals.Length; i++)
            {
                int entry = table[(int)reader.Peek(bits)];
                literals[i] = (byte)entry;
                reader.Drop(entry >> 8);
            }

            if (reader.Left != 0)
            {
                throw input.Corrupt("a zstd literal stream does not end with its last literal");
            }
        }
    }

    private static int ReadWeights(ReadOnlySpan<byte> data, Span<byte> weights, CompressedInput input)
    {
        var table = FseTable.Read(data, 6, 255, input, out var used);
        var reader = new ZstdBitReader(data[used..], input);
        var first = (int)reader.Read(table.AccuracyLog);
        var second = (int)reader.Read(table.AccuracyLog);
        if (reader.Left < 0)
        {
            throw input.Corrupt("the weights of a zstd Huffman tree are too short");
        }

        // Two states take turns; when one cannot be renewed, the other has the last weight.
        var count = 0;
        while (true)
        {
            if (count > 252)
            {
                throw input.Corrupt("a zstd Huffman tree has more than 255 weights");
            }

            var entry = table.Entries[first];
            weights[count++] = entry.Symbol;
            first = entry.Baseline + (int)reader.Read(entry.Bits);
            if (reader.Left < 0)
            {
                weights[count++] = table.Entries[second].Symbol;
                return count;
            }

            entry = table.Entries[second];
            weights[count++] = entry.Symbol;
            second = entry.Baseline + (int)reader.Read(entry.Bits);
            if (reader.Left < 0)
            {
                weights[count++] = table.Entries[first].Symbol;
                return count;
            }
        }
    }

    private static ZstdHuffmanTable Make(Span<byte> weights, int count, CompressedInput input)
    {
        var sum = 0;
        for (var i = 0; i < count; i++)
        {
            if (weights[i] > MaxBits + 1)
            {
                throw input.Corrupt($"a zstd Huffman weight is {weights[i]}");
            }

            sum += weights[i] == 0 ? 0 : 1 << (weights[i] - 1);
        }

        // The last weight is not stored: it is what completes the sum to a power of two.
        var bits = sum == 0 ? 0 : BitOperations.Log2((uint)sum) + 1;
        var rest = (1 << bits) - sum;
        if (sum == 0 || bits > MaxBits || !BitOperations.IsPow2(rest))
        {
            throw input.Corrupt("the weights of a zstd Huffman tree do not add up");
        }

        weights[count++] = (byte)(BitOperations.Log2((uint)rest) + 1);
        var table = new ZstdHuffmanTable(bits);
        var at = 0;
        for (var weight = 1; weight <= bits; weight++)
        {
            for (var symbol = 0; symbol < count; symbol++)
            {
                if (weights[symbol] == weight)
                {
                    var run = 1 << (weight - 1);
                    table.entries.AsSpan(at, run).Fill((ushort)(((bits + 1 - weight) << 8) | symbol));
                    at += run;
                }
            }
        }

        return table;
    }
}
