using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>The file that a new image is written into. Grows as it is written; what is never written reads as zeros.</summary>
public interface IImageFile : IDisposable
{
    /// <summary>Name for messages.</summary>
    string Name { get; }

    /// <summary>Writes bytes anywhere, growing the file as needed.</summary>
    /// <exception cref="DiagnosticException">The file cannot take them (BLK004).</exception>
    void Write(FileOffset offset, ReadOnlySpan<byte> data);

    /// <summary>Sets the length.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void SetLength(long length);

    /// <summary>Whether what was never written reads as zeros. False for a device that held something else before: then zeros are written with <see cref="WriteZeros"/>.</summary>
    bool IsFresh => true;

    /// <summary>Makes a range read as zeros, storing nothing where the host can.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void WriteZeros(FileOffset offset, long length)
    {
        // A file that is fresh and not overwritten, the usual case, has nothing to do.
    }

    /// <summary>Reserves blocks on the host for a range that may be written later; its content stays as it is.</summary>
    /// <exception cref="DiagnosticException">The host has too little room, or cannot reserve (BLK004).</exception>
    void Reserve(FileOffset offset, long length)
    {
    }

    /// <summary>Shares blocks with another file where the file system can; false, and nothing done, where it cannot.</summary>
    bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length);

    /// <summary>Makes what was written durable.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void Flush();
}
