using Rehost.Archives;
using Rehost.FileSystems;

namespace Rehost.Conversion.Appliers;

/// <summary>Kernel modules of the guest, as an initramfs takes them.</summary>
internal static class ModuleFile
{
    private const int MaximumModule = 64 << 20;

    /// <summary>Refuses a plan whose module is not in the guest.</summary>
    public static void DemandThere(GuestTree tree, string module, string initramfs)
    {
        if (tree.TryResolve(module)?.Kind != NodeKind.File)
        {
            throw ApplyDiagnostics.Missing.ToException($"the plan adds this module to {initramfs}, and it is not there", module);
        }
    }

    /// <summary>A module as insmod takes it: a plain ELF file, because the insmod of nash, klibc and busybox cannot decompress.</summary>
    public static byte[] Read(GuestTree tree, string path, CancellationToken cancellationToken)
    {
        var content = Decompressor.DecompressAll(tree.ReadAllBytes(path, MaximumModule), MaximumModule, path, cancellationToken);
        return content.AsSpan().StartsWith("\u007fELF"u8)
            ? content
            : throw ApplyDiagnostics.BadModule.ToException($"{content.Length} bytes that are no ELF file after decompression", path);
    }

    /// <summary>The module's name as the kernel has it in /sys/module, and fit to stand in a shell script.</summary>
    public static string NameOf(string path)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        foreach (var suffix in (string[])[".xz", ".zst", ".gz", ".bz2", ".ko"])
        {
            name = name.EndsWith(suffix, StringComparison.Ordinal) ? name[..^suffix.Length] : name;
        }

        return name.Length > 0
            ? new string([.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_')])
            : throw ApplyDiagnostics.Contradiction.ToException("a module for the initramfs has no name", path);
    }
}
