using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>The few system calls on host files that the framework does not offer.</summary>
internal static partial class HostFileCalls
{
    private const int SeekEnd = 2;
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int NoDataBeyond = 6; // ENXIO
    private const int KeepSize = 1;
    private const int PunchHole = 2;
    private const int NonBlocking = 0x800; // the values of x86-64 and arm64
    private static readonly int NoFollow = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;
    private const int CloseOnExec = 0x80000;

    /// <summary>Bytes of a file or of a block device (whose stat size is 0).</summary>
    public static long GetLength(SafeFileHandle handle)
    {
        var end = Seek(handle, 0, SeekEnd);
        return end >= 0 ? end : RandomAccess.GetLength(handle);
    }

    /// <summary>Data and holes of a range; a file system without SEEK_DATA answers one data extent.</summary>
    public static IEnumerable<Extent> EnumerateExtents(SafeFileHandle handle, long offset, long length)
    {
        var end = checked(offset + length);
        while (offset < end)
        {
            var data = Seek(handle, offset, SeekData);
            if (data < 0)
            {
                var kind = Marshal.GetLastPInvokeError() == NoDataBeyond ? ExtentKind.Hole : ExtentKind.Data;
                yield return new Extent(offset, end - offset, kind);
                yield break;
            }

            if (data > offset)
            {
                var holeEnd = Math.Min(data, end);
                yield return new Extent(offset, holeEnd - offset, ExtentKind.Hole);
                offset = holeEnd;
                continue;
            }

            var hole = Seek(handle, offset, SeekHole);
            var dataEnd = hole < 0 ? end : Math.Min(hole, end);
            if (dataEnd <= offset)
            {
                dataEnd = end;
            }

            yield return new Extent(offset, dataEnd - offset, ExtentKind.Data);
            offset = dataEnd;
        }
    }

    /// <summary>Frees a range so that it reads as zeros; false where the file system or device cannot.</summary>
    public static bool TryPunchHole(SafeFileHandle handle, long offset, long length)
        => length == 0 || Allocate(handle, KeepSize | PunchHole, offset, length) == 0;

    /// <summary>Opens a file for reading without waiting for the other end of a pipe and without following a link in its last part; invalid when that fails.</summary>
    public static SafeFileHandle OpenWithoutWaiting(string path)
        => new(Open(path, NonBlocking | NoFollow | CloseOnExec), ownsHandle: true);

    /// <summary>Whether a file has positions: pipes, sockets and terminals have none.</summary>
    public static bool CanSeek(SafeFileHandle handle) => Seek(handle, 0, SeekEnd) >= 0;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle handle, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle handle, int mode, long offset, long length);
}
