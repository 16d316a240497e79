using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes.Mapping;
using Rehost.Volumes.Stack;
using Rehost.Volumes.Swap;

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

    /// <summary>Why the layer below gives nothing back: parity, thin pools, origins of snapshots.</summary>
    private const string SharesBlocks = "what it lies on uses its blocks for something else too: parity, a snapshot, a thin pool";

    /// <summary>Free ranges of a disk, in order, joined.</summary>
    public static DiskFreeSpace Of(GuestStorage storage, IBlockDevice disk)
    {
        var found = new List<(string Volume, string Reason, List<ByteRange> Ranges)>();
        var used = new List<ByteRange>();
        foreach (var volume in storage.Volumes.Where(volume => volume.Node is { HasOwnContent: true } node && LiesOn(node, disk)))
        {
            var (ranges, reason) = FreeIn(volume, storage.Stack);
            var free = new List<ByteRange>();
            Collect(volume.Device, ranges, disk, free);
            Collect(volume.Device, Rest(ranges, volume.Device.Length), disk, used);
            found.Add((volume.Name, free.Count == 0 && ranges.Count > 0 ? SharesBlocks : reason, free));
        }

        foreach (var group in storage.Stack.Groups)
        {
            var free = new List<ByteRange>();
            foreach (var (physical, ranges) in group.PhysicalVolumes.Zip(group.FreeRanges).Where(pair => !IsHidden(pair.First)))
            {
                Collect(physical.Device, ranges.Where(range => range.End <= physical.Device.Length), disk, free);
            }

            if (free.Count > 0)
            {
                found.Add((group.Name, "extents that no volume of the group has", free));
            }
        }

        var taken = Join(used);
        var shares = found.Select(one => new FreeSpaceShare(one.Volume, Subtract(Join(one.Ranges), taken).Sum(range => range.Length), one.Reason));
        return new DiskFreeSpace([.. Subtract(Join(found.SelectMany(one => one.Ranges)), taken)], [.. shares]);
    }

    /// <summary>Free ranges of a volume and what they are; none, and why not.</summary>
    private static (List<ByteRange> Ranges, string Reason) FreeIn(GuestVolume volume, VolumeStack stack)
    {
        if (volume.Node is { } node && IsHidden(node))
        {
            return ([], "encrypted: holes would tell how much of it is in use, and where");
        }

        if (volume.Facts.Content == VolumeContent.Swap)
        {
            return !volume.Facts.IsClean ? ([], "a hibernated system is in this swap space")
                : volume.Device.Length <= SwapHeader ? ([], "too small")
                : ([new ByteRange(SwapHeader, volume.Device.Length - SwapHeader)], "inside of swap space");
        }

        IFileSystem? own = null;
        try
        {
            // A file system on several devices knows each by itself what is free on it: it is asked through this one, as it is after the last flush.
            own = volume.OpenThrough is null ? null : KnownFileSystems.Identify(volume.Device)?.Open(volume.Device, VolumeReader.OptionsFor(volume, stack));
            if ((own ?? volume.FileSystem) is not { } fileSystem)
            {
                return ([], "nothing that Rehost reads");
            }

            if (!fileSystem.Info.IsClean)
            {
                return ([], "its file system was not unmounted cleanly, so its maps of free space are not believed");
            }

            return IsAmbiguous(volume.Device, fileSystem.Info.Type)
                ? ([], "it has the signatures of two file systems")
                : ([.. fileSystem.GetFreeRanges().Where(range => range.Offset >= 0 && range.Length > 0 && range.Offset <= volume.Device.Length - range.Length)], $"free in {fileSystem.Info.Type}");
        }
        catch (DiagnosticException e)
        {
            // Damage that inspection did not meet: then nothing of it is free.
            return ([], $"its file system is damaged: {e.Diagnostic.Id}");
        }
        finally
        {
            own?.Dispose();
        }
    }

    /// <summary>A file system that was left behind under another one must not say what is free.</summary>
    private static bool IsAmbiguous(IBlockDevice device, string type)
        => KnownFileSystems.All.Count(format => format.Identify(device)) > 1 || SwapSignature.TryRead(device) is not null || (VolumeSignature.Recognize(device) is { } signature && signature.Type != type);

    /// <summary>
    /// Whether a volume is encrypted, or lies in one that is. Its free space would be holes among what looks like chance, which is why dm-crypt passes no discards on unless it is told to.
    /// </summary>
    private static bool IsHidden(VolumeNode node) => node.Kind == VolumeKind.EncryptedVolume || node.Below.Any(IsHidden);

    private static bool LiesOn(VolumeNode node, IBlockDevice disk) => ReferenceEquals(node.Device, disk) || node.Below.Any(below => LiesOn(below, disk));

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
