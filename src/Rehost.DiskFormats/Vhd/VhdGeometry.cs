namespace Rehost.DiskFormats.Vhd;

/// <summary>Cylinders, heads and sectors of a disk (VHD specification, appendix "CHS Calculation"): the largest geometry of usual shape that fits into the size.</summary>
internal static class VhdGeometry
{
    private const long MaxSectors = 65535L * 16 * 255;

    /// <summary>The geometry as the footer has it: 16, 8 and 8 bits.</summary>
    public static uint Of(long length)
    {
        var total = Math.Min(length / 512, MaxSectors);
        long sectors, heads, tracks;
        if (total >= 65535L * 16 * 63)
        {
            (sectors, heads, tracks) = (255, 16, total / 255);
        }
        else
        {
            sectors = 17;
            tracks = total / sectors;
            heads = Math.Max(4, (tracks + 1023) / 1024);
            if (tracks >= heads * 1024 || heads > 16)
            {
                (sectors, heads, tracks) = (31, 16, total / 31);
            }

            if (tracks >= heads * 1024)
            {
                (sectors, heads, tracks) = (63, 16, total / 63);
            }
        }

        return ((uint)(tracks / heads) << 16) | ((uint)heads << 8) | (uint)sectors;
    }
}
