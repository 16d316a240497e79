using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.FileSystems.Ext;

/// <summary>The hash functions of directory indexes (dx_root_info.hash_version): 0 legacy, 1 half MD4, 2 TEA; 3 to 5 are the same over unsigned characters.</summary>
internal static class HtreeHash
{
    internal const int Unsigned = 3;
    internal const int HighestVersion = 5;
    private const uint EndOfDirectory = 0x7FFFFFFF;

    /// <summary>The hash by which names are ordered; its lowest bit is always clear.</summary>
    internal static uint Compute(ReadOnlySpan<byte> name, int version, ReadOnlySpan<byte> seed)
    {
        Span<uint> state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476];
        if (seed.ContainsAnyExcept((byte)0))
        {
            for (var i = 0; i < 4; i++)
            {
                state[i] = BinaryPrimitives.ReadUInt32LittleEndian(seed[(i * 4)..]);
            }
        }

        var unsigned = version >= Unsigned;
        var hash = (version % Unsigned) switch
        {
            0 => Legacy(name, unsigned),
            1 => HalfMd4(name, unsigned, state),
            _ => Tea(name, unsigned, state),
        };
        hash &= ~1u;

        // The highest value marks the end of the directory for readdir.
        return hash == EndOfDirectory << 1 ? (EndOfDirectory - 1) << 1 : hash;
    }

    private static uint Legacy(ReadOnlySpan<byte> name, bool unsigned)
    {
        uint hash0 = 0x12A3FE2D;
        uint hash1 = 0x37ABE8F9;
        unchecked
        {
            foreach (var value in name)
            {
                var character = unsigned ? (int)value : (sbyte)value;
                var hash = hash1 + (hash0 ^ (uint)(character * 7152373));
                if ((hash & 0x80000000) != 0)
                {
                    hash -= 0x7FFFFFFF;
                }

                hash1 = hash0;
                hash0 = hash;
            }

            return hash0 << 1;
        }
    }

    private static uint HalfMd4(ReadOnlySpan<byte> name, bool unsigned, Span<uint> state)
    {
        Span<uint> words = stackalloc uint[8];
        for (var rest = name; ; rest = rest[32..])
        {
            if (rest.IsEmpty)
            {
                break;
            }

            ToWords(rest, words, unsigned);
            HalfMd4Transform(state, words);
            if (rest.Length <= 32)
            {
                break;
            }
        }

        return state[1];
    }

    private static uint Tea(ReadOnlySpan<byte> name, bool unsigned, Span<uint> state)
    {
        Span<uint> words = stackalloc uint[4];
        for (var rest = name; !rest.IsEmpty; rest = rest[16..])
        {
            ToWords(rest, words, unsigned);
            TeaTransform(state, words);
            if (rest.Length <= 16)
            {
                break;
            }
        }

        return state[0];
    }

    /// <summary>Four characters to a word, padded with the length of the rest of the name.</summary>
    private static void ToWords(ReadOnlySpan<byte> name, Span<uint> words, bool unsigned)
    {
        unchecked
        {
            var padding = (uint)name.Length | ((uint)name.Length << 8);
            padding |= padding << 16;
            var count = Math.Min(name.Length, words.Length * 4);
            var value = padding;
            var word = 0;
            for (var i = 0; i < count; i++)
            {
                var character = unsigned ? (int)name[i] : (sbyte)name[i];
                value = (uint)character + (value << 8);
                if (i % 4 == 3)
                {
                    words[word++] = value;
                    value = padding;
                }
            }

            if (word < words.Length)
            {
                words[word++] = value;
            }

            words[word..].Fill(padding);
        }
    }

    private static void TeaTransform(Span<uint> state, ReadOnlySpan<uint> words)
    {
        unchecked
        {
            uint sum = 0;
            var b0 = state[0];
            var b1 = state[1];
            for (var round = 0; round < 16; round++)
            {
                sum += 0x9E3779B9;
                b0 += ((b1 << 4) + words[0]) ^ (b1 + sum) ^ ((b1 >> 5) + words[1]);
                b1 += ((b0 << 4) + words[2]) ^ (b0 + sum) ^ ((b0 >> 5) + words[3]);
            }

            state[0] += b0;
            state[1] += b1;
        }
    }

    private static void HalfMd4Transform(Span<uint> state, ReadOnlySpan<uint> words)
    {
        ReadOnlySpan<byte> order = [0, 1, 2, 3, 4, 5, 6, 7, 1, 3, 5, 7, 0, 2, 4, 6, 3, 7, 2, 6, 1, 5, 0, 4];
        ReadOnlySpan<byte> shifts = [3, 7, 11, 19, 3, 5, 9, 13, 3, 9, 11, 15];
        ReadOnlySpan<uint> constants = [0, 0x5A827999, 0x6ED9EBA1];
        unchecked
        {
            var a = state[0];
            var b = state[1];
            var c = state[2];
            var d = state[3];
            for (var step = 0; step < 24; step++)
            {
                var round = step / 8;
                var mixed = round switch
                {
                    0 => d ^ (b & (c ^ d)),
                    1 => (b & c) + ((b ^ c) & d),
                    _ => b ^ c ^ d,
                };
                var value = BitOperations.RotateLeft(a + mixed + words[order[step]] + constants[round], shifts[(round * 4) + (step % 4)]);
                (a, b, c, d) = (d, value, b, c);
            }

            state[0] += a;
            state[1] += b;
            state[2] += c;
            state[3] += d;
        }
    }
}
