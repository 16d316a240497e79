using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.DiskFormats.Xva;
using Rehost.Hypervisors.Ovf;

namespace Rehost.Pipeline.Images;

/// <summary>The formats that hold the disks of a machine, and how they are opened.</summary>
internal static class KnownContainers
{
    /// <summary>Opens a container; it owns the file if it reads it, also when opening fails.</summary>
    public delegate IDiskContainer Opener(FileDevice file, ImageRequest request, CancellationToken cancellationToken);

    /// <summary>How a format is opened; null for one that holds a single disk.</summary>
    public static Opener? Find(IDiskFormat format) => format switch
    {
        XvaFormat => (file, request, cancellationToken) => new XvaContainer(file, request.Path, cancellationToken),
        OvaFormat => (file, request, cancellationToken) => new OvfContainer(OvfPackage.OpenArchive(file, request.Path, cancellationToken), cancellationToken),
        OvfFormat => (_, request, cancellationToken) => new OvfContainer(OvfPackage.OpenFolder(request.Path, request.AllowedPaths), cancellationToken),
        _ => null,
    };
}
