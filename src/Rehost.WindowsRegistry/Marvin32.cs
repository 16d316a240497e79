using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.WindowsRegistry;

/// <summary>The hash of log entries.</summary>
internal static class Marvin32
{
    private const ulong LogSeed = 0x82EF4D887A4E55C5;

    internal static ulong Compute(ReadOnlySpan<byte> data)
    {
        var (low, high) = (unchecked((uint)LogSeed), (uint)(LogSeed >> 32));
        unchecked
        {
            for (; data.Length >= 4; data = data[4..])
            {
                low += BinaryPrimitives.ReadUInt32LittleEndian(data);
                Mix(ref low, ref high);
            }

            // The rest, closed by a byte 0x80.
            var last = 0x80u;
            for (var i = data.Length - 1; i >= 0; i--)
            {
                last = (last << 8) | data[i];
            }

            low += last;
            Mix(ref low, ref high);
            Mix(ref low, ref high);
            return ((ulong)high << 32) | low;
        }
    }

    private static void Mix(ref uint low, ref uint high)
    {
        unchecked
        {
            high ^= low;
            low = BitOperations.RotateLeft(low, 20) + high;
            high = BitOperations.RotateLeft(high, 9) ^ low;
            low = BitOperations.RotateLeft(low, 27) + high;
            high = BitOperations.RotateLeft(high, 19);
        }
    }
}
