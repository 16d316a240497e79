using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>Removes directories that are empty by then, with empty directories in them.</summary>
internal sealed class DeleteDirectoryApplier() : ChangeApplier<DeleteDirectory>(ApplyPhase.Files)
{
    private const int Deepest = 16;

    protected override void Check(DeleteDirectory change, ApplyContext context)
    {
        if (context.Tree.TryResolve(change.Path, followLast: false)?.Kind != NodeKind.Directory)
        {
            throw ApplyDiagnostics.Missing.ToException("the plan removes this directory, and it is not there", change.Path);
        }
    }

    protected override void Apply(DeleteDirectory change, ApplyContext context, CancellationToken cancellationToken) => Remove(context.Tree, change.Path, 0);

    private static void Remove(GuestTree tree, string path, int depth)
    {
        foreach (var entry in tree.List(path).ToList())
        {
            var inner = $"{path}/{entry.Name}";
            if (depth >= Deepest || tree.Resolve(inner, followLast: false).Kind != NodeKind.Directory)
            {
                throw ApplyDiagnostics.NotAsSeen.ToException($"the plan saw nothing in it but what it removes; {entry.Name} is left", path);
            }

            Remove(tree, inner, depth + 1);
        }

        tree.DeleteDirectory(path);
    }
}
