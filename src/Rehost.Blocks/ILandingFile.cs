using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>A new file that is read and changed again before it is finished.</summary>
public interface ILandingFile : IImageFile
{
    /// <summary>Fills a buffer; what was never written reads as zeros.</summary>
    /// <exception cref="DiagnosticException">The host cannot read it (BLK003).</exception>
    void Read(FileOffset offset, Span<byte> buffer);

    /// <summary>Makes a range inside of the file read as zeros and gives its blocks back where the file system can.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void Clear(FileOffset offset, long length);

    /// <summary>Moves everything in the file by a distance without copying it: room appears in front of it, or what is there is cut off. False, and nothing done, where the file system cannot.</summary>
    bool TryShift(long distance);

    /// <summary>Data and holes of a range.</summary>
    IEnumerable<Extent> GetExtents(FileOffset offset, long length);
}
