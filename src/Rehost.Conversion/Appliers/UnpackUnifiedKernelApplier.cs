using Rehost.Conversion.Initramfs;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Takes the parts of a unified kernel image out into files of their own.</summary>
internal sealed class UnpackUnifiedKernelApplier() : ChangeApplier<UnpackUnifiedKernel>(ApplyPhase.Files)
{
    private const int ChunkSize = 1 << 20;

    protected override void Check(UnpackUnifiedKernel change, ApplyContext context)
    {
        if (context.Tree.TryResolve(change.ImagePath) is not { Kind: NodeKind.File } image)
        {
            throw ApplyDiagnostics.Missing.ToException("the plan takes a kernel out of this file, and it is not there", change.ImagePath);
        }

        var (kernel, initramfs) = (change.Image.KernelOffset + change.Image.KernelLength, change.Image.InitramfsOffset + change.Image.InitramfsLength);
        if (change.Image.KernelOffset < 0 || change.Image.InitramfsOffset < 0 || kernel > image.Metadata.Length || initramfs > image.Metadata.Length)
        {
            throw ApplyDiagnostics.NotAsSeen.ToException($"its parts end at {Math.Max(kernel, initramfs)}, the file at {image.Metadata.Length}", change.ImagePath);
        }

        foreach (var path in new[] { change.KernelPath, change.InitramfsPath }.OfType<string>())
        {
            if (context.Expected.IsTaken(path))
            {
                throw ApplyDiagnostics.AlreadyThere.ToException("the plan makes this file, and the name is taken", path);
            }

            GuestPaths.DemandDirectoryAbove(context.Tree, path);
            context.Expected.SetUnknown(path);
        }

        foreach (var module in change.Modules)
        {
            ModuleFile.DemandThere(context.Tree, module, change.ImagePath);
        }
    }

    protected override void Apply(UnpackUnifiedKernel change, ApplyContext context, CancellationToken cancellationToken)
    {
        var image = context.Tree.Resolve(change.ImagePath);
        Write(context.Tree, change.KernelPath, [], image, change.Image.KernelOffset, change.Image.KernelLength, cancellationToken);
        if (change.InitramfsPath is not { } path)
        {
            return;
        }

        var prefix = Array.Empty<byte>();
        if (!change.Modules.IsEmpty)
        {
            var modules = change.Modules.Select(module => (module, (ReadOnlyMemory<byte>)ModuleFile.Read(context.Tree, module, cancellationToken))).ToList();
            prefix = InitramfsPrefix.Build(modules, change.Generator, change.HooksPath);
        }

        Write(context.Tree, path, prefix, image, change.Image.InitramfsOffset, change.Image.InitramfsLength, cancellationToken);
    }

    private static void Write(GuestTree tree, string path, byte[] head, GuestNode from, long offset, long length, CancellationToken cancellationToken)
    {
        tree.CreateDirectories(GuestPaths.DirectoryOf(path));
        var to = tree.WriteFile(path, head.AsSpan(), new NodeAttributes(0x1A4));
        var buffer = new byte[ChunkSize];
        for (long done = 0; done < length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = from.FileSystem.Read(from.Node, offset + done, buffer.AsSpan(0, (int)Math.Min(ChunkSize, length - done)));
            if (count <= 0)
            {
                throw ApplyDiagnostics.NotAsSeen.ToException($"it ends {length - done} bytes too early", from.Path);
            }

            to.FileSystem.Write(to.Node, head.Length + done, buffer.AsSpan(0, count));
            done += count;
        }
    }
}
