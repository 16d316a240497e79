using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.DiskFormats.Xva;

namespace Rehost.Pipeline.Images;

/// <summary>The formats that hold the disks of a machine, and how they are opened.</summary>
internal static class KnownContainers
{
    /// <summary>Opens a container; it owns the file, also when opening fails.</summary>
    public delegate IDiskContainer Opener(FileDevice file, string name, CancellationToken cancellationToken);

    /// <summary>How a format is opened; null for one that holds a single disk.</summary>
    public static Opener? Find(IDiskFormat format) => format switch
    {
        XvaFormat => (file, name, cancellationToken) => new XvaContainer(file, name, cancellationToken),
        OvaFormat => (file, name, cancellationToken) => new OvaContainer(file, name, cancellationToken),
        _ => null,
    };
}
