using System.Globalization;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Where things lie on the device that the file system was opened by: to name what a damaged block belongs to.</summary>
public sealed partial class BtrfsFileSystem : IContentPlaces
{
    private const int SuperblockSize = 4096;

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> PlacesOf(NodeId node)
    {
        var (tree, inode) = Locate(node);
        if (tree is null)
        {
            yield break;
        }

        foreach (var extent in tree.Of(inode, BtrfsKey.ExtentData).Select(BtrfsExtent.Parse).Where(extent => !extent.IsZero && extent.Inline is null))
        {
            // Of what is compressed each stored byte may count for each byte of the content.
            var (start, length) = extent.Compression == 0 ? (extent.DiskStart + (ulong)extent.Offset, extent.Length) : (extent.DiskStart, extent.DiskLength);
            foreach (var range in OnDevice(start, (ulong)length))
            {
                yield return new ContentPlace(range, extent.Compression == 0 ? "content" : "content, compressed");
            }
        }
    }

    /// <inheritdoc/>
    public IEnumerable<ContentPlace> OwnPlaces()
    {
        foreach (var offset in BtrfsSuperblock.Offsets.Where(offset => offset <= _device.Length - SuperblockSize))
        {
            yield return new ContentPlace(new ByteRange(offset, SuperblockSize), $"superblock at {offset.ToString(CultureInfo.InvariantCulture)}");
        }

        foreach (var chunk in _volume.Chunks.Where(chunk => (chunk.Profile & (BtrfsProfile.Metadata | BtrfsProfile.System)) != 0 && (chunk.Profile & BtrfsProfile.Data) == 0))
        {
            foreach (var stripe in chunk.Stripes.Where(stripe => stripe.DeviceId == _volume.Superblock.DeviceId))
            {
                yield return new ContentPlace(new ByteRange((long)stripe.Offset, (long)chunk.StripeBytes), (chunk.Profile & BtrfsProfile.System) != 0 ? "tree blocks of the chunk tree" : "tree blocks");
            }
        }
    }

    private IEnumerable<ByteRange> OnDevice(ulong logical, ulong length)
    {
        while (length > 0)
        {
            var chunk = _volume.ChunkOf(logical);
            var step = length;
            for (var copy = 0; copy < chunk.Copies; copy++)
            {
                var (place, contiguous) = chunk.Locate(logical, copy);
                step = Math.Min(step, contiguous);
                if (place.DeviceId == _volume.Superblock.DeviceId)
                {
                    yield return new ByteRange((long)place.Offset, (long)step);
                }
            }

            logical += step;
            length -= step;
        }
    }
}
