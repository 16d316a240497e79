using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.Blocks.Checksums;

/// <summary>CRC-32C (Castagnoli), RFC 3720 section 12.1: what XFS, Btrfs, ext4 and VHDX use. The processor's own instruction where it has one.</summary>
public static class Crc32C
{
    /// <summary>The usual form: starts from all ones, and is inverted in the end.</summary>
    public static uint Of(ReadOnlySpan<byte> data) => ~Update(uint.MaxValue, data);

    /// <summary>Goes on with a state, inverting nothing: for those who start otherwise or skip a field.</summary>
    public static uint Update(uint state, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var one in data)
        {
            state = BitOperations.Crc32C(state, one);
        }

        return state;
    }
}
