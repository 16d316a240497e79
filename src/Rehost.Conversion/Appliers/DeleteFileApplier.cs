using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Removes files and links.</summary>
internal sealed class DeleteFileApplier() : ChangeApplier<DeleteFile>(ApplyPhase.Files)
{
    protected override void Check(DeleteFile change, ApplyContext context)
    {
        if (!context.Expected.IsTaken(change.Path))
        {
            throw ApplyDiagnostics.Missing.ToException("the plan removes this file, and it is not there", change.Path);
        }

        if (context.Tree.TryResolve(change.Path, followLast: false)?.Kind == NodeKind.Directory)
        {
            throw ApplyDiagnostics.WrongKind.ToException("found a directory, needed a file or link", change.Path);
        }

        context.Expected.Set(change.Path, null);
    }

    protected override void Apply(DeleteFile change, ApplyContext context, CancellationToken cancellationToken) => context.Tree.DeleteFile(change.Path);
}
