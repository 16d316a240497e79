using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Replaces the content of files that are as the plan saw them; inode, owner, mode and attributes stay.</summary>
internal sealed class EditFileApplier() : ChangeApplier<EditFile>(ApplyPhase.Files)
{
    protected override void Check(EditFile change, ApplyContext context)
    {
        context.Expected.Demand(change.Path, change.BeforeSha256);
        context.Secrets.Learn(change.Content, change.Path);
        context.Expected.Set(change.Path, GuestText.Encode(change.Content));
    }

    protected override void Apply(EditFile change, ApplyContext context, CancellationToken cancellationToken)
        => context.Tree.WriteFile(change.Path, GuestText.Encode(context.Secrets.Restore(change.Content, change.Path)));
}
