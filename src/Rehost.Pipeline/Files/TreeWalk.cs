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
        var pending = new Stack<(string Path, int Level)>();
        pending.Push((tree.Resolve(path).Path, 0));
        for (var count = 0; pending.TryPop(out var next); count++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (count > EntryLimit || next.Level > DepthLimit)
            {
                throw FileDiagnostics.Endless.ToException($"{count} entries were seen, at a depth of {next.Level}", next.Path[..Math.Min(next.Path.Length, 200)]);
            }

            var node = tree.Resolve(next.Path, followLast: false);
            yield return (node, next.Level);
            if (node.Kind == NodeKind.Directory && next.Level < depth)
            {
                foreach (var entry in tree.List(node.Path).Reverse())
                {
                    pending.Push((entry.Path, next.Level + 1));
                }
            }
        }
    }
}
