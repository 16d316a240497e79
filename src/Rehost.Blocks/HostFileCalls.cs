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
    private const int CollapseRange = 8;
    private const int ZeroRange = 16;
    private const int InsertRange = 32;
    private const int NotSupported = 95; // EOPNOTSUPP
    private const int AdviseSequential = 2;
    private const int AdviseDontNeed = 4; // s390x alone has another value
    private const uint StartWriting = 2;
    private const uint WriteAndWait = 1 | 2 | 4;
    private const int NonBlocking = 0x800; // the values of x86-64 and arm64
    private static readonly int NoFollow = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;
    private const int CloseOnExec = 0x80000;
    private static readonly int Direct = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x10000 : 0x4000;
    private const int WriteOnly = 1;
    private const int ReadWrite = 2;
    private const int Exclusive = 0x80;
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const uint TypeMask = 1; // STATX_TYPE
    private const uint NumberMask = 0x100; // STATX_INO

    /// <summary>EBUSY.</summary>
    public const int Busy = 16;

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

    /// <summary>Makes a range read as zeros by the kernel's own writing of them where the device has nothing better; false where that is not to be had.</summary>
    public static bool TryZeroRange(SafeFileHandle handle, long offset, long length)
        => length == 0 || Allocate(handle, KeepSize | ZeroRange, offset, length) == 0;

    /// <summary>Moves the content of a file: a positive distance puts a hole in front of it, a negative one cuts its start off. False where the file system cannot (ext4 and XFS can, by whole blocks).</summary>
    public static bool TryShift(SafeFileHandle handle, long distance)
        => distance == 0 || Allocate(handle, distance > 0 ? InsertRange : CollapseRange, 0, Math.Abs(distance)) == 0;

    /// <summary>Reserves blocks for a range; returns 0, or the error. A file system that cannot reserve is no error.</summary>
    public static int Reserve(SafeFileHandle handle, long offset, long length)
        => length == 0 || Allocate(handle, 0, offset, length) == 0 || Marshal.GetLastPInvokeError() == NotSupported ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Says that a file will be read from front to back: the kernel reads further ahead.</summary>
    public static void AdviseSequentialReading(SafeFileHandle handle) => _ = Advise(handle, 0, 0, AdviseSequential);

    /// <summary>Gives back the page cache of a range, as far as it is clean.</summary>
    public static void DropCache(SafeFileHandle handle, long offset, long length) => _ = Advise(handle, offset, length, AdviseDontNeed);

    /// <summary>Has a range written to the disk, without waiting.</summary>
    public static void StartWriteBack(SafeFileHandle handle, long offset, long length) => _ = SynchronizeRange(handle, offset, length, StartWriting);

    /// <summary>Waits until a range is on its way out of the cache. Says nothing about durability: that is what a flush is for.</summary>
    public static void FinishWriteBack(SafeFileHandle handle, long offset, long length) => _ = SynchronizeRange(handle, offset, length, WriteAndWait);

    /// <summary>Opens a file for reading without waiting for the other end of a pipe and without following a link in its last part; invalid when that fails.</summary>
    public static SafeFileHandle OpenWithoutWaiting(string path)
        => new(Open(path, NonBlocking | NoFollow | CloseOnExec), ownsHandle: true);

    /// <summary>Opens a block device for reading and writing, and for nobody else of its kind; invalid when that fails.</summary>
    public static SafeFileHandle OpenExclusively(string path)
        => new(Open(path, ReadWrite | Exclusive | CloseOnExec), ownsHandle: true);

    /// <summary>Opens an open file once more, for writing past the page cache; invalid where its file system cannot.</summary>
    public static SafeFileHandle OpenDirectly(SafeFileHandle file)
        => new(Open($"/proc/self/fd/{file.DangerousGetHandle()}", WriteOnly | Direct | CloseOnExec), ownsHandle: true);

    /// <summary>Writes once; returns the bytes written, which may be fewer, or -1.</summary>
    public static unsafe int Write(SafeFileHandle handle, ReadOnlySpan<byte> data, long offset)
    {
        fixed (byte* start = data)
        {
            return (int)WriteAt(handle, start, (nuint)data.Length, offset);
        }
    }

    /// <summary>Whether a path, links followed, names a block device. The framework does not tell, and stat(2)'s structure differs between machines: statx(2)'s does not.</summary>
    public static unsafe bool IsBlockDevice(string path)
    {
        var result = stackalloc byte[256];
        if (ExtendedStatus(CurrentDirectory, path, 0, TypeMask, result) != 0)
        {
            return false;
        }

        // struct statx: mask 4, blksize 4, attributes 8, nlink 4, uid 4, gid 4, mode 2.
        return (*(ushort*)(result + 28) & 0xf000) == 0x6000;
    }

    /// <summary>Whether a path, links followed, names a pipe, a socket, a terminal or another device that is no disk: opening one may wait for ever, and it has no content of a certain length.</summary>
    public static unsafe bool IsNoDisk(string path)
    {
        var result = stackalloc byte[256];
        return ExtendedStatus(CurrentDirectory, path, 0, TypeMask, result) == 0 && (*(ushort*)(result + 28) & 0xf000) is 0x1000 or 0xc000 or 0x2000;
    }

    /// <summary>The number of a file on its file system; 0 where it is not to be had.</summary>
    public static unsafe ulong GetFileNumber(string path)
    {
        var result = stackalloc byte[256];
        return ExtendedStatus(CurrentDirectory, path, 0, NumberMask, result) == 0 ? *(ulong*)(result + 32) : 0; // behind the mode and padding
    }

    /// <summary>The number of an open file; 0 where it is not to be had.</summary>
    public static unsafe ulong GetFileNumber(SafeFileHandle handle)
    {
        var result = stackalloc byte[256];
        return ExtendedStatus(handle, "", EmptyPath, NumberMask, result) == 0 ? *(ulong*)(result + 32) : 0;
    }

    /// <summary>Whether a file is a regular one or a block device: anything else has no content of a certain length.</summary>
    public static unsafe bool HasContent(SafeFileHandle handle)
    {
        var result = stackalloc byte[256];
        return ExtendedStatus(handle, "", EmptyPath, TypeMask, result) == 0 && (*(ushort*)(result + 28) & 0xf000) is 0x8000 or 0x6000;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static unsafe partial nint WriteAt(SafeFileHandle handle, byte* data, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(SafeFileHandle handle, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int ExtendedStatus(int directory, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static unsafe partial int ExtendedStatus(SafeFileHandle file, string path, int flags, uint mask, byte* result);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle handle, long offset, long length, int advice);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SynchronizeRange(SafeFileHandle handle, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(SafeFileHandle handle, int mode, long offset, long length);
}
