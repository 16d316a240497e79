namespace Rehost.Volumes.Lvm2;

/// <summary>LVM's checksum: the CRC-32 of IEEE 802.3 with another initial value and without the final inversion (lib/misc/crc.c).</summary>
internal static class LvmChecksum
{
    /// <summary>INITIAL_CRC.</summary>
    public const uint Initial = 0xf597a6cf;

    private static readonly uint[] Table = MakeTable();

    /// <summary>The checksum of a stretch, going on from another.</summary>
    public static uint Of(ReadOnlySpan<byte> data, uint initial = Initial)
    {
        var crc = initial;
        foreach (var value in data)
        {
            crc = Table[(crc ^ value) & 0xff] ^ (crc >> 8);
        }

        return crc;
    }

    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            var crc = i;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
            }

            table[i] = crc;
        }

        return table;
    }
}
