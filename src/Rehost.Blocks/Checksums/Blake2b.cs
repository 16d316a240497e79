using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Blocks.Checksums;

/// <summary>BLAKE2b without key (RFC 7693), any digest length up to 64 bytes. Btrfs uses 32.</summary>
public static class Blake2b
{
    private const int BlockSize = 128;

    private static readonly ulong[] Initial =
    [
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    ];

    /// <summary>Order of the message's words in each round; rounds 10 and 11 repeat 0 and 1.</summary>
    private static readonly byte[][] Order =
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ];

    /// <summary>Hashes data.</summary>
    /// <param name="data">The data.</param>
    /// <param name="digest">Takes the digest; its length, 1 to 64 bytes, is part of what is hashed.</param>
    public static void Hash(ReadOnlySpan<byte> data, Span<byte> digest)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(digest.Length, 64);
        Span<ulong> state = stackalloc ulong[8];
        Initial.CopyTo(state);
        state[0] ^= 0x01010000UL ^ (uint)digest.Length;
        Span<byte> last = stackalloc byte[BlockSize];
        ulong count = 0;
        while (data.Length > BlockSize)
        {
            count += BlockSize;
            Compress(state, data[..BlockSize], count, isLast: false);
            data = data[BlockSize..];
        }

        last.Clear();
        data.CopyTo(last);
        Compress(state, last, count + (ulong)data.Length, isLast: true);
        Span<byte> full = stackalloc byte[64];
        for (var i = 0; i < 8; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(full[(i * 8)..], state[i]);
        }

        full[..digest.Length].CopyTo(digest);
    }

    private static void Compress(Span<ulong> state, ReadOnlySpan<byte> block, ulong count, bool isLast)
    {
        Span<ulong> message = stackalloc ulong[16];
        for (var i = 0; i < 16; i++)
        {
            message[i] = BinaryPrimitives.ReadUInt64LittleEndian(block[(i * 8)..]);
        }

        Span<ulong> work = stackalloc ulong[16];
        state.CopyTo(work);
        Initial.CopyTo(work[8..]);
        work[12] ^= count;
        if (isLast)
        {
            work[14] = ~work[14];
        }

        for (var round = 0; round < 12; round++)
        {
            var order = Order[round % 10];
            Mix(work, 0, 4, 8, 12, message[order[0]], message[order[1]]);
            Mix(work, 1, 5, 9, 13, message[order[2]], message[order[3]]);
            Mix(work, 2, 6, 10, 14, message[order[4]], message[order[5]]);
            Mix(work, 3, 7, 11, 15, message[order[6]], message[order[7]]);
            Mix(work, 0, 5, 10, 15, message[order[8]], message[order[9]]);
            Mix(work, 1, 6, 11, 12, message[order[10]], message[order[11]]);
            Mix(work, 2, 7, 8, 13, message[order[12]], message[order[13]]);
            Mix(work, 3, 4, 9, 14, message[order[14]], message[order[15]]);
        }

        for (var i = 0; i < 8; i++)
        {
            state[i] ^= work[i] ^ work[i + 8];
        }
    }

    private static void Mix(Span<ulong> work, int a, int b, int c, int d, ulong x, ulong y)
    {
        unchecked
        {
            work[a] = work[a] + work[b] + x;
            work[d] = BitOperations.RotateRight(work[d] ^ work[a], 32);
            work[c] += work[d];
            work[b] = BitOperations.RotateRight(work[b] ^ work[c], 24);
            work[a] = work[a] + work[b] + y;
            work[d] = BitOperations.RotateRight(work[d] ^ work[a], 16);
            work[c] += work[d];
            work[b] = BitOperations.RotateRight(work[b] ^ work[c], 63);
        }
    }
}
