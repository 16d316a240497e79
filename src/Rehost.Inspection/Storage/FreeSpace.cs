using Rehost.Blocks;
using Rehost.Model;
using Rehost.Volumes.Mapping;

namespace Rehost.Inspection.Storage;

/// <summary>
/// Finds the bytes of a disk that hold nothing: free blocks of file systems, the inside of swap space, extents of volume groups that no volume uses, each followed down
/// through what it lies on. What another volume uses is never free, however the volumes overlap.
/// </summary>
internal static class FreeSpace
{
    /// <summary>Swap space keeps its label and UUID in its first page; pages have 64 KiB at most.</summary>
    private const long SwapHeader = 64 << 10;

    private const int MaximumDepth = 64;

    /// <summary>Free ranges of a disk, in order, joined.</summary>
    public static IReadOnlyList<ByteRange> Of(GuestStorage storage, IBlockDevice disk)
    {
        var free = new List<ByteRange>();
        var used = new List<ByteRange>();
        foreach (var volume in storage.Volumes.Where(volume => volume.Node is { HasOwnContent: true }))
        {
            var ranges = FreeIn(volume);
            Collect(volume.Device, ranges, disk, free);
            Collect(volume.Device, Rest(ranges, volume.Device.Length), disk, used);
        }

        foreach (var group in storage.Stack.Groups)
        {
            foreach (var (physical, ranges) in group.PhysicalVolumes.Zip(group.FreeRanges))
            {
                Collect(physical.Device, ranges.Where(range => range.End <= physical.Device.Length), disk, free);
            }
        }

        return Subtract(Join(free), Join(used));
    }

    private static List<ByteRange> FreeIn(GuestVolume volume)
    {
        if (volume.Facts is { Content: VolumeContent.Swap, IsClean: true } && volume.Device.Length > SwapHeader)
        {
            return [new ByteRange(SwapHeader, volume.Device.Length - SwapHeader)];
        }

        try
        {
            return volume.FileSystem is null ? [] : [.. volume.FileSystem.GetFreeRanges().Where(range => range.Offset >= 0 && range.Length > 0 && range.Offset <= volume.Device.Length - range.Length)];
        }
        catch (DiagnosticException)
        {
            // Damage that inspection did not meet: then nothing of it is free.
            return [];
        }
    }

    private static void Collect(IBlockDevice device, IEnumerable<ByteRange> ranges, IBlockDevice disk, List<ByteRange> into)
    {
        foreach (var range in ranges)
        {
            Descend(device, range, disk, into, 0);
        }
    }

    private static void Descend(IBlockDevice device, ByteRange range, IBlockDevice disk, List<ByteRange> into, int depth)
    {
        if (ReferenceEquals(device, disk))
        {
            into.Add(range);
        }
        else if (device is IMappedVolume mapped && depth < MaximumDepth)
        {
            foreach (var below in mapped.MapDown(new GuestOffset(range.Offset), range.Length))
            {
                Descend(below.Device, new ByteRange(below.Offset.Value, below.Length), disk, into, depth + 1);
            }
        }
    }

    private static List<ByteRange> Rest(IEnumerable<ByteRange> ranges, long length) => Subtract([new ByteRange(0, length)], Join(ranges));

    private static List<ByteRange> Join(IEnumerable<ByteRange> ranges)
    {
        var joined = new List<ByteRange>();
        foreach (var range in ranges.Where(range => range.Length > 0).OrderBy(range => range.Offset))
        {
            if (joined.Count > 0 && range.Offset <= joined[^1].End)
            {
                joined[^1] = joined[^1] with { Length = Math.Max(joined[^1].End, range.End) - joined[^1].Offset };
            }
            else
            {
                joined.Add(range);
            }
        }

        return joined;
    }

    private static List<ByteRange> Subtract(List<ByteRange> ranges, List<ByteRange> without)
    {
        var rest = new List<ByteRange>();
        var index = 0;
        foreach (var range in ranges)
        {
            var position = range.Offset;
            while (index < without.Count && without[index].End <= position)
            {
                index++;
            }

            for (var i = index; i < without.Count && without[i].Offset < range.End; i++)
            {
                if (without[i].Offset > position)
                {
                    rest.Add(new ByteRange(position, without[i].Offset - position));
                }

                position = Math.Max(position, without[i].End);
            }

            if (position < range.End)
            {
                rest.Add(new ByteRange(position, range.End - position));
            }
        }

        return rest;
    }
}
