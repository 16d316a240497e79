using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>What a device holds nothing in: what no chunk takes, and what no extent takes of chunks that lie on it in one piece.</summary>
internal static class BtrfsFreeSpace
{
    private const long FirstUsable = 1 << 20; // BTRFS_DEVICE_RANGE_RESERVED: boot loaders live there
    private const long SuperblockReserve = 64 * 1024; // BTRFS_STRIPE_LEN around each copy

    public static IReadOnlyList<ByteRange> Of(BtrfsVolume volume, BtrfsRoots roots, ulong deviceId, long deviceLength)
    {
        var used = new List<ByteRange> { new(0, Math.Min(FirstUsable, deviceLength)) };
        used.AddRange(BtrfsSuperblock.Offsets.Where(offset => offset < deviceLength).Select(offset => new ByteRange(offset, Math.Min(SuperblockReserve, deviceLength - offset))));
        var extents = new ExtentCursor(volume, roots);
        foreach (var chunk in volume.Chunks)
        {
            var isWhole = (chunk.Profile & (BtrfsProfile.Layouts & ~BtrfsProfile.Mirrors)) == 0;
            var taken = extents.Within(chunk);
            foreach (var stripe in chunk.Stripes.Where(stripe => stripe.DeviceId == deviceId))
            {
                if (isWhole)
                {
                    used.AddRange(taken.Select(range => new ByteRange(checked((long)stripe.Offset + range.Offset - (long)chunk.Start), range.Length)));
                }
                else
                {
                    used.Add(new ByteRange((long)stripe.Offset, (long)chunk.StripeBytes));
                }
            }
        }

        return Invert(used, deviceLength);
    }

    private static List<ByteRange> Invert(List<ByteRange> used, long length)
    {
        var free = new List<ByteRange>();
        long position = 0;
        foreach (var range in used.OrderBy(range => range.Offset))
        {
            if (range.Offset > position)
            {
                free.Add(new ByteRange(position, Math.Min(range.Offset, length) - position));
            }

            position = Math.Max(position, range.End);
            if (position >= length)
            {
                return free;
            }
        }

        free.Add(new ByteRange(position, length - position));
        return free;
    }

    /// <summary>Extents in the order of their addresses, alongside chunks in the same order: one walk of the extent tree.</summary>
    private sealed class ExtentCursor(BtrfsVolume volume, BtrfsRoots roots)
    {
        private readonly BtrfsTree _tree = roots.Open(BtrfsRoots.ExtentTree) ?? throw BtrfsDiagnostics.BadItem.ToException("there is no extent tree");

        public List<ByteRange> Within(BtrfsChunk chunk)
        {
            var ranges = new List<ByteRange>();
            foreach (var item in _tree.From(new BtrfsKey(chunk.Start, 0, 0)).TakeWhile(item => item.Key.ObjectId < chunk.End))
            {
                var length = item.Key.Type switch
                {
                    BtrfsKey.ExtentItem => item.Key.Offset,
                    BtrfsKey.MetadataItem => (ulong)volume.Superblock.NodeSize,
                    _ => 0UL,
                };
                if (length == 0)
                {
                    continue;
                }

                var range = new ByteRange((long)item.Key.ObjectId, (long)Math.Min(length, chunk.End - item.Key.ObjectId));
                if (ranges.Count > 0 && ranges[^1].End >= range.Offset)
                {
                    ranges[^1] = ranges[^1] with { Length = Math.Max(ranges[^1].End, range.End) - ranges[^1].Offset };
                }
                else
                {
                    ranges.Add(range);
                }
            }

            return ranges;
        }
    }
}
