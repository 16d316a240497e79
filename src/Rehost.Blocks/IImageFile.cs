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

    /// <summary>Shares blocks with another file where the file system can; false, and nothing done, where it cannot.</summary>
    bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length);

    /// <summary>Makes what was written durable.</summary>
    /// <exception cref="DiagnosticException">The file cannot take it (BLK004).</exception>
    void Flush();
}
