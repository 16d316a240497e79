using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Rehost.Blocks;

/// <summary>Sharing blocks between host files (ioctl_ficlonerange(2): XFS, Btrfs, bcachefs) and making a rename durable.</summary>
internal static partial class HostFileClone
{
    private const ulong CloneRange = 0x4020940D; // _IOW(0x94, 13, struct file_clone_range)
    private const int OpenDirectory = 0x10000 | 0x80000; // O_DIRECTORY | O_CLOEXEC, x86-64 and most others

    /// <summary>Shares a range; false where the file systems cannot, whatever the cause.</summary>
    public static bool TryCloneRange(SafeFileHandle source, long sourceOffset, SafeFileHandle target, long targetOffset, long length)
    {
        if (length == 0)
        {
            return true;
        }

        var added = false;
        try
        {
            source.DangerousAddRef(ref added);
            var request = new FileCloneRange { SourceFile = source.DangerousGetHandle(), SourceOffset = (ulong)sourceOffset, SourceLength = (ulong)length, TargetOffset = (ulong)targetOffset };
            return ControlDevice(target, CloneRange, ref request) == 0;
        }
        finally
        {
            if (added)
            {
                source.DangerousRelease();
            }
        }
    }

    /// <summary>Makes a rename in a directory durable, as far as the file system does that.</summary>
    public static void FlushDirectory(string path)
    {
        var descriptor = OpenFile(path, OpenDirectory);
        if (descriptor >= 0)
        {
            using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
            _ = Synchronize(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int ControlDevice(SafeFileHandle file, ulong request, ref FileCloneRange argument);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Synchronize(SafeFileHandle file);

    [StructLayout(LayoutKind.Sequential)]
    private struct FileCloneRange
    {
        public long SourceFile;
        public ulong SourceOffset;
        public ulong SourceLength;
        public ulong TargetOffset;
    }
}
