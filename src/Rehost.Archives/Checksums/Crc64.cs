using System.Buffers.Binary;

namespace Rehost.Archives;

/// <summary>CRC-64 (ECMA-182, reflected) as xz uses it, section 6 of the .xz file format.</summary>
internal sealed class Crc64
{
    private static readonly ulong[] Tables = MakeTables();
    private ulong state = ulong.MaxValue;

    public ulong Value => ~state;

    public void Append(ReadOnlySpan<byte> data)
    {
        unchecked
        {
            var t = Tables;
            var crc = state;
            while (data.Length >= 8)
            {
                crc ^= BinaryPrimitives.ReadUInt64LittleEndian(data);
                crc = t[0x700 + (byte)crc] ^ t[0x600 + (byte)(crc >> 8)] ^ t[0x500 + (byte)(crc >> 16)] ^ t[0x400 + (byte)(crc >> 24)]
                    ^ t[0x300 + (byte)(crc >> 32)] ^ t[0x200 + (byte)(crc >> 40)] ^ t[0x100 + (byte)(crc >> 48)] ^ t[(byte)(crc >> 56)];
                data = data[8..];
            }

            foreach (var value in data)
            {
                crc = t[(byte)(crc ^ value)] ^ (crc >> 8);
            }

            state = crc;
        }
    }

    private static ulong[] MakeTables()
    {
        var tables = new ulong[8 * 256];
        for (ulong i = 0; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xC96C5795D7870F42UL : crc >> 1;
            }

            tables[i] = crc;
        }

        for (var i = 256; i < tables.Length; i++)
        {
            var previous = tables[i - 256];
            tables[i] = tables[previous & 0xFF] ^ (previous >> 8);
        }

        return tables;
    }
}
