using Rehost.Blocks;
using Rehost.DiskFormats.Landing;
using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>One container format of disks. Listed in <see cref="KnownDiskFormats"/>; a new one is a folder with the same role files and a line there.</summary>
public interface IDiskFormat
{
    /// <summary>Name as an operator writes it: raw, qcow2, xva.</summary>
    string Name { get; }

    /// <summary>Extension of its files with the dot: <c>.qcow2</c>.</summary>
    string Extension { get; }

    /// <summary>All extensions under which its files are found.</summary>
    IReadOnlyList<string> FileExtensions => [Extension];

    /// <summary>Whether <see cref="CreateWriter"/> works.</summary>
    bool CanWrite { get; }

    /// <summary>Whether a file looks like this format, from its first and last bytes alone. Cheap; never throws.</summary>
    /// <param name="head">The first bytes, up to <see cref="KnownDiskFormats.ProbeLength"/>.</param>
    /// <param name="tail">The last bytes, up to <see cref="KnownDiskFormats.ProbeLength"/>.</param>
    bool Identify(ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail);

    /// <summary>Opens a disk for reading.</summary>
    /// <returns>The disk; it owns the file.</returns>
    /// <exception cref="DiagnosticException">The file is damaged, or needs a feature that is not supported.</exception>
    IBlockDevice Open(DiskOpenRequest request);

    /// <summary>Verifies structure and checksums: references in range, nothing stored twice, nothing lost. Reads what it needs, and no guest data unless the format has checksums over it.</summary>
    /// <param name="request">The image; owned and disposed by the check.</param>
    /// <param name="cancellationToken">Stops the check.</param>
    /// <exception cref="DiagnosticException">The format has nothing to check (DSK007), or the image is so damaged that it cannot be opened.</exception>
    ImageCheckReport Check(DiskOpenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.File.Dispose();
        throw DiskFormatDiagnostics.NothingToCheck.ToException($"{Name} has no structures that Rehost checks", request.FileName);
    }

    /// <summary>Starts a new image in a file.</summary>
    /// <param name="file">Where it goes; the caller commits and disposes it.</param>
    /// <param name="length">Size of the disk in bytes.</param>
    /// <param name="options">What the image should be like.</param>
    /// <exception cref="DiagnosticException">The format is not written (DSK003) or cannot hold this size.</exception>
    IImageWriter CreateWriter(IImageFile file, long length, ImageWriterOptions options);

    /// <summary>Starts an image into which a disk falls as it arrives, and which is changed in place afterwards; null for a format that cannot: it is written from front to back.</summary>
    /// <param name="file">Where it goes; the caller commits and disposes it.</param>
    /// <param name="length">Size of the disk in bytes.</param>
    ILandingImage? CreateLanding(ILandingFile file, long length) => null;
}
