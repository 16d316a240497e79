using System.Runtime.InteropServices;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A file that appears under its name only when it is finished. It is written as <c>name.partial</c>; <see cref="Commit"/> flushes and renames it.
/// Disposing without commit deletes it, unless it is kept to be continued; a killed process leaves a .partial, which the next run replaces or goes on with.
/// Several threads may write at once, to ranges that do not overlap.
/// </summary>
public sealed class CommittedFile : ILandingFile
{
    /// <summary>What unfinished files end in.</summary>
    public const string PartialSuffix = ".partial";

    /// <summary>What the journal of an unfinished file has in addition.</summary>
    public const string JournalSuffix = ".journal";

    private readonly FileStream _file;
    private readonly string _partialPath;
    private readonly CommittedFileOptions _options;
    private readonly DirectPath? _direct;
    private readonly WriteBehind? _writeBehind;
    private volatile bool _canShare = true;
    private volatile bool _hasShared;
    private bool _isKept;
    private bool _isCommitted;
    private bool _isDisposed;

    private CommittedFile(FileStream file, string path, string partialPath, CommittedFileOptions options)
    {
        _file = file;
        _partialPath = partialPath;
        _options = options;
        _isKept = options.KeepsPartial;
        _canShare = options.Witness is null;
        _direct = options.Witness is null && (options.IsDurable || options.LeavesCache) ? new DirectPath(file.SafeFileHandle) : null;
        _writeBehind = options.LeavesCache ? new WriteBehind(file.SafeFileHandle) : null;
        Path = path;
    }

    /// <summary>The name that the file will have.</summary>
    public string Path { get; private set; }

    /// <inheritdoc/>
    public string Name => Path;

