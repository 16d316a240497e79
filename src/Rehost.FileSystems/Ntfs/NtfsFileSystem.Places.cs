using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Ntfs;

/// <summary>Where things lie: to name what a damaged block belongs to.</summary>
public sealed partial class NtfsFileSystem : IContentPlaces
{
    private const int BootFile = 7;
    private static readonly string[] SystemNames = ["$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend"];

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> PlacesOf(NodeId node)
    {
        var number = FileReference.Number(node.Value);
        foreach (var place in RecordPlaces(number, "MFT record"))
        {
            yield return place;
        }

        foreach (var place in NodePlaces(_volume.Table.GetNode(number), null))
        {
            yield return place;
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> OwnPlaces()
    {
        for (var number = 0L; number < FileReference.FirstUserRecord; number++)
        {
            var name = number < SystemNames.Length ? SystemNames[number] : $"record {number.ToString(CultureInfo.InvariantCulture)}";
            if (number == FileReference.Root || TryGetSystemNode(number) is not { } node)
            {
                continue;
            }

            // Records have owners of their own; the rest of the table holds free ones.
            foreach (var place in NodePlaces(node, number == BootFile ? "boot sector" : name))
            {
                yield return place;
            }
        }

        foreach (var entry in _volume.OpenDirectory(_volume.Table.GetNode(FileReference.Extend)).Entries().ToList())
        {
            var name = $"$Extend/{FileName.Parse(entry.Key, "$Extend").Name}";
            foreach (var place in NodePlaces(_volume.Table.GetNode(entry.Reference), name))
            {
                yield return place;
            }
        }

        // The copy of the boot sector, behind the last cluster.
        yield return new ContentPlace(new ByteRange(_volume.Boot.ClusterCount * _volume.Boot.ClusterSize, _volume.Boot.ClusterSize), "copy of the boot sector");
    }

    private NtfsNode? TryGetSystemNode(long number)
    {
        try
        {
            return number < _volume.Table.Count ? _volume.Table.GetNode(number) : null;
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == FileSystemDiagnostics.NotFound.Id)
        {
            return null; // those from 12 on are kept for later
        }
    }

    private IEnumerable<ContentPlace> NodePlaces(NtfsNode node, string? system)
    {
        if (system is null)
        {
            foreach (var place in node.Extensions.SelectMany(number => RecordPlaces(number, "MFT record")))
            {
                yield return place;
            }
        }

        foreach (var attribute in node.List is { } list ? node.Attributes.Append(list) : node.Attributes)
        {
            if (attribute.IsResident)
            {
                continue;
            }

            var what = attribute.Type switch
            {
                AttributeType.Data when attribute.Name.Length == 0 => "content",
                AttributeType.Data => $"stream {attribute.Name}",
                AttributeType.IndexAllocation => "directory",
                AttributeType.AttributeList => "list of attributes",
                AttributeType.ReparsePoint => "reparse point",
                var type => $"attribute 0x{type.ToString("x", CultureInfo.InvariantCulture)}",
            };
            foreach (var run in attribute.Runs.Runs.Where(run => !run.IsHole))
            {
                yield return new ContentPlace(new ByteRange(run.Lcn * _volume.Boot.ClusterSize, run.Length * _volume.Boot.ClusterSize), system ?? what);
            }
        }
    }

    private IEnumerable<ContentPlace> RecordPlaces(long number, string what)
    {
        var (size, cluster) = ((long)_volume.Boot.RecordSize, (long)_volume.Boot.ClusterSize);
        for (long offset = number * size, end = offset + size; offset < end;)
        {
            if (_volume.Table.Data.Runs.Find(offset / cluster) is not { IsHole: false } run)
            {
                yield break;
            }

            var within = offset - (run.Vcn * cluster);
            var length = Math.Min(end - offset, (run.Length * cluster) - within);
            yield return new ContentPlace(new ByteRange((run.Lcn * cluster) + within, length), what);
            offset += length;
        }
    }
}
