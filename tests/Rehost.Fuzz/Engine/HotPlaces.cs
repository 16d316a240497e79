namespace Rehost.Fuzz.Engine;

/// <summary>Where in a sample the parser looks: 512-byte sectors that it read when the sample was whole. Mutations go there first.</summary>
internal sealed class HotPlaces
{
    private const int Sector = 512;
    private const int LargestStructure = 64 << 10;
    private const int EarlySectors = 48;
    private readonly HashSet<int> _seen = [];
    private readonly List<int> _sectors = [];

    /// <summary>Notes a read; long ones are content of files.</summary>
    public void Note(int offset, int length)
    {
        if (length is > 0 and <= LargestStructure)
        {
            for (var sector = offset / Sector; sector <= (offset + length - 1) / Sector; sector++)
            {
                if (_seen.Add(sector))
                {
                    _sectors.Add(sector);
                }
            }
        }
    }

    /// <summary>Drops sectors of zeros: there is nothing to damage, and an unused page of a cache is most of them.</summary>
    public void Settle(ReadOnlySpan<byte> sample)
    {
        var kept = new List<int>();
        foreach (var sector in _sectors)
        {
            var at = sector * Sector;
            if (at < sample.Length && sample[at..Math.Min(at + Sector, sample.Length)].ContainsAnyExcept((byte)0))
            {
                kept.Add(sector);
            }
        }

        _sectors.Clear();
        _sectors.AddRange(kept);
    }

    /// <summary>A place to change, aligned to a size.</summary>
    public int Choose(Random random, ReadOnlySpan<byte> content, int size)
    {
        int at;
        if (_sectors.Count == 0 || random.Next(24) == 0)
        {
            at = random.Next(3) == 0 ? random.Next(Math.Min(content.Length, 512)) : random.Next(content.Length);
        }
        else
        {
            // What is read first are superblocks and headers.
            var sector = _sectors[random.Next(3) == 0 ? random.Next(Math.Min(EarlySectors, _sectors.Count)) : random.Next(_sectors.Count)];
            at = Math.Min((sector * Sector) + random.Next(Sector), content.Length - 1);
        }

        // Fields that say something are rarely zero: look for one nearby.
        if (random.Next(4) != 0 && content[at] == 0)
        {
            var ahead = content.Slice(at, Math.Min(64, content.Length - at)).IndexOfAnyExcept((byte)0);
            at += Math.Max(ahead, 0);
        }

        return Math.Max(0, Math.Min(at / size * size, content.Length - size));
    }
}
