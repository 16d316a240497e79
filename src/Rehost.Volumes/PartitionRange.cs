using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Volumes;

/// <summary>Fits what a table claims to the disk there is, the way block/partitions/core.c does.</summary>
internal static class PartitionRange
{
    /// <summary>The usable bytes of a claim; null when the partition begins beyond the disk.</summary>
    public static (GuestOffset Start, long Length)? Fit(
        IBlockDevice disk, int number, ulong firstSector, ulong sectors, int sectorSize, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        var diskSectors = (ulong)(disk.Length / sectorSize);
        var where = $"partition {number}";
        if (firstSector >= diskSectors)
        {
            diagnostics.Add(PartitionDiagnostics.StartsBeyondDisk.Create($"it begins at sector {firstSector}; the disk has {diskSectors}", where));
            return null;
        }

        var available = diskSectors - firstSector;
        if (sectors > available)
        {
            diagnostics.Add(PartitionDiagnostics.EndsBeyondDisk.Create(
                $"{sectors} sectors from {firstSector} on leave a disk of {diskSectors}; the partition is cut to {available} sectors", where));
            sectors = available;
        }

        return (new GuestOffset((long)firstSector * sectorSize), (long)sectors * sectorSize);
    }

    /// <summary>Warns of partitions that share sectors; an extended partition holds its logical ones, so it does not count.</summary>
    public static void WarnOfOverlaps(IEnumerable<Partition> partitions, ImmutableArray<Diagnostic>.Builder diagnostics)
    {
        Partition? furthest = null;
        foreach (var partition in partitions.Where(one => !one.IsExtended).OrderBy(one => one.Start).ThenBy(one => one.Number))
        {
            if (furthest is not null && partition.Start < furthest.End)
            {
                diagnostics.Add(PartitionDiagnostics.Overlap.Create(
                    $"it begins at byte {partition.Start.Value}, before partition {furthest.Number} ends at {furthest.End.Value}", $"partition {partition.Number}"));
            }

            if (furthest is null || partition.End > furthest.End)
            {
                furthest = partition;
            }
        }
    }
}
