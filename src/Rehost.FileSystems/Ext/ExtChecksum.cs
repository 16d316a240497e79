using System.Buffers.Binary;
using System.Numerics;

namespace Rehost.FileSystems.Ext;

/// <summary>The two checksums of ext4: CRC-32C for metadata_csum, CRC-16 for uninit_bg. Neither is inverted at the end, so that they chain.</summary>
internal static class ExtChecksum
{
    private static readonly ushort[] Crc16Table = MakeCrc16Table();

    internal static uint Crc32C(uint crc, ReadOnlySpan<byte> data)
    {
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }

    internal static uint Crc32C(uint crc, uint littleEndianWord) => BitOperations.Crc32C(crc, littleEndianWord);

    internal static ushort Crc16(ushort crc, ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            crc = (ushort)((crc >> 8) ^ Crc16Table[(crc ^ value) & 0xFF]);
        }

        return crc;
    }

    private static ushort[] MakeCrc16Table()
    {
        var table = new ushort[256];
        for (var i = 0; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xA001 : value >> 1;
            }

            table[i] = (ushort)value;
        }

        return table;
    }
}
