using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Fat;

/// <summary>Where things lie: to name what a damaged block belongs to.</summary>
public sealed partial class FatFileSystem : IContentPlaces
{
    /// <inheritdoc/>
    public IEnumerable<ContentPlace> PlacesOf(NodeId node)
    {
        if (node == Root)
        {
            foreach (var cluster in RootDirectory.Clusters)
            {
                yield return ToPlace(cluster, "directory");
            }

            yield break;
        }

        yield return new ContentPlace(new ByteRange(_places.LocationOf(node), FatEntry.Size), "directory entry");
        var entry = ReadEntry(node);
        if (entry.FirstCluster == 0)
        {
            yield break;
        }

        foreach (var cluster in entry.IsDirectory ? GetDirectory(node).Clusters : ChainOf(entry))
        {
            yield return ToPlace(cluster, entry.IsDirectory ? "directory" : "content");
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> OwnPlaces()
    {
        yield return new ContentPlace(new ByteRange(0, _boot.FatOffset(0)), "boot sector and reserved sectors");
        for (var copy = 0; copy < _boot.FatCount; copy++)
        {
            yield return new ContentPlace(new ByteRange(_boot.FatOffset(copy), _boot.FatBytes), $"file allocation table {(copy + 1).ToString(CultureInfo.InvariantCulture)}");
        }

        if (_boot.Bits != 32)
        {
            yield return new ContentPlace(new ByteRange(_boot.RootOffset, _boot.RootBytes), "root directory");
        }
    }

    private ContentPlace ToPlace(uint cluster, string what) => new(new ByteRange(_boot.ClusterOffset(cluster), _boot.ClusterSize), what);
}
