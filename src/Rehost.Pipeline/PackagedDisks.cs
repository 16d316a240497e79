using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats.Tar;
using Rehost.Hypervisors.Ovf;
using Rehost.Model;
using Rehost.Proof.Qemu;

namespace Rehost.Pipeline;

/// <summary>Finds where the disks of an OVA or OVF lie, for a program that reads them in place.</summary>
internal static class PackagedDisks
{
    /// <summary>The machine of a package, and file and place of each of its disks.</summary>
    /// <exception cref="DiagnosticException">The package is damaged, or has a disk that is no file of it.</exception>
    public static (VirtualMachine Machine, ImmutableArray<string> Paths, ImmutableArray<DiskFilePart?> Parts) Find(string path, CancellationToken cancellationToken)
    {
        if (!path.EndsWith(".ova", StringComparison.OrdinalIgnoreCase))
        {
            using var folder = OvfPackage.OpenFolder(path);
            return (folder.Machine, [.. folder.Machine.Disks.Select(disk => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/", FileOf(disk, path)))], []);
        }

        var name = Path.GetFileName(path);
        using var package = OvfPackage.OpenArchive(FileDevice.OpenRead(path), name, cancellationToken);
        using var file = FileDevice.OpenRead(path);
        var archive = TarImageDirectory.Open(file, name, cancellationToken);
        return (package.Machine, [.. package.Machine.Disks.Select(_ => path)],
            [.. package.Machine.Disks.Select(disk => archive.PlaceOf(FileOf(disk, name)) is { } place ? new DiskFilePart(place.Start.Value, place.Length)
                : throw NotInPackage(disk, name))]);
    }

    // A name that leads out of the folder was refused when the package was opened; here it would reach QEMU.
    private static string FileOf(VirtualDisk disk, string where)
        => disk.Path is { Length: > 0 } path && path == Path.GetFileName(path) ? path : throw NotInPackage(disk, where);

    private static DiagnosticException NotInPackage(VirtualDisk disk, string where)
        => PipelineDiagnostics.BadOption.ToException($"the disk '{disk.Id}' is no file of the package itself ({disk.Path ?? "no file"})", where);
}
