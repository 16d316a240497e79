using Rehost.Archives;
using Rehost.Conversion.Initramfs;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Writes an initramfs of ours: <see cref="FirstProcess"/>, the modules that it loads, and the directories it mounts to. Not compressed, because a kernel that never had an initramfs may know no compressor.
/// /dev/console is in the kernel's own built-in archive.
/// </summary>
internal sealed class MakeInitramfsApplier() : ChangeApplier<MakeInitramfs>(ApplyPhase.Files)
{
    /// <summary>By this file inspection knows an initramfs of ours.</summary>
    private const string Marker = "rehost/start";

    protected override void Check(MakeInitramfs change, ApplyContext context)
    {
        if (change.BeforeSha256 is { } hash)
        {
            context.Expected.Demand(change.Path, hash);
        }
        else if (context.Expected.IsTaken(change.Path))
        {
            throw ApplyDiagnostics.AlreadyThere.ToException("the plan makes this file, and the name is taken", change.Path);
        }

        GuestPaths.DemandDirectoryAbove(context.Tree, change.Path);
        foreach (var module in change.Modules)
        {
            ModuleFile.DemandThere(context.Tree, module, change.Path);
        }

        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(MakeInitramfs change, ApplyContext context, CancellationToken cancellationToken)
    {
        var modules = change.Modules.Select(path => (Path: $"{InitramfsPrefix.Directory}/{ModuleFile.NameOf(path)}.ko", Content: ModuleFile.Read(context.Tree, path, cancellationToken))).ToList();
        using var output = new MemoryStream();
        var archive = new CpioWriter(output);
        foreach (var directory in (string[])["dev", "root", InitramfsPrefix.Directory])
        {
            archive.AddDirectory(directory);
        }

        archive.AddFile("init", FirstProcess.Build(change, modules.Select(module => "/" + module.Path), modules.Select(module => module.Content.Length).DefaultIfEmpty(0).Max()), 0x1ED);
        archive.AddFile(Marker, GuestText.Encode($"made by Rehost: {change.RootDevice} {change.RootType}\n"));
        foreach (var (path, content) in modules)
        {
            archive.AddFile(path, content);
        }

        archive.Finish();
        context.Tree.WriteFile(change.Path, output.ToArray(), new NodeAttributes(0x180));
    }
}