    /// <summary>Bytes that the file takes on its file system; holes take none.</summary>
    public long StoredBytes => HostFileCalls.EnumerateExtents(_file.SafeFileHandle, 0, RandomAccess.GetLength(_file.SafeFileHandle)).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);

    /// <summary>The name that the file has until it is finished.</summary>
    public string PartialPath => _partialPath;

    /// <summary>Whether blocks of other files became part of it, which nobody read on the way.</summary>
    public bool HasShared => _hasShared;

    /// <summary>Told of everything that is done; null for nobody.</summary>
    public IWriteWitness? Witness => _options.Witness;

    /// <summary>Bytes of the file now: more than none when an earlier run is continued.</summary>
    public long Length => RandomAccess.GetLength(_file.SafeFileHandle);

    /// <summary>Starts a file, or goes on with one. Only its owner may read it, because it will hold guest data.</summary>
    /// <param name="path">The name it will have.</param>
    /// <param name="options">How it is kept; null for the defaults.</param>
    /// <exception cref="DiagnosticException">There is a file of that name, another run is writing it, or the directory cannot take it (BLK004).</exception>
    public static CommittedFile Create(string path, CommittedFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new CommittedFileOptions();
        var partialPath = path + PartialSuffix;
        if (System.IO.Path.Exists(path))
        {
            throw BlockDiagnostics.WriteFailed.ToException("there is a file of this name already, and it is not overwritten", path);
        }

        try
        {
            var continues = options.ContinuesPartial && new FileInfo(partialPath) is { LinkTarget: null, Exists: true };
            if (!continues)
            {
                RemoveLeftover(partialPath);
                File.Delete(partialPath + JournalSuffix); // it told of what is gone now
            }

            var file = Open(partialPath, continues);
            return new CommittedFile(file, path, partialPath, options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LockHolder.Find(partialPath) is { } process
                ? BlockDiagnostics.BeingWritten.ToException($"process {process} holds it", partialPath, e)
                : BlockDiagnostics.WriteFailed.ToException($"the file cannot be made: {e.Message}", partialPath, e);
        }
    }

    /// <summary>Leaves the unfinished file when it is closed, for a later run to go on with.</summary>
    public void Keep() => _isKept = true;

    /// <inheritdoc/>
    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
    {
        try
        {
            _options.Witness?.Writing(_partialPath, offset.Value, data);
            if (_direct?.Write(offset.Value, data) is > 0 and var written)
            {
                offset = new FileOffset(offset.Value + written);
                data = data[written..];
            }

            RandomAccess.Write(_file.SafeFileHandle, data, offset.Value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"writing at {offset.Value}: {e.Message}", Path, e);
        }

        _writeBehind?.Wrote(offset.Value, data.Length);
    }

    /// <inheritdoc/>
    public void SetLength(long length) => Guard($"setting the length to {length}", file =>
    {
        _options.Witness?.SettingLength(_partialPath, length);
        RandomAccess.SetLength(file.SafeFileHandle, length);
    });

    /// <inheritdoc/>
    public void Reserve(FileOffset offset, long length)
    {
        var error = HostFileCalls.Reserve(_file.SafeFileHandle, offset.Value, length);
        if (error != 0)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"reserving {length} bytes: {Marshal.GetPInvokeErrorMessage(error)}", Path);
        }
    }

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length)
    {
        ArgumentNullException.ThrowIfNull(source);

        // After the first refusal the file systems will not change their mind.
        _canShare = _canShare && HostFileClone.TryCloneRange(source.Handle, sourceOffset.Value, _file.SafeFileHandle, offset.Value, length);
        _hasShared |= _canShare;
        return _canShare;
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (_options.IsDurable)
        {
            Synchronize();
        }
    }

    /// <inheritdoc/>
    public void Read(FileOffset offset, Span<byte> buffer)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                var read = RandomAccess.Read(_file.SafeFileHandle, buffer, offset.Value);
                if (read == 0)
                {
                    buffer.Clear();
                    return;
                }

                offset = new FileOffset(offset.Value + read);
                buffer = buffer[read..];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.ReadFailed.ToException($"reading at {offset.Value}: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public void Clear(FileOffset offset, long length)
    {
        if (HostFileCalls.TryPunchHole(_file.SafeFileHandle, offset.Value, length))
        {
            return;
        }

        var zeros = new byte[(int)Math.Min(length, 1 << 20)];
        for (long done = 0; done < length; done += zeros.Length)
        {
            Write(new FileOffset(offset.Value + done), zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
        }
    }

    /// <inheritdoc/>
    public bool TryShift(long distance) => HostFileCalls.TryShift(_file.SafeFileHandle, distance);

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(FileOffset offset, long length) => HostFileCalls.EnumerateExtents(_file.SafeFileHandle, offset.Value, length);

    /// <summary>Says that the file gets another name when it is finished.</summary>
    /// <exception cref="DiagnosticException">There is a file of that name (BLK004).</exception>
    public void Rename(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Path = !System.IO.Path.Exists(path) ? path : throw BlockDiagnostics.WriteFailed.ToException("there is a file of this name already, and it is not overwritten", path);
    }

    /// <summary>Waits until the disk has what was written, also where the options leave that to the system.</summary>
    /// <exception cref="DiagnosticException">The file cannot be flushed (BLK004).</exception>
    public void Synchronize() => Guard("flushing", file =>
    {
        _options.Witness?.Flushing(_partialPath);
        RandomAccess.FlushToDisk(file.SafeFileHandle);
    });

    /// <summary>Gives back the page cache, so that whoever reads the file next reads the disk.</summary>
    public void DropCache() => HostFileCalls.DropCache(_file.SafeFileHandle, 0, 0);

    /// <summary>Flushes and closes the file and gives it its name.</summary>
    /// <exception cref="DiagnosticException">The file cannot be flushed or renamed (BLK004).</exception>
    public void Commit()
    {
        Flush();
        Guard($"renaming to {Path}", _ =>
        {
            _options.Witness?.Renaming(_partialPath, Path);
            File.Move(_partialPath, Path, overwrite: false);
        });
        _isCommitted = true;
        _direct?.Dispose();
        _file.Dispose();
        if (_options.IsDurable)
        {
            HostFileClone.FlushDirectory(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path)) ?? "/");
        }
    }

    /// <summary>Closes the file; deletes it unless it was committed or is kept to be continued.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (!_isCommitted && !_isKept)
        {
            try
            {
                _options.Witness?.Removing(_partialPath);
                File.Delete(_partialPath);
                File.Delete(_partialPath + JournalSuffix);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Already failing or being cancelled: the name says that the file is not finished.
            }
        }

        _direct?.Dispose();
        _file.Dispose();
    }

    private static FileStream Open(string partialPath, bool continues)
    {
        var file = new FileStream(partialPath, new FileStreamOptions
        {
            Mode = continues ? FileMode.Open : FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None, // an advisory lock on Linux: a second run sees that this one is alive
            BufferSize = 0,
            UnixCreateMode = continues ? null : UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        if (HostFileCalls.GetFileNumber(file.SafeFileHandle) == HostFileCalls.GetFileNumber(partialPath))
        {
            return file;
        }

        // Between making and locking it another run took it for a leftover, removed it and made its own.
        file.Dispose();
        throw new IOException("another run began at the same moment");
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

    private void Guard(string what, Action<FileStream> action)
    {
        try
        {
            action(_file);
        }
        catch (ArgumentOutOfRangeException e)
        {
            // What the framework makes of EFBIG: FAT has files of 4 GiB at most, ext4 of 16 TiB.
            throw BlockDiagnostics.WriteFailed.ToException($"{what}: the file is too large for its file system", Path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"{what}: {e.Message}", Path, e);
        }
    }
}
