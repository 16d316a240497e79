using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Where an <see cref="OverlayDevice"/> keeps the pages that were written. A scratch file for guests, memory for tests and small edits. One store serves one overlay, which disposes it.</summary>
public abstract class OverlayStore : IDisposable
{
    /// <summary>Bytes of one page, the unit in which an overlay copies.</summary>
    public const int PageSize = 4096;

    private protected OverlayStore()
    {
    }

    /// <summary>Keeps the pages in memory.</summary>
    public static OverlayStore InMemory() => new MemoryOverlayStore();

    /// <summary>
    /// Keeps the pages in a sparse file in the given directory. The file is readable by its owner only, because it will hold guest data, and is unlinked
    /// at once: whatever ends the process, nothing is left behind.
    /// </summary>
    /// <exception cref="DiagnosticException">The directory cannot take a file (BLK004).</exception>
    public static OverlayStore InDirectory(string directory) => FileOverlayStore.Create(directory);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads stored bytes.</summary>
    internal abstract void Read(long position, Span<byte> buffer);

    /// <summary>Stores bytes.</summary>
    internal abstract void Write(long position, ReadOnlySpan<byte> data);

    /// <summary>Forgets everything.</summary>
    internal abstract void Clear();

    /// <summary>Gives back what the store holds.</summary>
    private protected abstract void Dispose(bool disposing);
}
