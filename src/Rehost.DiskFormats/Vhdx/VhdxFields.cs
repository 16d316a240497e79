using System.Buffers.Binary;
using Rehost.Blocks.Checksums;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>What the structures of a VHDX have in common ([MS-VHDX] 2.2): a signature, and a CRC-32C at offset 4 that is taken with itself as zero.</summary>
internal static class VhdxFields
{
    public const int Megabyte = 1 << 20;
    private const int ChecksumAt = 4;

    /// <summary>The checksum of a structure.</summary>
    public static uint Sum(ReadOnlySpan<byte> bytes) => ~Crc32C.Update(SumOfStart(bytes), bytes[(ChecksumAt + 4)..]);

    /// <summary>The state of the checksum behind its own field, for structures that do not lie together.</summary>
    public static uint SumOfStart(ReadOnlySpan<byte> bytes) => Crc32C.Update(Crc32C.Update(uint.MaxValue, bytes[..ChecksumAt]), [0, 0, 0, 0]);

    /// <summary>Whether a structure has its signature and the right checksum.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> signature)
        => bytes.StartsWith(signature) && BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumAt..]) == Sum(bytes);

    /// <summary>Puts the checksum into a structure that is complete otherwise.</summary>
    public static byte[] WithSum(byte[] bytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(ChecksumAt), Sum(bytes));
        return bytes;
    }
}
