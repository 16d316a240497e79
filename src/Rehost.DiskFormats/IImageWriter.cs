using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>
/// Writes an image in one pass, in ascending order; what is skipped reads as zeros. Runs of zeros are found and not stored. The same calls give the
/// same bytes. Disposing does not finish an image: without <see cref="Complete"/> it is worthless, and its file must not be committed.
/// </summary>
public interface IImageWriter : IDisposable
{
    /// <summary>Size of the disk in bytes.</summary>
    long Length { get; }

    /// <summary>Writes content that follows everything written so far.</summary>
    /// <exception cref="DiagnosticException">The target cannot take it (BLK004), or the range leaves the disk (BLK001).</exception>
    void Write(GuestOffset offset, ReadOnlySpan<byte> data);

    /// <summary>Leaves a range zero.</summary>
    /// <exception cref="DiagnosticException">The range leaves the disk (BLK001).</exception>
    void WriteZeros(GuestOffset offset, long length);

    /// <summary>
    /// Takes a range straight from a file, by sharing its blocks where the host file system can. False when that is not possible: then nothing was
    /// written and the caller writes the range itself.
    /// </summary>
    bool TryShare(FileDevice source, FileOffset sourceOffset, GuestOffset offset, long length) => false;

    /// <summary>Writes what is still missing and makes it durable.</summary>
    /// <exception cref="DiagnosticException">The target cannot take it (BLK004).</exception>
    void Complete(CancellationToken cancellationToken = default);
}
