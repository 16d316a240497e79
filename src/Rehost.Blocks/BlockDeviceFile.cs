using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// An existing block device (a disk, a partition, a logical volume) as the place of a new image. What it held is overwritten, so it is opened only when
/// the operator said so, and only while nobody uses it: O_EXCL makes the kernel refuse what is mounted, swapped on or part of another device (open(2)).
/// Several threads may write at once, to ranges that do not overlap.
/// </summary>
public sealed class BlockDeviceFile : IImageFile
{
    private const int ZeroPieceSize = 1 << 20;
    private const int Alignment = 4096; // of what the kernel is asked to zero: a multiple of every sector size
    private readonly SafeFileHandle _handle;
    private readonly CommittedFileOptions _options;
    private readonly DirectPath? _direct;
    private readonly WriteBehind? _writeBehind;
    private volatile bool _canPunch = true;
    private volatile bool _canZero = true;

    private BlockDeviceFile(SafeFileHandle handle, string path, long capacity, CommittedFileOptions options)
    {
        _handle = handle;
        _options = options;
        _direct = options.IsDurable || options.LeavesCache ? new DirectPath(handle) : null;
        _writeBehind = options.LeavesCache ? new WriteBehind(handle) : null;
        Name = path;
        Capacity = capacity;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <summary>Bytes of the device.</summary>
    public long Capacity { get; }

    /// <inheritdoc/>
    public bool IsFresh => false;

    /// <summary>Whether a path, links followed, names a block device.</summary>
    public static bool IsBlockDevice(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return HostFileCalls.IsBlockDevice(path);
    }

    /// <summary>Opens a device for overwriting.</summary>
    /// <exception cref="DiagnosticException">It is in use, not a block device, or may not be written (BLK004, BLK007).</exception>
    public static BlockDeviceFile Open(string path, CommittedFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!IsBlockDevice(path))
        {
            throw BlockDiagnostics.DeviceInUse.ToException("it is no block device", path);
        }

        var handle = HostFileCalls.OpenExclusively(path);
        if (handle.IsInvalid)
        {
            var error = Marshal.GetLastPInvokeError();
            handle.Dispose();
            throw (error == HostFileCalls.Busy ? BlockDiagnostics.DeviceInUse : BlockDiagnostics.WriteFailed).ToException(
                error == HostFileCalls.Busy ? "it is mounted, used for swap, or part of another device" : Marshal.GetPInvokeErrorMessage(error), path);
        }

        return new BlockDeviceFile(handle, path, HostFileCalls.GetLength(handle), options ?? new CommittedFileOptions());
    }

    /// <inheritdoc/>
    public void Write(FileOffset offset, ReadOnlySpan<byte> data)
    {
        Demand(offset.Value + data.Length);
        try
        {
            if (_direct?.Write(offset.Value, data) is > 0 and var written)
            {
                offset = new FileOffset(offset.Value + written);
                data = data[written..];
            }

            RandomAccess.Write(_handle, data, offset.Value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"writing at {offset.Value}: {e.Message}", Name, e);
        }

        _writeBehind?.Wrote(offset.Value, data.Length);
    }

    /// <summary>Checks that the device is large enough; its length is what it is, and what lies beyond the image stays as it was.</summary>
    public void SetLength(long length) => Demand(length);

    /// <inheritdoc/>
    public void WriteZeros(FileOffset offset, long length)
    {
        Demand(offset.Value + length);
        var start = Math.Min(offset.Value + length, (offset.Value + Alignment - 1) / Alignment * Alignment);
        var end = Math.Max(start, (offset.Value + length) / Alignment * Alignment);
        WriteZeroBytes(offset.Value, start - offset.Value);

        // Discarding gives the space back where the device promises zeros afterwards; else the kernel has the device write zeros, or writes them itself.
        _canPunch = _canPunch && HostFileCalls.TryPunchHole(_handle, start, end - start);
        if (!_canPunch)
        {
            _canZero = _canZero && HostFileCalls.TryZeroRange(_handle, start, end - start);
            if (!_canZero)
            {
                WriteZeroBytes(start, end - start);
            }
        }

        WriteZeroBytes(end, offset.Value + length - end);
    }

    /// <inheritdoc/>
    public bool TryShare(FileDevice source, FileOffset sourceOffset, FileOffset offset, long length) => false;

    /// <inheritdoc/>
    public void Flush()
    {
        if (!_options.IsDurable)
        {
            return;
        }

        try
        {
            RandomAccess.FlushToDisk(_handle);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"flushing: {e.Message}", Name, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _direct?.Dispose();
        _handle.Dispose();
    }

    private void Demand(long end)
    {
        if (end > Capacity)
        {
            throw BlockDiagnostics.DeviceTooSmall.ToException($"the device has {Capacity} bytes, {end} are needed", Name);
        }
    }

    private void WriteZeroBytes(long offset, long length)
    {
        if (length <= 0)
        {
            return;
        }

        var zeros = new byte[Math.Min(length, ZeroPieceSize)];
        for (long done = 0; done < length; done += zeros.Length)
        {
            Write(new FileOffset(offset + done), zeros.AsSpan(0, (int)Math.Min(zeros.Length, length - done)));
        }
    }
}
