using Rehost.Conversion.Appliers;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Initramfs;

/// <summary>Makes what goes in front of an initramfs that is not itself changed.</summary>
public static class HelperArchives
{
    /// <summary>The archive, with the guest's own modules.</summary>
    /// <exception cref="DiagnosticException">A module is none (CNV009), or the generator takes no archive (CNV010).</exception>
    public static byte[] Build(GuestTree tree, HelperArchive archive, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(archive);
        var modules = archive.Modules.Select(path => (path, (ReadOnlyMemory<byte>)ModuleFile.Read(tree, path, cancellationToken))).ToList();
        return InitramfsPrefix.Build(modules, archive.Generator, archive.HooksPath, archive.Files);
    }
}
