using Rehost.Archives;
using Rehost.Archives.Modules;
using Rehost.Conversion.Initramfs;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.Modules;
using Rehost.Conversion.Selinux;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>What the scripts of a kernel's package would do: the image in /boot, indexes of modules, an initramfs, an entry of the boot menu that is the default.</summary>
internal sealed class KernelPreparation(GuestTree tree, GuestFacts facts, FileContexts? labels)
{
    private const long MaximumModule = 64 << 20;
    private const long MaximumImage = 512 << 20;
    private const int MaximumModules = 50_000;
    private const int MaximumDepth = 16;

    public List<PreparedFile> Prepared { get; } = [];

    public List<Diagnostic> Findings { get; } = [];

    public void Prepare(string version, CancellationToken cancellationToken)
    {
        var directory = $"/lib/modules/{version}";
        foreach (var (name, target) in ((string, string)[])[("vmlinuz", "vmlinuz"), ("config", "config"), ("System.map", "System.map")])
        {
            // Red Hat 8 and Fedora keep them beside the modules; a script copies them.
            if (tree.TryResolve($"{directory}/{name}") is { Kind: NodeKind.File } && tree.TryResolve($"/boot/{target}-{version}") is null)
            {
                Write($"/boot/{target}-{version}", tree.ReadAllBytes($"{directory}/{name}", MaximumImage), $"copy of {directory}/{name}", 0x1ED);
            }
        }

        var indexes = Index(directory, cancellationToken);
        if (tree.TryResolve($"/boot/vmlinuz-{version}")?.Kind != NodeKind.File || facts.Kernels.Any(kernel => kernel.Version == version))
        {
            return; // Modules for a kernel that is there.
        }

        var initramfs = MakeInitramfs(version, directory, indexes, cancellationToken);
        foreach (var (path, before, after) in new KernelMenuEntry(tree, facts).Add(version, initramfs))
        {
            var isNew = before is null;
            tree.WriteFile(path, GuestText.Encode(after));
            if (isNew)
            {
                PackageInstaller.Label(tree, path, NodeKind.File, labels);
            }

            Prepared.Add(new PreparedFile(path, $"an entry for kernel {version}, which becomes the default", before is null ? null : SecretText.Mask(path, before), SecretText.Mask(path, after)));
        }
    }

    private ModuleIndexes Index(string directory, CancellationToken cancellationToken)
    {
        var modules = new List<(string Path, KernelModuleFile File)>();
        Collect(directory, "", 0, modules, cancellationToken);
        var indexes = ModuleIndexes.Of(modules, Text($"{directory}/modules.order"));
        if (modules.Count > 0)
        {
            foreach (var (name, content) in indexes.Write(Text($"{directory}/modules.builtin"), Content($"{directory}/modules.builtin.modinfo")))
            {
                tree.WriteFile($"{directory}/{name}", content, new NodeAttributes(0x1A4), labels?.LabelOf($"{directory}/{name}", NodeKind.File));
            }

            Prepared.Add(new PreparedFile($"{directory}/modules.dep", $"with the other indexes that depmod makes, of {modules.Count} modules", null, null));
        }

        return indexes;
    }

    private void Collect(string directory, string relative, int depth, List<(string Path, KernelModuleFile File)> modules, CancellationToken cancellationToken)
    {
        if (depth > MaximumDepth || tree.TryResolve(directory)?.Kind != NodeKind.Directory)
        {
            return;
        }

        foreach (var entry in tree.List(directory).ToList())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
            if (entry.Kind == NodeKind.Directory && entry.Name is not ("." or "..") && !(depth == 0 && entry.Name is "build" or "source"))
            {
                Collect($"{directory}/{entry.Name}", path, depth + 1, modules, cancellationToken);
            }
            else if (entry.Kind is NodeKind.File or NodeKind.SymbolicLink && ModuleIndexes.ModuleName(entry.Name).Length > 0 && modules.Count < MaximumModules && tree.TryResolve($"{directory}/{entry.Name}")?.Kind == NodeKind.File
                && KernelModuleFile.Read(ReadModule($"{directory}/{entry.Name}", cancellationToken)) is { } file)
            {
                modules.Add((path, file));
            }
        }
    }

    private byte[] ReadModule(string path, CancellationToken cancellationToken) => Decompressor.DecompressAll(tree.ReadAllBytes(path, MaximumModule), MaximumModule, path, cancellationToken);

    private string? MakeInitramfs(string version, string directory, ModuleIndexes indexes, CancellationToken cancellationToken)
    {
        var candidates = facts.Kernels.Where(kernel => kernel.Initramfs is { UnreadableReason: null } initramfs && InitramfsDerivation.IsKnown(initramfs.Generator)).ToList();

        // A package may bring its own; then there is nothing to make.
        if (Names(version).FirstOrDefault(name => tree.TryResolve(name)?.Kind == NodeKind.File) is { } own)
        {
            return own;
        }

        if (candidates is not [{ Initramfs: { } model } kernel, ..])
        {
            Findings.Add(ApplyDiagnostics.NoModelInitramfs.Create("none of the guest's own is of a kind that can be rewritten", $"/boot/vmlinuz-{version}"));
            return null;
        }

        var path = model.Path.Contains(kernel.Version, StringComparison.Ordinal) ? model.Path.Replace(kernel.Version, version, StringComparison.Ordinal) : Names(version)[0];
        var content = new InitramfsDerivation(name => indexes.PathOf(name) is { } found ? (found, tree.ReadAllBytes($"{directory}/{found}", MaximumModule)) : null, indexes, Text($"{directory}/modules.builtin"))
            .Derive(tree.ReadAllBytes(model.Path, MaximumImage), model, kernel.Version, version, cancellationToken);
        Write(path, content, $"made of the guest's initramfs of {kernel.Version} ({model.Generator}), with this kernel's modules", 0x180);
        return path;
    }

    private string[] Names(string version) => facts.OperatingSystem.Family switch
    {
        DistributionFamily.Debian => [$"/boot/initrd.img-{version}"],
        DistributionFamily.Suse => [$"/boot/initrd-{version}"],
        _ => [$"/boot/initramfs-{version}.img", $"/boot/initrd-{version}.img"],
    };

    private void Write(string path, byte[] content, string what, int permissions)
    {
        tree.WriteFile(path, content, new NodeAttributes(permissions), labels?.LabelOf(path, NodeKind.File));
        Prepared.Add(new PreparedFile(path, what, null, null));
    }

    private string Text(string path) => GuestText.Decode(Content(path));

    private byte[] Content(string path) => tree.TryResolve(path)?.Kind == NodeKind.File ? tree.ReadAllBytes(path, MaximumModule) : [];
}
