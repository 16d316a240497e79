using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes.Mapping;
using Rehost.Volumes.Stack;

namespace Rehost.Inspection.Storage;

/// <summary>
/// Finds out what bytes of a disk belong to: a file by its path, the tables of a file system by their names, free space, what lies between volumes. Asked when something is wrong, so
/// damage on the way is expected: what cannot be read any more is passed over, and what leads to it is named.
/// </summary>
internal static class BlockOwners
{
    /// <summary>More would not be read by anybody.</summary>
    private const int MostOwners = 10_000;

    private const int MaximumDepth = 64;
    private const int DeepestDirectory = 2048;
    private const int MostEntries = 50_000_000;

    /// <summary>The top level of Btrfs, which holds all subvolumes.</summary>
    private const ulong TopLevel = 5;

    /// <summary>Owners of ranges, in the order of the disk.</summary>
    public static IReadOnlyList<BlockOwner> Find(IEnumerable<GuestVolume> volumes, VolumeStack stack, IBlockDevice disk, IEnumerable<ByteRange> ranges, CancellationToken cancellationToken)
    {
        var asked = Join(ranges);
        var owners = new List<BlockOwner>();
        var named = new List<ByteRange>();
        foreach (var volume in volumes.Where(volume => volume.Node is null or { HasOwnContent: true }))
        {
            var whole = Join(Descend(volume.Device, new ByteRange(0, volume.Device.Length), disk, 0));
            var inside = asked.SelectMany(range => Within(range, whole)).ToList();
            if (inside.Count > 0)
            {
                FindInVolume(volume, stack, disk, inside, owners, cancellationToken);
                named.AddRange(inside);
            }
        }

        var known = Join(named);
        owners.AddRange(asked.SelectMany(range => Without(range, known)).Select(range => new BlockOwner(range, null, null, "boot code, partition tables and what else lies outside of the volumes")));
        return [.. owners.OrderBy(owner => owner.Range.Offset).ThenBy(owner => owner.Path, StringComparer.Ordinal).Take(MostOwners)];
    }

    /// <summary>Places of a volume, as bytes of a disk.</summary>
    public static IReadOnlyList<ByteRange> PlacesOn(GuestVolume? volume, IEnumerable<ContentPlace> places, IBlockDevice disk)
        => volume is null ? [] : Join(places.SelectMany(place => Descend(volume.Device, place.Range, disk, 0)));

    private static void FindInVolume(GuestVolume volume, VolumeStack stack, IBlockDevice disk, List<ByteRange> asked, List<BlockOwner> owners, CancellationToken cancellationToken)
    {
        IFileSystem? own = null;
        try
        {
            // A file system on several devices tells places on the one that it was opened by.
            own = volume.OpenThrough is null ? null : KnownFileSystems.Identify(volume.Device)?.Open(volume.Device, VolumeReader.OptionsFor(volume, stack));
            if ((own ?? volume.FileSystem) is not IContentPlaces fileSystem)
            {
                var holds = volume.Facts.Content == VolumeContent.Swap ? "swap space" : volume.Problem is { } problem ? $"content that cannot be read ({problem.Id})" : "content that Rehost does not read";
                owners.AddRange(asked.Select(range => new BlockOwner(range, volume.Name, null, holds)));
                return;
            }

            var search = new Search(volume, disk, asked, owners);
            var top = fileSystem is ISubvolumes trees ? (IContentPlaces)trees.OpenSubvolume(TopLevel) : fileSystem;
            search.Files(top, cancellationToken);
            search.OwnAreas(fileSystem);
            search.Rest(fileSystem);
        }
        catch (DiagnosticException e)
        {
            owners.AddRange(asked.Select(range => new BlockOwner(range, volume.Name, null, $"content that cannot be read ({e.Diagnostic.Id})")));
        }
        finally
        {
            own?.Dispose();
        }
    }

    private static IEnumerable<ByteRange> Descend(IBlockDevice device, ByteRange range, IBlockDevice disk, int depth)
    {
        if (ReferenceEquals(device, disk))
        {
            yield return range;
        }
        else if (device is IMappedVolume mapped && depth < MaximumDepth && range.Length > 0 && range.Offset >= 0 && range.End <= device.Length)
        {
            foreach (var found in mapped.MapDown(new GuestOffset(range.Offset), range.Length).SelectMany(below => Descend(below.Device, new ByteRange(below.Offset.Value, below.Length), disk, depth + 1)))
            {
                yield return found;
            }
        }
    }

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

    private static IEnumerable<ByteRange> Within(ByteRange range, List<ByteRange> set)
        => set.Where(one => one.Offset < range.End && range.Offset < one.End).Select(one => Math.Max(one.Offset, range.Offset) is var start ? new ByteRange(start, Math.Min(one.End, range.End) - start) : default);

    private static IEnumerable<ByteRange> Without(ByteRange range, List<ByteRange> set)
    {
        var position = range.Offset;
        foreach (var one in set.Where(one => one.Offset < range.End && range.Offset < one.End))
        {
            if (one.Offset > position)
            {
                yield return new ByteRange(position, one.Offset - position);
            }

            position = Math.Max(position, one.End);
        }

        if (position < range.End)
        {
            yield return new ByteRange(position, range.End - position);
        }
    }

