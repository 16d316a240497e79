using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>A host file or block device as it is, byte for byte. Holes are found with SEEK_DATA and SEEK_HOLE (lseek(2)).</summary>
public sealed class FileDevice : IBlockDevice
{
    private readonly SafeFileHandle _handle;
    private ReadBehind? _readBehind;

    private FileDevice(SafeFileHandle handle, string path, long length, bool canWrite)
    {
        _handle = handle;
        Path = path;
        Length = length;
        CanWrite = canWrite;
    }

    /// <summary>The file's path, for messages.</summary>
    public string Path { get; }

    /// <summary>Its number on its file system: another file of the same name has another.</summary>
    public ulong FileNumber => HostFileCalls.GetFileNumber(Path);

    /// <summary>The number of whatever file a path leads to now; 0 when there is none.</summary>
    public static ulong NumberOf(string path) => HostFileCalls.GetFileNumber(path);

    /// <inheritdoc/>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public bool CanWrite { get; }

    /// <summary>The open file, for those who clone ranges of it.</summary>
    public SafeFileHandle Handle => _handle;

    /// <summary>Opens a source. It cannot be written through this device.</summary>
    /// <exception cref="DiagnosticException">The file is missing (BLK005) or unreadable (BLK003).</exception>
    public static FileDevice OpenRead(string path) => Open(path, FileMode.Open, FileAccess.Read, length: null);

    /// <summary>Opens a file that an image refers to: a regular file or a block device, whose name has no links left. A pipe or a terminal is refused instead of waited for.</summary>
    /// <exception cref="DiagnosticException">The file is missing (BLK005), unreadable (BLK003) or something else than a file (BLK006).</exception>
    public static FileDevice OpenReferenced(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var handle = HostFileCalls.OpenWithoutWaiting(path);
        if (handle.IsInvalid)
        {
            handle.Dispose();

            throw BlockDiagnostics.ReadFailed.ToException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()), path);
        }

        if (!HostFileCalls.HasContent(handle))
        {
            handle.Dispose();
            throw BlockDiagnostics.OutsideDirectory.ToException("an image refers to it, and it is neither a file nor a block device", path);
        }

        return new FileDevice(handle, path, HostFileCalls.GetLength(handle), canWrite: false);
    }

    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="DiagnosticException">The file is missing (BLK005) or unreadable (BLK003).</exception>
    public static FileDevice OpenReadWrite(string path) => Open(path, FileMode.Open, FileAccess.ReadWrite, length: null);

    /// <summary>Makes a new sparse file; only its owner may read it, because it will hold guest data.</summary>
    /// <exception cref="DiagnosticException">The file exists or cannot be made (BLK004).</exception>
    public static FileDevice Create(string path, long length) => Open(path, FileMode.CreateNew, FileAccess.ReadWrite, length);

    /// <summary>
    /// Says that the file will be read once, roughly from front to back: the kernel reads further ahead. Where it is large against the memory, the page
    /// cache is given back behind the reading, so that a copy does not push out what the machine works with.
    /// </summary>
    /// <param name="leavesCache">Whether to give the cache back.</param>
    public void ReadOnce(bool leavesCache)
    {
        HostFileCalls.AdviseSequentialReading(_handle);
        _readBehind = leavesCache ? new ReadBehind(_handle) : null;
    }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Path);
        _readBehind?.Read(offset.Value, buffer.Length);
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = RandomAccess.Read(_handle, buffer, offset.Value);
                if (count == 0)
                {
                    throw BlockDiagnostics.OutOfRange.ToException($"the file ended at {offset.Value} while being read; it had {Length} bytes when opened", Path);
                }

                offset += count;
                buffer = buffer[count..];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.ReadFailed.ToException($"reading {buffer.Length} bytes at {offset.Value}: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        DemandWrite(offset, data.Length);
        try
        {
            RandomAccess.Write(_handle, data, offset.Value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"writing {data.Length} bytes at {offset.Value}: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        DemandWrite(offset, length);
        if (HostFileCalls.TryPunchHole(_handle, offset.Value, length))
        {
            return;
        }

        var zeros = new byte[Math.Min(length, 1 << 20)];
        for (long done = 0; done < length; done += zeros.Length)
        {
            Write(offset + done, zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"flushing: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Path);
        return HostFileCalls.EnumerateExtents(_handle, offset.Value, length);
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Path);
        return length > 0 ? new StoredRange(this, new FileOffset(offset.Value), length) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private static FileDevice Open(string path, FileMode mode, FileAccess access, long? length)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (mode != FileMode.CreateNew && HostFileCalls.IsNoDisk(path))
        {
            // A configuration may name anything as a disk.
            throw BlockDiagnostics.ReadFailed.ToException("it is neither a file nor a block device", path);
        }

        SafeFileHandle? handle = null;
        try
        {
            if (mode == FileMode.CreateNew)
            {
                using var created = new FileStream(path, new FileStreamOptions
                {
                    Mode = mode,
                    Access = access,
                    UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                });
                created.SetLength(length.GetValueOrDefault());
                mode = FileMode.Open;
            }

            handle = File.OpenHandle(path, mode, access, FileShare.ReadWrite);
            var actual = HostFileCalls.GetLength(handle);
            return new FileDevice(handle, path, actual, access != FileAccess.Read);
        }
        catch (ArgumentOutOfRangeException e)
        {
            File.Delete(path);
            throw BlockDiagnostics.WriteFailed.ToException($"{length} bytes are too many for a file there", path, e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            handle?.Dispose();
            throw BlockDiagnostics.NotFound.ToException("no such file", path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            handle?.Dispose();
            throw (length is null ? BlockDiagnostics.ReadFailed : BlockDiagnostics.WriteFailed).ToException(e.Message, path, e);
        }
    }

    private void DemandWrite(GuestOffset offset, long length)
    {
        if (!CanWrite)
        {
            throw BlockDiagnostics.ReadOnly.ToException("the file was opened for reading", Path);
        }

        BlockDiagnostics.CheckRange(offset, length, Length, Path);
    }
}
