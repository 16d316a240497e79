using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Volumes.Luks.Cryptography;

/// <summary>Argon2i and Argon2id version 1.3 (RFC 9106), which LUKS2 derives keys with by default and the framework does not have. Lanes are filled on several threads.</summary>
internal sealed class Argon2
{
    private const int BlockWords = 128;
    private const int BlockLength = 1024;
    private const int Slices = 4;
    private const int SeedLength = 64;
    private readonly bool _isHybrid;
    private readonly int _passes;
    private readonly int _lanes;
    private readonly int _laneLength;
    private readonly int _segmentLength;
    private readonly ulong[] _memory;

    private Argon2(bool isHybrid, int passes, int kibibytes, int lanes)
    {
        _isHybrid = isHybrid;
        _passes = passes;
        _lanes = lanes;
        _segmentLength = kibibytes / (Slices * lanes);
        _laneLength = _segmentLength * Slices;
        _memory = new ulong[(long)_laneLength * lanes * BlockWords];
    }

    /// <summary>Derives a key.</summary>
    /// <param name="password">The passphrase.</param>
    /// <param name="salt">The salt.</param>
    /// <param name="isHybrid">Whether this is Argon2id; otherwise Argon2i.</param>
    /// <param name="passes">Passes over the memory.</param>
    /// <param name="kibibytes">Memory, at least 8 for each lane.</param>
    /// <param name="lanes">Lanes.</param>
    /// <param name="key">Takes the key.</param>
    public static void Derive(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, bool isHybrid, int passes, int kibibytes, int lanes, Span<byte> key)
    {
        Span<byte> seed = stackalloc byte[SeedLength];
        MakeSeed(password, salt, isHybrid, passes, kibibytes, lanes, key.Length, seed);
        var argon2 = new Argon2(isHybrid, passes, kibibytes, lanes);
        argon2.FillFirst(seed);
        for (var pass = 0; pass < passes; pass++)
        {
            for (var slice = 0; slice < Slices; slice++)
            {
                var (thisPass, thisSlice) = (pass, slice);
                Parallel.For(0, lanes, lane => argon2.FillSegment(thisPass, thisSlice, lane));
            }
        }

        argon2.Finish(key);
        Array.Clear(argon2._memory);
        seed.Clear();
    }

    private static void MakeSeed(ReadOnlySpan<byte> password, ReadOnlySpan<byte> salt, bool isHybrid, int passes, int kibibytes, int lanes, int length, Span<byte> seed)
    {
        const int version = 0x13;
        var message = new byte[40 + password.Length + salt.Length];
        var position = 0;
        foreach (var number in (ReadOnlySpan<int>)[lanes, length, kibibytes, passes, version, isHybrid ? 2 : 1, password.Length])
        {
            BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(position), number);
            position += 4;
        }

