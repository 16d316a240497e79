using System.Security.Cryptography;
using System.Text;
using Rehost.Conversion.Initramfs;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Edits the start script of an initramfs and adds the drivers that it loads. Inode, owner, mode and label of the file stay.</summary>
internal sealed class RewriteInitramfsApplier() : ChangeApplier<RewriteInitramfs>(ApplyPhase.Files)
{
    private const int MaximumFile = 512 << 20;

    protected override void Check(RewriteInitramfs change, ApplyContext context)
    {
        context.Expected.Demand(change.Path, change.BeforeSha256);
        foreach (var module in change.Modules)
        {
            ModuleFile.DemandThere(context.Tree, module, change.Path);
        }

        context.Expected.SetUnknown(change.Path);
    }

    protected override void Apply(RewriteInitramfs change, ApplyContext context, CancellationToken cancellationToken)
    {
        var files = change.Modules.Select(path => (Name: ModuleFile.NameOf(path), Content: (ReadOnlyMemory<byte>)ModuleFile.Read(context.Tree, path, cancellationToken)))
            .Select(module => (Path: $"{change.ModulesDirectory}/{module.Name}.ko", module.Content)).ToList();
        if (change.Generator != InitramfsGenerator.Nash)
        {
            files.Add(($"{change.ModulesDirectory}/load", Encoding.ASCII.GetBytes(InitramfsPrefix.Script(change.Modules.Select(ModuleFile.NameOf)))));
        }

        byte[] Edit(byte[] archive)
        {
            var script = NewcEdit.Find(archive, change.ScriptPath, change.Path) ?? throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"the archive has no file {change.ScriptPath}", change.Path);
            var hash = Convert.ToHexStringLower(SHA256.HashData(script));
            return hash == change.ScriptBeforeSha256
                ? NewcEdit.Replace(archive, change.ScriptPath, GuestText.Encode(change.ScriptContent), files, change.ModulesDirectory, change.Path)
                : throw ApplyDiagnostics.InitramfsNotAsSeen.ToException($"the SHA-256 of its {change.ScriptPath} is {hash}, the plan saw {change.ScriptBeforeSha256}", change.Path);
        }

        var old = context.Tree.ReadAllBytes(change.Path, MaximumFile);
        context.Tree.WriteFile(change.Path, InitramfsRewrite.Apply(old, change.ScriptPath, Edit, change.Path, cancellationToken));
    }
}
