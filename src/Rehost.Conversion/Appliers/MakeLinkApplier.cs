using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Makes symbolic links; a file or link of that name is replaced.</summary>
internal sealed class MakeLinkApplier() : ChangeApplier<MakeLink>(ApplyPhase.Files)
{
    protected override void Check(MakeLink change, ApplyContext context)
    {
        if (context.Tree.TryResolve(change.Path, followLast: false)?.Kind == NodeKind.Directory)
        {
            throw ApplyDiagnostics.WrongKind.ToException("found a directory, needed a file, a link or nothing", change.Path);
        }

        GuestPaths.DemandDirectoryAbove(context.Tree, change.Path);
        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(MakeLink change, ApplyContext context, CancellationToken cancellationToken)
    {
        context.Tree.CreateDirectories(GuestPaths.DirectoryOf(change.Path));
        context.Tree.CreateSymbolicLink(change.Path, change.Target, replace: true);
    }
}
