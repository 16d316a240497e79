using Rehost.Blocks;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>The end of a stream: a marker, the header once more with the place of the directory, and the end marker, a sector each.</summary>
internal static class VmdkStreamFooter
{
    private const int Sectors = 3;

    /// <summary>The map that the footer leads to.</summary>
    /// <exception cref="Model.DiagnosticException">There is no footer, it contradicts the header, or the directory cannot lie where it says.</exception>
    public static VmdkGrainMap MapOf(IBlockDevice file, string name, VmdkHeader header, int cacheBytes)
    {
        const int size = VmdkHeader.SectorSize;
        if (file.Length < (Sectors + 1) * size || file.Length % size != 0)
        {
            throw VmdkDiagnostics.CutOff.ToException($"a file of {file.Length} bytes does not end in a footer", name);
        }

        var bytes = new byte[Sectors * size];
        file.Read(new GuestOffset(file.Length - bytes.Length), bytes);
        var marker = VmdkMarker.Parse(bytes);
        var end = VmdkMarker.Parse(bytes.AsSpan(2 * size));
        if (marker is not { Size: 0, Kind: VmdkMarkerKind.Footer } || end is not { Size: 0, Kind: VmdkMarkerKind.EndOfStream, Value: 0 })
        {
            throw VmdkDiagnostics.CutOff.ToException("the file does not end in a footer and an end marker", name);
        }

        var footer = VmdkHeader.Parse(bytes.AsSpan(size, size), name);
        if (footer.Capacity != header.Capacity || footer.GrainSectors != header.GrainSectors || footer.TableEntries != header.TableEntries || footer.Flags != header.Flags || footer.Directory == VmdkHeader.DirectoryAtEnd)
        {
            throw VmdkDiagnostics.BadHeader.ToException($"the footer tells of {footer.Capacity} sectors in grains of {footer.GrainSectors}, the header of {header.Capacity} in grains of {header.GrainSectors}", name);
        }

        var map = new VmdkDirectoryMap(file, name, footer, footer.Directory, (footer.Flags & VmdkHeader.RedundantTables) != 0 ? footer.RedundantDirectory : 0, cacheBytes, report: null);
        map.DemandTables();
        return map;
    }
}
