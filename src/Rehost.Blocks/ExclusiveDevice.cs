using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A raw disk that is written in place, held for this process alone: a file under the locks of .NET programs (flock) and of QEMU (open file description locks, fcntl(2)) that no loop device
/// serves, or a block device that the kernel gives to nobody else (O_EXCL).
/// </summary>
public sealed partial class ExclusiveDevice : IResizableDevice
{
    private const int SetLock = 37; // F_OFD_SETLK
    private const short WriteLock = 1; // F_WRLCK
    private const string LoopDevices = "/sys/block";
    private readonly SafeFileHandle _handle;
    private readonly bool _isDevice;

    private ExclusiveDevice(SafeFileHandle handle, string path, bool isDevice)
    {
        _handle = handle;
        _isDevice = isDevice;
        Path = path;
        Length = HostFileCalls.GetLength(handle);
    }

    /// <summary>The path that was opened.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public long Length { get; private set; }

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <summary>Whether it can grow.</summary>
    public bool CanGrow => !_isDevice;

    /// <summary>Opens a disk.</summary>
    /// <exception cref="DiagnosticException">It is missing (BLK005), in use (BLK007), or may not be written (BLK004).</exception>
    public static ExclusiveDevice Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var handle = HostFileCalls.IsBlockDevice(path) ? OpenDevice(path) : OpenFile(path);
        return new ExclusiveDevice(handle, path, HostFileCalls.IsBlockDevice(path));
    }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Path);
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = RandomAccess.Read(_handle, buffer, offset.Value);
                if (count == 0)
                {
                    throw BlockDiagnostics.OutOfRange.ToException($"the file ended at {offset.Value} while being read", Path);
                }

                offset += count;
                buffer = buffer[count..];
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.ReadFailed.ToException($"reading at {offset.Value}: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, Path);
        try
        {
            RandomAccess.Write(_handle, data, offset.Value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"writing at {offset.Value}: {e.Message}", Path, e);
        }
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Path);
        if (!_isDevice && HostFileCalls.TryPunchHole(_handle, offset.Value, length))
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
    public void SetLength(long length)
    {
        if (_isDevice)
        {
            throw BlockDiagnostics.DeviceTooSmall.ToException($"the device has {Length} bytes, {length} are wanted", Path);
        }

        try
        {
            RandomAccess.SetLength(_handle, length);
            Length = length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"setting the length to {length}: {e.Message}", Path, e);
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
    public void Dispose() => _handle.Dispose();

    private static SafeFileHandle OpenDevice(string path)
    {
        var handle = HostFileCalls.OpenExclusively(path);
        if (!handle.IsInvalid)
        {
            return handle;
        }

        var error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        throw (error == HostFileCalls.Busy ? BlockDiagnostics.DeviceInUse : BlockDiagnostics.WriteFailed).ToException(
            error == HostFileCalls.Busy ? "it is mounted, used for swap, or part of another device" : Marshal.GetPInvokeErrorMessage(error), path);
    }

    private static SafeFileHandle OpenFile(string path)
    {
        if (!File.Exists(path))
        {
            throw BlockDiagnostics.NotFound.ToException("no such file", path);
        }

        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException(e.Message, path, e);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.DeviceInUse.ToException($"another program holds it: {e.Message}", path, e);
        }

        var whole = new FileLock { Type = WriteLock };
        if (Control(handle, SetLock, ref whole) != 0)
        {
            handle.Dispose();
            throw BlockDiagnostics.DeviceInUse.ToException("another program has locked it, as QEMU does while the guest runs", path);
        }

        if (LoopDeviceOf(path) is { } loop)
        {
            handle.Dispose();
            throw BlockDiagnostics.DeviceInUse.ToException($"it is attached to {loop}", path);
        }

        return handle;
    }

    // A file that is mounted through a loop device carries no lock.
    private static string? LoopDeviceOf(string path)
    {
        try
        {
            var real = new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? System.IO.Path.GetFullPath(path);
            return Directory.EnumerateDirectories(LoopDevices, "loop*").Where(device => File.Exists($"{device}/loop/backing_file"))
                .FirstOrDefault(device => File.ReadAllText($"{device}/loop/backing_file").TrimEnd('\n') == real) is { } found ? "/dev/" + System.IO.Path.GetFileName(found) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // no such view of the kernel here: the locks above are what there is
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command, ref FileLock argument);

    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Process;
    }
}
