using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Archives;

/// <summary>XXH32 with seed 0, the checksum of LZ4 frames.</summary>
internal sealed class XxHash32
{
    private const uint P1 = 0x9E3779B1;
    private const uint P2 = 0x85EBCA77;
    private const uint P3 = 0xC2B2AE3D;
    private const uint P4 = 0x27D4EB2F;
    private const uint P5 = 0x165667B1;
    private readonly byte[] pending = new byte[16];
    private int pendingLength;
    private ulong total;
    private uint v1 = unchecked(P1 + P2);
    private uint v2 = P2;
    private uint v3;
    private uint v4 = unchecked(0u - P1);

    public uint Value
    {
        get
        {
            unchecked
            {
                var hash = total >= 16
                    ? BitOperations.RotateLeft(v1, 1) + BitOperations.RotateLeft(v2, 7) + BitOperations.RotateLeft(v3, 12) + BitOperations.RotateLeft(v4, 18)
                    : P5;
                hash += (uint)total;
                var rest = pending.AsSpan(0, pendingLength);
                for (; rest.Length >= 4; rest = rest[4..])
                {
                    hash = BitOperations.RotateLeft(hash + (BinaryPrimitives.ReadUInt32LittleEndian(rest) * P3), 17) * P4;
                }

                foreach (var value in rest)
                {
                    hash = BitOperations.RotateLeft(hash + (value * P5), 11) * P1;
                }

                hash = (hash ^ (hash >> 15)) * P2;
                hash = (hash ^ (hash >> 13)) * P3;
                return hash ^ (hash >> 16);
            }
        }
    }

    public static uint Of(ReadOnlySpan<byte> data)
    {
        var hash = new XxHash32();
        hash.Append(data);
        return hash.Value;
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        total += (ulong)data.Length;
        if (pendingLength > 0)
        {
            var take = Math.Min(16 - pendingLength, data.Length);
            data[..take].CopyTo(pending.AsSpan(pendingLength));
            pendingLength += take;
            data = data[take..];
            if (pendingLength < 16)
            {
                return;
            }

            Stripe(pending);
            pendingLength = 0;
        }

        for (; data.Length >= 16; data = data[16..])
        {
            Stripe(data);
        }

        data.CopyTo(pending);
        pendingLength = data.Length;
    }

    private static uint Round(uint accumulator, uint lane) => unchecked(BitOperations.RotateLeft(accumulator + (lane * P2), 13) * P1);

    private void Stripe(ReadOnlySpan<byte> stripe)
    {
        v1 = Round(v1, BinaryPrimitives.ReadUInt32LittleEndian(stripe));
        v2 = Round(v2, BinaryPrimitives.ReadUInt32LittleEndian(stripe[4..]));
        v3 = Round(v3, BinaryPrimitives.ReadUInt32LittleEndian(stripe[8..]));
        v4 = Round(v4, BinaryPrimitives.ReadUInt32LittleEndian(stripe[12..]));
    }
}
