using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.FileSystems.Xfs;

/// <summary>The checksum of version 5: CRC-32C over a whole structure with the field itself taken as zero, stored little-endian.</summary>
internal static class XfsChecksum
{
    public static bool Matches(ReadOnlySpan<byte> structure, int field)
    {
        Span<byte> zeros = stackalloc byte[4];
        zeros.Clear();
        var state = Crc32C.Update(uint.MaxValue, structure[..field]);
        state = Crc32C.Update(state, zeros);
        return ~Crc32C.Update(state, structure[(field + 4)..]) == BinaryPrimitives.ReadUInt32LittleEndian(structure[field..]);
    }
}
