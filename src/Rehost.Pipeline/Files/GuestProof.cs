using System.Collections.Immutable;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>What comparing two guests file by file found.</summary>
/// <param name="Files">Names that were compared.</param>
/// <param name="Named">Names that the plan changes, and that were left out.</param>
/// <param name="Volumes">Volumes that were compared.</param>
/// <param name="NotCompared">Volumes that were not, and why.</param>
/// <param name="Differences">What differs and should not, in order; at most <see cref="DifferenceLimit"/>.</param>
/// <param name="DifferenceCount">How many differ in all.</param>
public sealed record GuestProofReport(
    long Files, long Named, ImmutableArray<string> Volumes, ImmutableArray<string> NotCompared, ImmutableArray<FileDifference> Differences, long DifferenceCount)
{
    /// <summary>How many differences are listed.</summary>
    public const int DifferenceLimit = 10_000;
}

/// <summary>Proves, through the file systems of source and target, that every file which a plan does not name is the same in both: each volume with a file system, mounted or not.</summary>
internal static class GuestProof
{
    private const ulong TopLevel = 5; // of Btrfs: holds all subvolumes

    /// <summary>Compares.</summary>
    public static GuestProofReport Run(GuestStorage source, GuestStorage target, ConversionPlan plan, CancellationToken cancellationToken)
    {
        var pairs = Pair(source.Volumes, target.Volumes, out var lonely);
        var named = NamedPaths.Of(plan);
        var left = new NamedNodes(source, named, pairs.ToDictionary(pair => pair.Source.Name, pair => pair.Source, StringComparer.Ordinal));
        var right = new NamedNodes(target, named, pairs.ToDictionary(pair => pair.Source.Name, pair => pair.Target, StringComparer.Ordinal));
        var differences = new List<FileDifference>();
        var (files, skipped, count) = (0L, 0L, 0L);
        var notCompared = new List<string>(lonely);
        foreach (var (one, other) in pairs)
        {
            var walk = new TwinWalk(TopOf(one), TopOf(other), left.In(one), right.In(other), cancellationToken);
            try
            {
                foreach (var difference in walk.Run(one.Facts.MountPath is { Length: > 1 } mount && one.Facts.Subvolume is null ? mount : "", one.Name))
                {
                    count++;
                    if (differences.Count < GuestProofReport.DifferenceLimit)
                    {
                        differences.Add(difference);
                    }
                }
            }
            finally
            {
                files += walk.Compared;
                skipped += walk.Named;
            }
        }

        return new GuestProofReport(files, skipped, [.. pairs.Select(pair => pair.Target.Name)], [.. notCompared], [.. differences], count);
    }

    private static IFileSystem TopOf(GuestVolume volume) => volume.FileSystem switch
    {
        ISubvolumes trees => trees.OpenSubvolume(TopLevel),
        { } fileSystem => fileSystem,
        null => throw new InvalidOperationException($"{volume.Name} has no file system"),
    };

    // Device names and places may differ; kind and id of a file system do not, and where two share them (a clone of a disk) their order does not.
    private static List<(GuestVolume Source, GuestVolume Target)> Pair(IEnumerable<GuestVolume> source, IEnumerable<GuestVolume> target, out List<string> lonely)
    {
        var pairs = new List<(GuestVolume, GuestVolume)>();
        var rest = target.Where(volume => volume.FileSystem is not null).ToList();
        lonely = [];
        foreach (var volume in source)
        {
            if (volume.FileSystem is null)
            {
                if (volume.Facts.Content == VolumeContent.FileSystem || volume.Problem is not null)
                {
                    lonely.Add($"{volume.Name}: {volume.Problem?.Message ?? "open through another volume, or not readable"}");
                }

                continue;
            }

            var twin = rest.FirstOrDefault(other => other.Facts.Type == volume.Facts.Type && other.Facts.Uuid == volume.Facts.Uuid);
            if (twin is null)
            {
                lonely.Add($"{volume.Name}: the target has no {volume.Facts.Type} with the id {volume.Facts.Uuid}");
                continue;
            }

            rest.Remove(twin);
            pairs.Add((volume, twin));
        }

        return pairs;
    }
}
