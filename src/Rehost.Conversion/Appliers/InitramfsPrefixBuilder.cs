using System.Text;
using Rehost.Archives;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>
/// Builds the archive that goes before an initramfs: the modules as plain ELF files in a directory of our own, and a hook of the generator's kind that loads them in order. No index file is
/// needed, nothing of the guest's archive is replaced. Directories have entries only where the guest's archive itself has a directory: an entry for a path that is a link there
/// (lib -> usr/lib) would keep the kernel from making the link.
/// </summary>
internal static class InitramfsPrefixBuilder
{
    /// <summary>Directory in the initramfs; the first entry of the archive, by which a later conversion knows it.</summary>
    public const string Directory = "rehost-drivers";

    /// <summary>The archive's length is a multiple of this, zeros at its end.</summary>
    public const int Alignment = 512;

    /// <summary>Whether a hook can be made for a generator.</summary>
    public static bool Supports(InitramfsGenerator generator, string? hooksPath)
        => generator == InitramfsGenerator.InitramfsTools || (generator == InitramfsGenerator.Dracut && hooksPath is not null);

    /// <summary>Builds the archive.</summary>
    /// <param name="generator">What made the initramfs.</param>
    /// <param name="hooksPath">dracut's directory of hooks; "" where they are at the root (dracut 004).</param>
    /// <param name="modules">File names (virtio_blk.ko) and contents, in the order in which they are loaded.</param>
    public static byte[] Build(InitramfsGenerator generator, string? hooksPath, IReadOnlyList<(string Name, byte[] Content)> modules)
    {
        using var stream = new MemoryStream();
        var archive = new CpioWriter(stream);
        archive.AddDirectory(Directory);
        foreach (var (name, content) in modules)
        {
            archive.AddFile($"{Directory}/{name}", content);
        }

        // A driver that is loaded or built in already makes insmod complain; the next one must be tried all the same, and the hook is sourced: it must not exit.
        var commands = string.Concat(modules.Select(module => $"insmod /{Directory}/{module.Name} 2>/dev/null || :\n"));
        var (path, text) = generator == InitramfsGenerator.InitramfsTools
            ? ("conf/conf.d/zz-rehost-drivers", "# Drivers of this machine's hypervisor, loaded before anything else.\n" + commands)
            : ($"{(string.IsNullOrEmpty(hooksPath) ? "" : hooksPath.Trim('/') + "/")}pre-udev/00-rehost-drivers.sh", "#!/bin/sh\n# Drivers of this machine's hypervisor, loaded before udev starts.\n" + commands);
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            archive.AddDirectory(path[..slash]);
        }

        archive.AddFile(path, Encoding.ASCII.GetBytes(text), 0x1ED);
        archive.Finish(Alignment);
        return stream.ToArray();
    }

    /// <summary>Bytes at the start of an initramfs that an earlier conversion put there; 0 when there are none.</summary>
    public static long FindEarlier(GuestNode file, CancellationToken cancellationToken)
    {
        var archive = new InitramfsArchive(offset => new GuestContentStream(file, offset), file.Metadata.Length, file.Path);
        var isOurs = false;
        foreach (var entry in archive.ReadFiles(cancellationToken))
        {
            isOurs |= entry is { Segment: 0, Path: Directory };
            if (!isOurs || entry.Segment > 0)
            {
                break;
            }
        }

        return isOurs && archive.Segments is [{ Kind: CompressionKind.None } first, ..] ? Math.Min((first.Length + Alignment - 1) / Alignment * Alignment, file.Metadata.Length) : 0;
    }
}
