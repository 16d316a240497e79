using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Rehost.Blocks;

/// <summary>
/// Writes large pieces past the page cache (O_DIRECT, open(2)): no page is allocated, copied into and written back later, other programs keep theirs, and
/// the disk begins at once. What is small or not aligned goes the usual way through the cache, which the kernel keeps coherent with this one.
/// </summary>
internal sealed class DirectPath : IDisposable
{
    private const int WorthIt = 128 * 1024; // one request at a time: smaller ones are better joined by the cache
    private readonly SafeFileHandle _handle;
    private volatile bool _isPossible;

    /// <summary>Opens a way to a file that is open already; a file system that knows no such way is no error.</summary>
    public DirectPath(SafeFileHandle file)
    {
        _handle = HostFileCalls.OpenDirectly(file);
        _isPossible = !_handle.IsInvalid;
    }

    /// <summary>Writes the part of the data, from its start, that can be written so.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="IOException">The disk is full or broken.</exception>
    public int Write(long offset, ReadOnlySpan<byte> data)
    {
        const int alignment = AlignedBuffer.Alignment;
        var length = data.Length / alignment * alignment;
        if (!_isPossible || length < WorthIt || offset % alignment != 0 || !IsAligned(data))
        {
            return 0;
        }

        var done = 0;
        while (done < length)
        {
            var count = HostFileCalls.Write(_handle, data[done..length], offset + done);
            if (count <= 0 || count % alignment != 0)
            {
                // Whatever it is, the usual way shows whether it is an error, and which.
                _isPossible = false;
                return done;
            }

            done += count;
        }

        return done;
    }

    public void Dispose() => _handle.Dispose();

    private static unsafe bool IsAligned(ReadOnlySpan<byte> data)
        => (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(data)) % AlignedBuffer.Alignment == 0;
}
