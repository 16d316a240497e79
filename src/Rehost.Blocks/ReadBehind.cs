using Microsoft.Win32.SafeHandles;

namespace Rehost.Blocks;

/// <summary>Gives the page cache back behind a large source that is read once, roughly from front to back.</summary>
internal sealed class ReadBehind(SafeFileHandle handle)
{
    private const long Window = 32 << 20;
    private const long Kept = 64 << 20; // read-ahead of others, tables that are read again
    private long _dropped;

    /// <summary>Notes a read.</summary>
    public void Read(long offset, int length)
    {
        var from = Interlocked.Read(ref _dropped);
        var to = (offset + length - Kept) / Window * Window;
        if (to > from && Interlocked.CompareExchange(ref _dropped, to, from) == from)
        {
            HostFileCalls.DropCache(handle, from, to - from);
        }
    }
}
