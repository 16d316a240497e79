using Rehost.Conversion.Initramfs;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Puts drivers and the hook that loads them in front of an initramfs (docs/decisions/0002). The guest's own archive stays byte for byte, whatever made and compressed it; inode, owner, mode
/// and label of the file stay as well. A prefix of ours from an earlier conversion is replaced.
/// </summary>
internal sealed class ExtendInitramfsApplier() : ChangeApplier<ExtendInitramfs>(ApplyPhase.Files)
{
    /// <summary>A prefix of an earlier conversion is looked for in this many bytes: a few drivers take less than one mebibyte.</summary>
    private const int MaximumEarlier = 16 << 20;

    protected override void Check(ExtendInitramfs change, ApplyContext context)
    {
        context.Expected.Demand(change.Path, change.BeforeSha256);
        if (change.Generator is not (InitramfsGenerator.InitramfsTools or InitramfsGenerator.Dracut) && change is not { Generator: InitramfsGenerator.Mkinitcpio, HooksPath: not null })
        {
            throw ApplyDiagnostics.UnsupportedGenerator.ToException($"no hook is known for an initramfs made by {change.Generator}", change.Path);
        }

        foreach (var module in change.Modules)
        {
            ModuleFile.DemandThere(context.Tree, module, change.Path);
        }

        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(ExtendInitramfs change, ApplyContext context, CancellationToken cancellationToken)
    {
        var modules = change.Modules.Select(path => (path, (ReadOnlyMemory<byte>)ModuleFile.Read(context.Tree, path, cancellationToken))).ToList();
        var prefix = InitramfsPrefix.Build(modules, change.Generator, change.HooksPath);
        var file = context.Tree.Resolve(change.Path);
        FileShift.ReplaceHead(file, EarlierPrefix(context.Tree, file), prefix, cancellationToken);
    }

    private static int EarlierPrefix(GuestTree tree, GuestNode file)
    {
        Span<byte> magic = stackalloc byte[6];
        if (tree.Read(file.Path, 0, magic) < magic.Length || !magic.SequenceEqual("070701"u8))
        {
            return 0;
        }

        var head = new byte[(int)Math.Min(MaximumEarlier, file.Metadata.Length)];
        var done = 0;
        for (var count = -1; done < head.Length && count != 0; done += count)
        {
            count = Math.Max(0, tree.Read(file.Path, done, head.AsSpan(done)));
        }

        return InitramfsPrefix.FindExisting(head.AsMemory(0, done));
    }
}
