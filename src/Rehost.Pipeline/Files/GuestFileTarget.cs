using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>The new image that an edited disk is written to, or a directory for several of them.</summary>
public sealed class GuestFileTarget
{
    private GuestFileTarget(string path, IDiskFormat format)
    {
        Path = path;
        Format = format;
    }

    /// <summary>The file, or the directory.</summary>
    public string Path { get; }

    /// <summary>Whether each edited disk gets a file of its own, by its device name: a file system may lie on several.</summary>
    public bool IsDirectory => Path.EndsWith('/') || Directory.Exists(Path);

    internal IDiskFormat Format { get; }

    /// <summary>Where a disk goes.</summary>
    internal string PathFor(string deviceName) => IsDirectory ? System.IO.Path.Combine(Path, HostFileName.From(deviceName, "disk") + Format.Extension) : Path;

    /// <summary>Decides the format before anything is read.</summary>
    /// <param name="path">The new file; an existing directory, or a path that ends in a slash, takes one for each edited disk.</param>
    /// <param name="format">Name of a format; null for what the extension says, raw when it says nothing.</param>
    /// <exception cref="Model.DiagnosticException">There is no such format, or it is only read (DSK001, DSK003).</exception>
    public static GuestFileTarget Of(string path, string? format)
    {
        ArgumentNullException.ThrowIfNull(path);
        var chosen = format is not null ? KnownDiskFormats.ByName(format)
            : KnownDiskFormats.All.FirstOrDefault(candidate => KnownDiskFormats.HasExtensionOf(path, candidate)) ?? KnownDiskFormats.ByName("raw");
        return chosen.CanWrite ? new GuestFileTarget(path, chosen) : throw DiskFormatDiagnostics.CannotWrite.ToException($"{chosen.Name} images are only read", path);
    }
}
