using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>An undo journal in a file, locked against other runs.</summary>
public sealed class UndoJournalFile : IUndoMedium
{
    private readonly FileStream _file;

    private UndoJournalFile(FileStream file) => _file = file;

    /// <inheritdoc/>
    public string Name => _file.Name;

    /// <inheritdoc/>
    public long Length => _file.Length;

    /// <summary>Opens a journal that is there.</summary>
    /// <exception cref="DiagnosticException">It is missing or in use (UND002).</exception>
    public static UndoJournalFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return new UndoJournalFile(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw UndoDiagnostics.NoJournal.ToException(e.Message, path, e);
        }
    }

    /// <summary>Whether a file begins as a journal does.</summary>
    public static bool LooksLikeOne(string path)
    {
        try
        {
            using var file = File.OpenHandle(path);
            Span<byte> magic = stackalloc byte[8];
            return RandomAccess.Read(file, magic, 0) == magic.Length && magic.SequenceEqual(UndoFormat.Magic);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Read(long position, Span<byte> buffer) => Guard("reading", BlockDiagnostics.ReadFailed, buffer, (file, bytes) =>
    {
        file.Position = position;
        file.ReadExactly(bytes);
    });

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<byte> data)
    {
        try
        {
            _file.Position = _file.Length;
            _file.Write(data);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"the undo journal: {e.Message}", Name, e);
        }
    }

    /// <inheritdoc/>
    public void Truncate(long length) => Guard("cutting", BlockDiagnostics.WriteFailed, [], (file, _) => file.SetLength(length));

    /// <inheritdoc/>
    public void Flush() => Guard("flushing", BlockDiagnostics.WriteFailed, [], (file, _) => file.Flush(flushToDisk: true));

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Guard(string what, DiagnosticDescriptor finding, Span<byte> buffer, SpanAction action)
    {
        try
        {
            action(_file, buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw finding.ToException($"{what} the undo journal: {e.Message}", Name, e);
        }
    }

    private delegate void SpanAction(FileStream file, Span<byte> buffer);
}
