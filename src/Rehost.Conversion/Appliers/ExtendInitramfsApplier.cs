using Rehost.Archives;
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

        if (!InitramfsPrefixBuilder.Supports(change.Generator, change.HooksPath))
        {
            throw ApplyDiagnostics.UnsupportedGenerator.ToException($"no hook is known for an initramfs made by {change.Generator}", change.Path);
        }

        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(ExtendInitramfs change, ApplyContext context, CancellationToken cancellationToken)
    {
        var modules = change.Modules.Select(path => (FileName(path), ReadModule(context.Tree, path, cancellationToken))).ToList();
        var prefix = InitramfsPrefixBuilder.Build(change.Generator, change.HooksPath, modules);
        var file = context.Tree.Resolve(change.Path);
        FileShift.ReplaceHead(file, InitramfsPrefixBuilder.FindEarlier(file, cancellationToken), prefix, cancellationToken);
    }

    /// <summary>virtio_blk.ko of virtio_blk.ko.xz: names in the hook must be safe for a shell, too.</summary>
    private static string FileName(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        var end = name.IndexOf(".ko", StringComparison.Ordinal);
        name = end < 0 ? name : name[..(end + 3)];
        return end > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')
            ? name
            : throw ApplyDiagnostics.BadModule.ToException("its name is not that of a kernel module", path);
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
