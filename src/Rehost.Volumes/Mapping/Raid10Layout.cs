namespace Rehost.Volumes.Mapping;

/// <summary>MD's number for the form of a RAID 10: near copies in the low byte, far copies in the next, then whether far copies stand in the next row, and how far copies are grouped.</summary>
/// <param name="NearCopies">Copies in the same row.</param>
/// <param name="FarCopies">Copies in other rows.</param>
/// <param name="IsOffset">Far copies stand in the row behind instead of in another part of the disk.</param>
/// <param name="FarSets">0: far copies move over all legs; 1 and 2: inside groups of legs.</param>
internal readonly record struct Raid10Layout(int NearCopies, int FarCopies, bool IsOffset, int FarSets)
{
    /// <summary>Reads MD's number; null when no kernel would take it.</summary>
    public static Raid10Layout? Parse(uint layout, int legs)
    {
        var near = (int)(layout & 0xff);
        var far = (int)(layout >> 8 & 0xff);
        var sets = (int)(layout >> 17);
        return near < 1 || far < 1 || near * far > legs || sets > 2 || near * far < 2 ? null : new Raid10Layout(near, far, (layout & 0x10000) != 0, sets);
    }

    /// <summary>Bytes of the volume that legs of a length make.</summary>
    public long VolumeLength(int legs, long chunk, long legLength) => VolumeChunks(legs, chunk, legLength) * chunk;

    /// <summary>Bytes from one far copy to the next.</summary>
    public long Stride(int legs, long chunk, long legLength)
    {
        if (IsOffset)
        {
            return chunk;
        }

        // setup_geo and calc_sectors: what the chunks of all copies need of each leg, rounded up, and of that the share of one far copy.
        var perLeg = ((VolumeChunks(legs, chunk, legLength) * NearCopies * FarCopies) + legs - 1) / legs;
        return perLeg / FarCopies * chunk;
    }

    /// <summary>The leg that has the next far copy of what a leg has.</summary>
    public int NextFar(int leg, int legs)
    {
        var setSize = FarSets switch
        {
            0 => legs,
            1 => legs / FarCopies,
            _ => FarCopies * NearCopies,
        };
        var lastSet = ((legs / setSize) - 1) * setSize;
        var set = leg / setSize;
        var next = leg + NearCopies;
        if (legs % setSize != 0 && next > lastSet)
        {
            return lastSet + ((next - lastSet) % (setSize + (legs % setSize)));
        }

        return (next % setSize) + (setSize * set);
    }

    private long VolumeChunks(int legs, long chunk, long legLength) => checked(legLength / chunk / FarCopies * legs / NearCopies);
}