    /// <summary>One volume's part of the search.</summary>
    private sealed class Search(GuestVolume volume, IBlockDevice disk, List<ByteRange> asked, List<BlockOwner> owners)
    {
        private readonly List<ByteRange> _found = [];
        private readonly HashSet<NodeId> _told = [];

        /// <summary>Walks all files. Names are enough: what a name leads to need not be readable.</summary>
        public void Files(IContentPlaces fileSystem, CancellationToken cancellationToken)
        {
            var levels = new Stack<(string Path, IEnumerator<DirectoryEntry> Entries)>();
            Take(fileSystem, fileSystem.Root, "/");
            Push(fileSystem, levels, fileSystem.Root, "");
            for (var count = 0; levels.TryPeek(out var level) && count < MostEntries; count++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!TryMove(level.Entries))
                {
                    levels.Pop();
                    continue;
                }

                var entry = level.Entries.Current;
                var path = $"{level.Path}/{entry.Name}";
                Take(fileSystem, entry.Node, path);
                if (entry.Kind == NodeKind.Directory && levels.Count < DeepestDirectory)
                {
                    Push(fileSystem, levels, entry.Node, path);
                }
            }
        }

        /// <summary>The file system's own areas, of what no file has.</summary>
        public void OwnAreas(IContentPlaces fileSystem)
        {
            var rest = Left();
            foreach (var place in Readable(fileSystem.OwnPlaces()))
            {
                Add(place, rest, null);
            }
        }

        /// <summary>What is free, and what is in use by trees of the file system that have no names.</summary>
        public void Rest(IContentPlaces fileSystem)
        {
            var type = volume.Facts.Type ?? "the file system";
            var free = Join(Readable(fileSystem.GetFreeRanges().Select(range => new ContentPlace(range, ""))).SelectMany(place => Descend(volume.Device, place.Range, disk, 0)));
            foreach (var range in Left())
            {
                owners.AddRange(Within(range, free).Select(one => new BlockOwner(one, volume.Name, null, "free space")));
                owners.AddRange(Without(range, free).Select(one => new BlockOwner(one, volume.Name, null, $"metadata of {type} that no file has")));
            }
        }

        private List<ByteRange> Left()
        {
            var found = Join(_found);
            return [.. asked.SelectMany(range => Without(range, found))];
        }

        private void Take(IContentPlaces fileSystem, NodeId node, string path)
        {
            // A file with several names is told by the first of them.
            if (_told.Contains(node))
            {
                return;
            }

            var isFound = false;
            foreach (var place in Readable(fileSystem.PlacesOf(node)))
            {
                isFound |= Add(place, asked, path);
            }

            if (isFound)
            {
                _told.Add(node);
            }
        }

        private bool Add(ContentPlace place, List<ByteRange> among, string? path)
        {
            var isFound = false;
            foreach (var range in Descend(volume.Device, place.Range, disk, 0).SelectMany(range => Within(range, among)))
            {
                isFound = true;
                _found.Add(range);
                var named = path is null ? null : GuestPath(path);
                if (owners.Count > 0 && owners[^1] is var last && last.Range.End == range.Offset && last.Path == named && last.Holds == place.Holds && last.Volume == volume.Name)
                {
                    owners[^1] = last with { Range = last.Range with { Length = range.End - last.Range.Offset } };
                }
                else if (owners.Count < MostOwners)
                {
                    owners.Add(new BlockOwner(range, volume.Name, named, place.Holds));
                }
            }

            return isFound;
        }

        private string GuestPath(string path)
        {
            var inside = volume.Facts.Subvolume is { Length: > 0 } subvolume && path.StartsWith($"/{subvolume}/", StringComparison.Ordinal) ? path[(subvolume.Length + 1)..] : path;
            var isMounted = volume.Facts.MountPath is not null && (volume.Facts.Subvolume is null || inside.Length < path.Length);
            return isMounted && volume.Facts.MountPath is { Length: > 1 } mount ? mount + inside : inside;
        }

        private static void Push(IContentPlaces fileSystem, Stack<(string Path, IEnumerator<DirectoryEntry> Entries)> levels, NodeId directory, string path)
        {
            try
            {
                levels.Push((path, fileSystem.List(directory).GetEnumerator()));
            }
            catch (DiagnosticException)
            {
                // Damaged: its own blocks are named, what it led to is not.
            }
        }

        private static bool TryMove(IEnumerator<DirectoryEntry> entries)
        {
            try
            {
                return entries.MoveNext();
            }
            catch (DiagnosticException)
            {
                return false;
            }
        }

        private static IEnumerable<ContentPlace> Readable(IEnumerable<ContentPlace> places)
        {
            using var enumerator = places.GetEnumerator();
            while (true)
            {
                ContentPlace place;
                try
                {
                    if (!enumerator.MoveNext())
                    {
                        yield break;
                    }

                    place = enumerator.Current;
                }
                catch (DiagnosticException)
                {
                    yield break;
                }

                yield return place;
            }
        }
    }
}
