using Rehost.FileSystems;

namespace Rehost.Pipeline.Files;

/// <summary>Walks a guest's tree, each directory before what is in it, names in ordinal order. Links are told, never followed.</summary>
internal static class TreeWalk
{
    /// <summary>More than any real guest holds; a damaged file system whose directories contain each other ends here or at <see cref="DepthLimit"/>.</summary>
    private const int EntryLimit = 50_000_000;

    /// <summary>Names of one byte in a path of PATH_MAX.</summary>
    private const int DepthLimit = 2048;

    /// <summary>The node itself, then everything below it.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="path">Where to start; a link there is followed.</param>
    /// <param name="depth">Levels below the start that are shown.</param>
    /// <param name="cancellationToken">Stops the walk.</param>
    /// <exception cref="Model.DiagnosticException">Nothing is there, or the tree has no end (FLE007).</exception>
    public static IEnumerable<(GuestNode Node, int Level)> Run(GuestTree tree, string path, int depth, CancellationToken cancellationToken)
    {
        // One enumerator for each level: no path is looked up twice, and only the names of the directories on the way are held.
        var levels = new Stack<IEnumerator<GuestNode>>();
        levels.Push(((IEnumerable<GuestNode>)[tree.Resolve(path)]).GetEnumerator());
        for (var count = 0; levels.TryPeek(out var siblings);)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!siblings.MoveNext())
            {
                levels.Pop();
                continue;
            }

            var (node, level) = (siblings.Current, levels.Count - 1);
            if (++count > EntryLimit || level > DepthLimit)
            {
                throw FileDiagnostics.Endless.ToException($"{count} entries were seen, at a depth of {level}", node.Path[..Math.Min(node.Path.Length, 200)]);
            }

            yield return (node, level);
            if (node.Kind == NodeKind.Directory && level < depth)
            {
                levels.Push(tree.Children(node).GetEnumerator());
            }
        }
    }
}
