using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>The grains of a stream as its markers tell, for one whose footer or directory is lost.</summary>
internal sealed class VmdkScannedMap : VmdkGrainMap
{
    private const int GrainsMax = 16 << 20; // 256 MiB of memory, a terabyte of grains
    private const int TableEntries = 512;
    private readonly (long Grain, long Offset)[] _grains;

    private VmdkScannedMap(int grainBytes, (long Grain, long Offset)[] grains)
    {
        GrainBytes = grainBytes;
        _grains = grains;
    }

    public override int GrainBytes { get; }

    public override long GrainsPerTable => TableEntries;

    /// <summary>Goes from marker to marker.</summary>
    /// <exception cref="Model.DiagnosticException">The stream ends within its grains (VMD011), or a marker cannot be right (VMD007).</exception>
    public static VmdkScannedMap Scan(IBlockDevice file, string name, VmdkHeader header)
    {
        var grains = new List<(long Grain, long Offset)>();
        var position = FindStart(file, header);
        var isComplete = false;
        var sector = new byte[VmdkHeader.SectorSize];
        while (position >= 0 && position <= file.Length - sector.Length)
        {
            file.Read(new GuestOffset(position), sector);
            var marker = VmdkMarker.Parse(sector);
            if (marker.Size != 0)
            {
                Add(grains, file, name, header, marker, position);
                position += RoundUp(VmdkMarker.GrainHeaderSize + (long)marker.Size);
                continue;
            }

            if (marker.Kind > VmdkMarkerKind.Footer || marker.Value > (ulong)(file.Length / VmdkHeader.SectorSize))
            {
                throw VmdkDiagnostics.CutOff.ToException($"at byte {position} there is no marker; {grains.Count} grains were found before", name);
            }

            // What stands behind the grains proves that there were no more of them. An end marker does not: it is zeros, as a copy that was broken off may be.
            isComplete |= marker.Kind is VmdkMarkerKind.GrainDirectory or VmdkMarkerKind.Footer;
            if (marker.Kind is VmdkMarkerKind.EndOfStream or VmdkMarkerKind.Footer)
            {
                break;
            }

            position += VmdkHeader.SectorSize * (1 + (long)marker.Value);
        }

        if (!isComplete)
        {
            throw VmdkDiagnostics.CutOff.ToException($"the file ends after {file.Length} bytes and {grains.Count} grains, without a directory or footer", name);
        }

        var sorted = grains.ToArray();
        Array.Sort(sorted); // by grain, then by offset: a grain written again comes last
        return new VmdkScannedMap(header.GrainBytes, sorted);
    }

    public override VmdkGrain Locate(long grain)
    {
        var at = FirstAfter(grain) - 1;
        return at >= 0 && _grains[at].Grain == grain ? new VmdkGrain(VmdkGrainKind.Compressed, _grains[at].Offset) : default;
    }

    public override bool IsTableMissing(long table)
    {
        var at = FirstAfter((table * TableEntries) - 1);
        return at == _grains.Length || _grains[at].Grain >= (table + 1) * TableEntries;
    }

    private static long RoundUp(long bytes) => (bytes + VmdkHeader.SectorSize - 1) / VmdkHeader.SectorSize * VmdkHeader.SectorSize;

    private static void Add(List<(long Grain, long Offset)> grains, IBlockDevice file, string name, VmdkHeader header, VmdkMarker marker, long position)
    {
        if (marker.Value >= header.Capacity || marker.Value % header.GrainSectors != 0 || marker.Size > 2 * (long)header.GrainBytes)
        {
            throw VmdkDiagnostics.BadGrain.ToException($"the marker at byte {position} tells of {marker.Size} bytes for sector {marker.Value}", name);
        }

        if (position > file.Length - VmdkMarker.GrainHeaderSize - marker.Size || grains.Count == GrainsMax)
        {
            throw VmdkDiagnostics.CutOff.ToException($"the grain of sector {marker.Value} at byte {position} is cut off, or one of more than {GrainsMax}", name);
        }

        grains.Add(((long)(marker.Value / header.GrainSectors), position));
    }

    /// <summary>The first sector behind header and descriptor that is not zero; padding to the first grain looks like end markers. -1 when there is none.</summary>
    private static long FindStart(IBlockDevice file, VmdkHeader header)
    {
        var start = header.DescriptorOffset + header.DescriptorSectors is var end and > 0 && end < (ulong)(file.Length / VmdkHeader.SectorSize) ? (long)end : 1;
        var limit = Math.Min(file.Length / VmdkHeader.SectorSize, Math.Max(start, (long)Math.Min(header.Overhead, 1 << 20)) + 1);
        Span<byte> sector = stackalloc byte[VmdkHeader.SectorSize];
        for (var at = start; at < limit; at++)
        {
            file.Read(new GuestOffset(at * VmdkHeader.SectorSize), sector);
            if (sector.ContainsAnyExcept((byte)0))
            {
                return at * VmdkHeader.SectorSize;
            }
        }

        return -1;
    }

    private int FirstAfter(long grain)
    {
        var low = 0;
        var high = _grains.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _grains[middle].Grain <= grain ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
