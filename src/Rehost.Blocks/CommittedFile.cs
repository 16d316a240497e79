using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A file that appears under its name only when it is finished. It is written as <c>name.partial</c>; <see cref="Commit"/> flushes and renames it.
/// Disposing without commit deletes it; a killed process leaves a .partial, which the next run replaces.
/// </summary>
public sealed class CommittedFile : IImageFile
{
    /// <summary>What unfinished files end in.</summary>
    public const string PartialSuffix = ".partial";

    private readonly FileStream _file;
    private readonly string _partialPath;
    private bool _canShare = true;
    private bool _isCommitted;
    private bool _isDisposed;

    private CommittedFile(FileStream file, string path, string partialPath)
    {
        _file = file;
        _partialPath = partialPath;
        Path = path;
    }

    /// <summary>The name that the file will have.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public string Name => Path;

    /// <summary>Bytes that the file takes on its file system; holes take none.</summary>
    public long StoredBytes => HostFileCalls.EnumerateExtents(_file.SafeFileHandle, 0, RandomAccess.GetLength(_file.SafeFileHandle)).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);

    /// <summary>Starts a file. Only its owner may read it, because it will hold guest data.</summary>
    /// <exception cref="DiagnosticException">There is a file of that name, another run is writing it, or the directory cannot take it (BLK004).</exception>
    public static CommittedFile Create(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var partialPath = path + PartialSuffix;
        if (System.IO.Path.Exists(path))
        {
            throw BlockDiagnostics.WriteFailed.ToException("there is a file of this name already, and it is not overwritten", path);
        }

        try
        {
            RemoveLeftover(partialPath);
            var file = new FileStream(partialPath, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None, // an advisory lock on Linux: a second run sees that this one is alive
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            return new CommittedFile(file, path, partialPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"the file cannot be made: {e.Message}", partialPath, e);
        }
    }

    /// <inheritdoc/>
    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
        => Guard(() => $"writing at {offset.Value}", data, (file, bytes) => RandomAccess.Write(file.SafeFileHandle, bytes, offset.Value));

    /// <inheritdoc/>
    public void SetLength(long length) => Guard(() => $"setting the length to {length}", [], (file, _) => RandomAccess.SetLength(file.SafeFileHandle, length));

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length)
    {
        ArgumentNullException.ThrowIfNull(source);

        // After the first refusal the file systems will not change their mind.
        _canShare = _canShare && HostFileClone.TryCloneRange(source.Handle, sourceOffset.Value, _file.SafeFileHandle, offset.Value, length);
        return _canShare;
    }

    /// <inheritdoc/>
    public void Flush() => Guard(() => "flushing", [], (file, _) => RandomAccess.FlushToDisk(file.SafeFileHandle));

    /// <summary>Flushes and closes the file and gives it its name.</summary>
    /// <exception cref="DiagnosticException">The file cannot be flushed or renamed (BLK004).</exception>
    public void Commit()
    {
        Flush();
        Guard(() => $"renaming to {Path}", [], (_, _) => File.Move(_partialPath, Path, overwrite: false));
        _isCommitted = true;
        _file.Dispose();
        HostFileClone.FlushDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path)) ?? "/");
    }

    /// <summary>Closes the file; deletes it unless it was committed.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_isCommitted)
        {
            try
            {
                File.Delete(_partialPath);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Already failing or being cancelled: the name says that the file is not finished.
            }
        }

        _file.Dispose();
    }

    private static void RemoveLeftover(string partialPath)
    {
        var leftover = new FileInfo(partialPath);
        if (leftover.LinkTarget is null && leftover.Exists)
        {
            // Fails while another run holds it.
            using var probe = new FileStream(partialPath, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            File.Delete(partialPath);
            return;
        }

        if (leftover.LinkTarget is not null)
        {
            File.Delete(partialPath);
        }
    }

    private void Guard(Func<string> what, ReadOnlySpan<byte> data, WriteAction action)
    {
        try
        {
            action(_file, data);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"{what()}: {e.Message}", Path, e);
        }
    }

    private delegate void WriteAction(FileStream file, ReadOnlySpan<byte> data);
}
