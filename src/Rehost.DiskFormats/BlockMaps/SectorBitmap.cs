namespace Rehost.DiskFormats.BlockMaps;

/// <summary>Which sectors of a block are present, from the highest bit of the first byte on.</summary>
/// <param name="Block">The block.</param>
/// <param name="Bits">The bits.</param>
internal sealed record SectorBitmap(long Block, byte[] Bits)
{
    public bool this[int sector] => (Bits[sector / 8] & (0x80 >> (sector % 8))) != 0;

    /// <summary>The first sector from <paramref name="sector"/> on that differs from it; <paramref name="limit"/> for none before that.</summary>
    public int EndOfRun(int sector, int limit)
    {
        var value = this[sector];
        for (sector++; sector < limit; sector++)
        {
            if (sector % 8 == 0)
            {
                var same = Bits.AsSpan(sector / 8).IndexOfAnyExcept(value ? (byte)0xff : (byte)0);
                if (same < 0)
                {
                    return limit;
                }

                sector += same * 8;
                if (sector >= limit)
                {
                    return limit;
                }
            }

            if (this[sector] != value)
            {
                return sector;
            }
        }

        return limit;
    }
}
