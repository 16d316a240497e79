using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Room on disk for what does not fit into memory. The file is its owner's alone and has no name: whatever ends the process, nothing is left behind.</summary>
public sealed class ScratchFile : IDisposable
{
    private readonly OverlayStore _store;

    private ScratchFile(OverlayStore store) => _store = store;

    /// <summary>Makes a file.</summary>
    /// <param name="directory">On whose file system.</param>
    /// <exception cref="DiagnosticException">The directory cannot take a file (BLK004).</exception>
    public static ScratchFile Create(string directory) => new(OverlayStore.InDirectory(directory));

    /// <summary>Reads bytes that were written. Safe to call from several threads.</summary>
    /// <exception cref="DiagnosticException">They cannot be read (BLK003).</exception>
    public void Read(long position, Span<byte> buffer) => _store.Read(position, buffer);

    /// <summary>Writes bytes anywhere.</summary>
    /// <exception cref="DiagnosticException">There is no room (BLK004).</exception>
    public void Write(long position, ReadOnlySpan<byte> data) => _store.Write(position, data);

    /// <inheritdoc/>
    public void Dispose() => _store.Dispose();
}
