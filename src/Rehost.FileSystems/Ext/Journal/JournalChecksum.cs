namespace Rehost.FileSystems.Ext.Journal;

/// <summary>The two checksums of jbd2: CRC-32C (reflected, versions 2 and 3) and the big-endian CRC-32 of version 1; neither inverts its result.</summary>
internal static class JournalChecksum
{
    /// <summary>Where a CRC starts.</summary>
    public const uint Start = uint.MaxValue;

    private const uint BigEndianPolynomial = 0x04C11DB7;

    private static readonly uint[] BigEndianTable = MakeBigEndianTable();

    /// <summary>The CRC-32C of a block whose own checksum field counts as zero.</summary>
    public static uint Crc32CWithout(uint crc, ReadOnlySpan<byte> block, int checksumOffset)
    {
        crc = ExtChecksum.Crc32C(crc, block[..checksumOffset]);
        crc = ExtChecksum.Crc32C(crc, 0u);
        return ExtChecksum.Crc32C(crc, block[(checksumOffset + sizeof(uint))..]);
    }

    /// <summary>Goes on with a big-endian CRC-32.</summary>
    public static uint Crc32BigEndian(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var b in data)
        {
            crc = (crc << 8) ^ BigEndianTable[(crc >> 24) ^ b];
        }

        return crc;
    }

    private static uint[] MakeBigEndianTable()
    {
        var table = new uint[256];
        for (var i = 0; i < table.Length; i++)
        {
            var crc = (uint)i << 24;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc << 1) ^ ((crc & 0x80000000) != 0 ? BigEndianPolynomial : 0);
            }

            table[i] = crc;
        }

        return table;
    }
}
