using Rehost.Archives;
using Rehost.Conversion.Initramfs;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Puts drivers and the hook that loads them in front of an initramfs (facts: the kernel unpacks archives one after the other). The guest's own archive stays byte for byte, whatever made and
/// compressed it; inode, owner, mode and label of the file stay as well. A prefix of ours from an earlier conversion is replaced.
/// </summary>
internal sealed class ExtendInitramfsApplier() : ChangeApplier<ExtendInitramfs>(ApplyPhase.Files)
{
    private const int MaximumModule = 64 << 20;
    private const int MaximumInitramfs = 1 << 30;

    protected override void Check(ExtendInitramfs change, ApplyContext context)
    {
        context.Expected.Demand(change.Path, change.BeforeSha256);
        foreach (var module in change.Modules)
        {
            if (context.Tree.TryResolve(module)?.Kind != NodeKind.File)
            {
                throw ApplyDiagnostics.Missing.ToException($"the plan adds this module to {change.Path}, and it is not there", module);
            }
        }

        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(ExtendInitramfs change, ApplyContext context, CancellationToken cancellationToken)
    {
        var modules = new List<(string Name, ReadOnlyMemory<byte> Content)>();
        foreach (var path in change.Modules)
        {
            cancellationToken.ThrowIfCancellationRequested();
            modules.Add((path, ReadModule(context.Tree, path, cancellationToken)));
        }

        var prefix = InitramfsPrefix.Build(modules, change.Generator, change.HooksPath);
        var original = context.Tree.ReadAllBytes(change.Path, MaximumInitramfs);
        context.Tree.WriteFile(change.Path, [prefix, original.AsMemory(InitramfsPrefix.FindExisting(original))]);
    }

    /// <summary>A module as insmod takes it: a plain ELF file, because the insmod of klibc and busybox cannot decompress.</summary>
    internal static byte[] ReadModule(GuestTree tree, string path, CancellationToken cancellationToken)
    {
        var content = Decompressor.DecompressAll(tree.ReadAllBytes(path, MaximumModule), MaximumModule, path, cancellationToken);
        return content.AsSpan().StartsWith("\u007fELF"u8)
            ? content
            : throw ApplyDiagnostics.BadModule.ToException($"{content.Length} bytes that are no ELF file after decompression", path);
    }
}
