using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Makes new files; missing directories above them belong to root with mode 0755.</summary>
internal sealed class WriteFileApplier() : ChangeApplier<WriteFile>(ApplyPhase.Files)
{
    protected override void Check(WriteFile change, ApplyContext context)
    {
        if (context.Expected.IsTaken(change.Path))
        {
            throw ApplyDiagnostics.AlreadyThere.ToException("the plan makes this file, and the name is taken", change.Path);
        }

        GuestPaths.DemandDirectoryAbove(context.Tree, change.Path);
        context.Secrets.Learn(change.Content, change.Path);
        context.Expected.Set(change.Path, GuestText.Encode(change.Content));
    }

    protected override void Apply(WriteFile change, ApplyContext context, CancellationToken cancellationToken)
    {
        context.Tree.CreateDirectories(GuestPaths.DirectoryOf(change.Path));
        context.Tree.WriteFile(change.Path, GuestText.Encode(context.Secrets.Restore(change.Content, change.Path)), new NodeAttributes(change.Permissions));
    }
}
