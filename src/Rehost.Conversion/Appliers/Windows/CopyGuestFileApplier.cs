using Rehost.Model;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>Copies files inside the guest.</summary>
internal sealed class CopyGuestFileApplier() : ChangeApplier<CopyGuestFile>(ApplyPhase.Files)
{
    private const long LargestCopied = 64 << 20;

    protected override void Check(CopyGuestFile change, ApplyContext context)
    {
        context.Expected.Demand(change.From, change.Sha256);
        PlaceFileApplier.DemandReplaced(context, change.Path, change.BeforeSha256);
        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(CopyGuestFile change, ApplyContext context, CancellationToken cancellationToken)
    {
        var content = context.Tree.ReadAllBytes(change.From, LargestCopied);
        context.Tree.CreateDirectories(GuestPaths.DirectoryOf(change.Path));
        context.Tree.WriteFile(change.Path, content);
    }
}