        password.CopyTo(message.AsSpan(position));
        position += password.Length;
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(position), salt.Length);
        salt.CopyTo(message.AsSpan(position + 4));

        // Eight zero bytes follow: no secret, no associated data.
        Blake2b.Hash(message, seed);
        Array.Clear(message);
    }

    private void FillFirst(ReadOnlySpan<byte> seed)
    {
        Span<byte> input = stackalloc byte[SeedLength + 8];
        var bytes = new byte[BlockLength];
        seed.CopyTo(input);
        for (var lane = 0; lane < _lanes; lane++)
        {
            for (var column = 0; column < 2; column++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(input[SeedLength..], column);
                BinaryPrimitives.WriteInt32LittleEndian(input[(SeedLength + 4)..], lane);
                HashLong(input, bytes);
                var block = Block(lane, column);
                for (var i = 0; i < BlockWords; i++)
                {
                    block[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * 8));
                }
            }
        }

        Array.Clear(bytes);
        input.Clear();
    }

    private void FillSegment(int pass, int slice, int lane)
    {
        var isIndependent = !_isHybrid || (pass == 0 && slice < Slices / 2);
        Span<ulong> input = stackalloc ulong[BlockWords];
        Span<ulong> addresses = stackalloc ulong[BlockWords];
        Span<ulong> zero = stackalloc ulong[BlockWords];
        Span<ulong> made = stackalloc ulong[BlockWords];
        input[0] = (ulong)pass;
        input[1] = (ulong)lane;
        input[2] = (ulong)slice;
        input[3] = (ulong)_laneLength * (ulong)_lanes;
        input[4] = (ulong)_passes;
        input[5] = _isHybrid ? 2UL : 1UL;
        var first = pass == 0 && slice == 0 ? 2 : 0;
        for (var index = first; index < _segmentLength; index++)
        {
            if (isIndependent && (index == first || index % BlockWords == 0))
            {
                input[6]++;
                Mix(zero, input, made);
                Mix(zero, made, addresses);
            }

            var column = (slice * _segmentLength) + index;
            var previous = Block(lane, column == 0 ? _laneLength - 1 : column - 1);
            var random = isIndependent ? addresses[index % BlockWords] : previous[0];
            var other = pass == 0 && slice == 0 ? lane : (int)((random >> 32) % (uint)_lanes);
            Mix(previous, Block(other, Reference(pass, slice, index, random, other == lane)), made);
            var block = Block(lane, column);
            for (var i = 0; i < BlockWords; i++)
            {
                block[i] = pass == 0 ? made[i] : block[i] ^ made[i];
            }
        }
    }

    /// <summary>The block that the next one also depends on (RFC 9106, 3.4.2).</summary>
    private int Reference(int pass, int slice, int index, ulong random, bool isSameLane)
    {
        var finished = pass == 0 ? slice * _segmentLength : _laneLength - _segmentLength;
        var area = isSameLane ? finished + index - 1 : finished - (index == 0 ? 1 : 0);
        var x = (random & uint.MaxValue) * (random & uint.MaxValue) >> 32;
        var back = (long)((ulong)area * x >> 32);
        var start = pass == 0 || slice == Slices - 1 ? 0 : (slice + 1) * _segmentLength;
        return (int)((start + area - 1 - back) % _laneLength);
    }

    private void Finish(Span<byte> key)
    {
        Span<ulong> last = stackalloc ulong[BlockWords];
        for (var lane = 0; lane < _lanes; lane++)
        {
            var block = Block(lane, _laneLength - 1);
            for (var i = 0; i < BlockWords; i++)
            {
                last[i] ^= block[i];
            }
        }

        var bytes = new byte[BlockLength];
        for (var i = 0; i < BlockWords; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), last[i]);
        }

        HashLong(bytes, key);
        Array.Clear(bytes);
        last.Clear();
    }

    private Span<ulong> Block(int lane, int column) => _memory.AsSpan((int)(((long)lane * _laneLength) + column) * BlockWords, BlockWords);

    /// <summary>The compression function G: rows, then columns, of a square of 8 by 8 pairs of words.</summary>
    private static void Mix(ReadOnlySpan<ulong> left, ReadOnlySpan<ulong> right, Span<ulong> result)
    {
        Span<ulong> q = stackalloc ulong[BlockWords];
        for (var i = 0; i < BlockWords; i++)
        {
            result[i] = q[i] = left[i] ^ right[i];
        }

        for (var row = 0; row < 8; row++)
        {
            Permute(q, row * 16, 2);
        }

        for (var column = 0; column < 8; column++)
        {
            Permute(q, column * 2, 16);
        }

        for (var i = 0; i < BlockWords; i++)
        {
            result[i] ^= q[i];
        }
    }

    /// <summary>BLAKE2's round over sixteen words that lie in eight pairs, a step apart.</summary>
    private static void Permute(Span<ulong> words, int start, int step)
    {
        Span<ulong> v = stackalloc ulong[16];
        for (var pair = 0; pair < 8; pair++)
        {
            v[2 * pair] = words[start + (pair * step)];
            v[(2 * pair) + 1] = words[start + (pair * step) + 1];
        }

        for (var i = 0; i < 4; i++)
        {
            Turn(ref v[i], ref v[4 + i], ref v[8 + i], ref v[12 + i]);
        }

        Turn(ref v[0], ref v[5], ref v[10], ref v[15]);
        Turn(ref v[1], ref v[6], ref v[11], ref v[12]);
        Turn(ref v[2], ref v[7], ref v[8], ref v[13]);
        Turn(ref v[3], ref v[4], ref v[9], ref v[14]);
        for (var pair = 0; pair < 8; pair++)
        {
            words[start + (pair * step)] = v[2 * pair];
            words[start + (pair * step) + 1] = v[(2 * pair) + 1];
        }
    }

    private static void Turn(ref ulong a, ref ulong b, ref ulong c, ref ulong d)
    {
        a = Sum(a, b);
        d = BitOperations.RotateRight(d ^ a, 32);
        c = Sum(c, d);
        b = BitOperations.RotateRight(b ^ c, 24);
        a = Sum(a, b);
        d = BitOperations.RotateRight(d ^ a, 16);
        c = Sum(c, d);
        b = BitOperations.RotateRight(b ^ c, 63);
    }

    private static ulong Sum(ulong x, ulong y) => unchecked(x + y + (2 * (x & uint.MaxValue) * (y & uint.MaxValue)));

    /// <summary>The hash of any length, H' (RFC 9106, 3.3).</summary>
    private static void HashLong(ReadOnlySpan<byte> input, Span<byte> output)
    {
        var message = new byte[4 + input.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, output.Length);
        input.CopyTo(message.AsSpan(4));
        if (output.Length <= Blake2b.MaximumLength)
        {
            Blake2b.Hash(message, output);
            return;
        }

        Span<byte> current = stackalloc byte[Blake2b.MaximumLength];
        Span<byte> next = stackalloc byte[Blake2b.MaximumLength];
        Blake2b.Hash(message, current);
        while (output.Length > Blake2b.MaximumLength)
        {
            current[..32].CopyTo(output);
            output = output[32..];
            if (output.Length <= Blake2b.MaximumLength)
            {
                break;
            }

            Blake2b.Hash(current, next);
            next.CopyTo(current);
        }

        Blake2b.Hash(current, output);
        Array.Clear(message);
    }
}
