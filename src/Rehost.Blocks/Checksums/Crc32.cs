using System.Buffers.Binary;

namespace Rehost.Blocks.Checksums;

/// <summary>CRC-32 (IEEE 802.3, reflected 0xEDB88320), eight bytes at a time ("slicing by 8"): gzip, xz, lzop, GPT.</summary>
public sealed class Crc32
{
    private static readonly uint[] Tables = MakeTables();
    private uint state = uint.MaxValue;

    /// <summary>The checksum of everything appended.</summary>
    public uint Value => ~state;

    /// <summary>The checksum of a whole message.</summary>
    public static uint Of(ReadOnlySpan<byte> data)
    {
        var crc = new Crc32();
        crc.Append(data);
        return crc.Value;
    }

    /// <summary>Starts again.</summary>
    public void Reset() => state = uint.MaxValue;

    /// <summary>Appends a byte.</summary>
    public void Append(byte value) => state = Tables[(byte)((state ^ value) & 0xFF)] ^ (state >> 8);

    /// <summary>Appends bytes.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        unchecked
        {
            var t = Tables;
            var crc = state;
            while (data.Length >= 8)
            {
                var low = BinaryPrimitives.ReadUInt32LittleEndian(data) ^ crc;
                var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
                crc = t[0x700 + (byte)low] ^ t[0x600 + (byte)(low >> 8)] ^ t[0x500 + (byte)(low >> 16)] ^ t[0x400 + (low >> 24)]
                    ^ t[0x300 + (byte)high] ^ t[0x200 + (byte)(high >> 8)] ^ t[0x100 + (byte)(high >> 16)] ^ t[high >> 24];
                data = data[8..];
            }

            foreach (var value in data)
            {
                crc = t[(byte)(crc ^ value)] ^ (crc >> 8);
            }

            state = crc;
        }
    }

    private static uint[] MakeTables()
    {
        var tables = new uint[8 * 256];
        for (uint i = 0; i < 256; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
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
