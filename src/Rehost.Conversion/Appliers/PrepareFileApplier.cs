using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Made with the packages, before inspection: it must be there.</summary>
internal sealed class PrepareFileApplier() : ChangeApplier<PrepareFile>(ApplyPhase.Files)
{
    protected override void Check(PrepareFile change, ApplyContext context)
    {
        if (context.Tree.TryResolve(change.Path)?.Kind != NodeKind.File)
        {
            throw ApplyDiagnostics.Missing.ToException("it should have been made with the packages", change.Path);
        }
    }

    protected override void Apply(PrepareFile change, ApplyContext context, CancellationToken cancellationToken)
    {
    }
}
