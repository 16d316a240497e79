using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Sets security.selinux as restorecon would.</summary>
internal sealed class RelabelApplier() : ChangeApplier<Relabel>(ApplyPhase.Files)
{
    private const string Attribute = "security.selinux";

    protected override void Check(Relabel change, ApplyContext context)
    {
        if (context.Tree.TryResolve(change.FileContextsPath)?.Kind != NodeKind.File)
        {
            throw ApplyDiagnostics.Missing.ToException("the plan labels files by this policy, and it is not there", change.FileContextsPath);
        }
    }

    protected override void Apply(Relabel change, ApplyContext context, CancellationToken cancellationToken)
    {
        // A later change of the plan may have removed the file again.
        if (context.Tree.TryResolve(change.Path, followLast: false) is { } node && context.FileContexts(change.FileContextsPath).LabelOf(change.Path, node.Kind) is { } label)
        {
            context.Tree.SetExtendedAttribute(change.Path, Attribute, [.. GuestText.Encode(label), 0], followLast: false);
        }
    }
}
