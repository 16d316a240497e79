using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Copies files inside the guest; missing directories above the copy belong to root with mode 0755.</summary>
internal sealed class CopyFileApplier() : ChangeApplier<CopyFile>(ApplyPhase.Files)
{
    private const int MaximumFile = 64 << 20;

    protected override void Check(CopyFile change, ApplyContext context)
    {
        if (change.Sha256 is { } seen)
        {
            context.Expected.Demand(change.From, seen);
        }
        else if (context.Tree.TryResolve(change.From) is not { Kind: NodeKind.File })
        {
            throw ApplyDiagnostics.Missing.ToException($"the plan copies this file to {change.Path}, and it is not there", change.From);
        }

        if (context.Expected.IsTaken(change.Path))
        {
            throw ApplyDiagnostics.AlreadyThere.ToException("the plan makes this file, and the name is taken", change.Path);
        }

        GuestPaths.DemandDirectoryAbove(context.Tree, change.Path);
        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(CopyFile change, ApplyContext context, CancellationToken cancellationToken)
    {
        context.Tree.CreateDirectories(GuestPaths.DirectoryOf(change.Path));
        context.Tree.WriteFile(change.Path, context.Tree.ReadAllBytes(change.From, MaximumFile), new NodeAttributes(context.Tree.Resolve(change.From).Metadata.Permissions));
    }
}
