using System.Collections.Immutable;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>Walks two file systems side by side and tells what differs between them. Damage is a difference like any other: the walk goes on behind it.</summary>
internal sealed class TwinWalk(IFileSystem source, IFileSystem target, NodeSets namedInSource, NodeSets namedInTarget, CancellationToken cancellationToken)
{
    private const int DeepestDirectory = 2048;
    private const int MostEntries = 50_000_000;

    /// <summary>Names that were compared.</summary>
    public long Compared { get; private set; }

    /// <summary>Names that were left out.</summary>
    public long Named { get; private set; }

    /// <summary>Compares everything.</summary>
    /// <param name="prefix">Where the volume is mounted: stands before each path.</param>
    /// <param name="volume">The volume, for messages.</param>
    public IEnumerable<FileDifference> Run(string prefix, string volume)
    {
        var levels = new Stack<(string Path, IEnumerator<(string Name, DirectoryEntry? Source, DirectoryEntry? Target)> Entries)>();
        foreach (var difference in Compare(source.Root, target.Root, prefix.Length == 0 ? "/" : prefix))
        {
            yield return difference;
        }

        foreach (var difference in Enter(source.Root, target.Root, prefix, levels))
        {
            yield return difference;
        }

        while (levels.TryPeek(out var level))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!level.Entries.MoveNext())
            {
                levels.Pop();
                continue;
            }

            var (name, one, other) = level.Entries.Current;
            var path = $"{level.Path}/{name}";
            if (Compared + Named > MostEntries || levels.Count > DeepestDirectory)
            {
                throw FileDiagnostics.Endless.ToException($"{Compared + Named} entries were seen, at a depth of {levels.Count}, on {volume}", path[..Math.Min(path.Length, 200)]);
            }

            if (one is not { } left || other is not { } right)
            {
                foreach (var difference in Alone(one, other, path, levels))
                {
                    yield return difference;
                }

                continue;
            }

            foreach (var difference in Compare(left.Node, right.Node, path))
            {
                yield return difference;
            }

            if (left.Kind == NodeKind.Directory && right.Kind == NodeKind.Directory)
            {
                foreach (var difference in Enter(left.Node, right.Node, path, levels))
                {
                    yield return difference;
                }
            }
        }
    }

    /// <summary>What one side alone has is named, lies below what is named, or is a directory that was made on the way to it.</summary>
    private IEnumerable<FileDifference> Alone(DirectoryEntry? one, DirectoryEntry? other, string path, Stack<(string, IEnumerator<(string, DirectoryEntry?, DirectoryEntry?)>)> levels)
    {
        if (one is { } left)
        {
            if (namedInSource.Named.Contains(left.Node))
            {
                Named++;
                yield break;
            }

            yield return new FileDifference(path, FileDifferenceKind.Removed, []);
        }
        else if (other is { } right)
        {
            if (namedInTarget.Named.Contains(right.Node))
            {
                Named++;
                yield break;
            }

            if (!namedInTarget.Above.Contains(right.Node) || right.Kind != NodeKind.Directory)
            {
                yield return new FileDifference(path, FileDifferenceKind.Added, []);
                yield break;
            }

            Named++;
            foreach (var difference in Enter(null, right.Node, path, levels))
            {
                yield return difference;
            }
        }
    }

    private IEnumerable<FileDifference> Compare(NodeId left, NodeId right, string path)
    {
        if (namedInSource.Named.Contains(left) || namedInTarget.Named.Contains(right))
        {
            Named++;
            yield break;
        }

        Compared++;
        ImmutableArray<string> what;
        try
        {
            var isAbove = namedInSource.Above.Contains(left) || namedInTarget.Above.Contains(right);
            what = FileComparison.Differences(
                new GuestNode(source, left, source.GetMetadata(left), path), new GuestNode(target, right, target.GetMetadata(right), path), withTimes: !isAbove, cancellationToken, withLinks: !isAbove);
        }
        catch (DiagnosticException e)
        {
            what = [$"it cannot be read: {e.Diagnostic}"];
        }

        if (!what.IsEmpty)
        {
            yield return new FileDifference(path, FileDifferenceKind.Changed, what);
        }
    }

    private IEnumerable<FileDifference> Enter(NodeId? left, NodeId right, string path, Stack<(string, IEnumerator<(string, DirectoryEntry?, DirectoryEntry?)>)> levels)
    {
        string? problem = null;
        try
        {
            var one = left is { } directory ? ByName(source.List(directory)) : [];
            var other = ByName(target.List(right));
            levels.Push((path, one.Keys.Union(other.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(name => (name, one.TryGetValue(name, out var entry) ? entry : (DirectoryEntry?)null, other.TryGetValue(name, out var twin) ? twin : (DirectoryEntry?)null))
                .ToList().GetEnumerator()));
        }
        catch (DiagnosticException e)
        {
            problem = $"the directory cannot be read: {e.Diagnostic}";
        }

        if (problem is not null)
        {
            yield return new FileDifference(path.Length == 0 ? "/" : path, FileDifferenceKind.Changed, [problem]);
        }
    }

    private static Dictionary<string, DirectoryEntry> ByName(IEnumerable<DirectoryEntry> entries)
    {
        var byName = new Dictionary<string, DirectoryEntry>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            byName.TryAdd(entry.Name, entry);
        }

        return byName;
    }
}
