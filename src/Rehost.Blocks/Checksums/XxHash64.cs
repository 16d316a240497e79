using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Blocks.Checksums;

/// <summary>XXH64 with seed 0 (xxHash specification): chunks of XVA since Citrix Hypervisor 8.1, content of zstd (RFC 8878 section 3.1.1).</summary>
public sealed class XxHash64
{
    private const ulong P1 = 0x9E3779B185EBCA87;
    private const ulong P2 = 0xC2B2AE3D27D4EB4F;
    private const ulong P3 = 0x165667B19E3779F9;
    private const ulong P4 = 0x85EBCA77C2B2AE63;
    private const ulong P5 = 0x27D4EB2F165667C5;
    private readonly byte[] pending = new byte[32];
    private int pendingLength;
    private ulong total;
    private ulong v1;
    private ulong v2;
    private ulong v3;
    private ulong v4;

    /// <summary>Starts a checksum.</summary>
    public XxHash64() => Reset();

    /// <summary>The checksum of a whole message.</summary>
    public static ulong Of(ReadOnlySpan<byte> data)
    {
        var hash = new XxHash64();
        hash.Append(data);
        return hash.Value;
    }

    /// <summary>The checksum of everything appended.</summary>
    public ulong Value
    {
        get
        {
            unchecked
            {
                ulong hash;
                if (total >= 32)
                {
                    hash = BitOperations.RotateLeft(v1, 1) + BitOperations.RotateLeft(v2, 7) + BitOperations.RotateLeft(v3, 12) + BitOperations.RotateLeft(v4, 18);
                    hash = Merge(Merge(Merge(Merge(hash, v1), v2), v3), v4);
                }
                else
                {
                    hash = P5;
                }

                hash += total;
                var rest = pending.AsSpan(0, pendingLength);
                for (; rest.Length >= 8; rest = rest[8..])
                {
                    hash = (BitOperations.RotateLeft(hash ^ Round(0, BinaryPrimitives.ReadUInt64LittleEndian(rest)), 27) * P1) + P4;
                }

                if (rest.Length >= 4)
                {
                    hash = (BitOperations.RotateLeft(hash ^ (BinaryPrimitives.ReadUInt32LittleEndian(rest) * P1), 23) * P2) + P3;
                    rest = rest[4..];
                }

                foreach (var value in rest)
                {
                    hash = BitOperations.RotateLeft(hash ^ (value * P5), 11) * P1;
                }

                hash = (hash ^ (hash >> 33)) * P2;
                hash = (hash ^ (hash >> 29)) * P3;
                return hash ^ (hash >> 32);
            }
        }
    }

    /// <summary>Starts again.</summary>
    public void Reset()
    {
        unchecked
        {
            pendingLength = 0;
            total = 0;
            v1 = P1 + P2;
            v2 = P2;
            v3 = 0;
            v4 = 0UL - P1;
        }
    }

    /// <summary>Appends bytes.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        unchecked
        {
            total += (ulong)data.Length;
            if (pendingLength > 0)
            {
                var take = Math.Min(32 - pendingLength, data.Length);
                data[..take].CopyTo(pending.AsSpan(pendingLength));
                pendingLength += take;
                data = data[take..];
                if (pendingLength < 32)
                {
                    return;
                }

                Stripe(pending);
                pendingLength = 0;
            }

            for (; data.Length >= 32; data = data[32..])
            {
                Stripe(data);
            }

            data.CopyTo(pending);
            pendingLength = data.Length;
        }
    }

    private static ulong Round(ulong accumulator, ulong lane) => unchecked(BitOperations.RotateLeft(accumulator + (lane * P2), 31) * P1);

    private static ulong Merge(ulong hash, ulong lane) => unchecked(((hash ^ Round(0, lane)) * P1) + P4);

    private void Stripe(ReadOnlySpan<byte> stripe)
    {
        v1 = Round(v1, BinaryPrimitives.ReadUInt64LittleEndian(stripe));
        v2 = Round(v2, BinaryPrimitives.ReadUInt64LittleEndian(stripe[8..]));
        v3 = Round(v3, BinaryPrimitives.ReadUInt64LittleEndian(stripe[16..]));
        v4 = Round(v4, BinaryPrimitives.ReadUInt64LittleEndian(stripe[24..]));
    }
}
