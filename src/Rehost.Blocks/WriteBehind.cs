using Microsoft.Win32.SafeHandles;

namespace Rehost.Blocks;

/// <summary>
/// Keeps a large copy from filling the page cache with pages nobody will read: windows behind the writing are sent to the disk, and dropped one window
/// later, when most of that has happened. Windows are counted by bytes written, so several threads may write.
/// </summary>
internal sealed class WriteBehind(SafeFileHandle handle)
{
    private const long Window = 32 << 20;
    private readonly Lock _gate = new();
    private long _sent;
    private long _dropped;

    /// <summary>Notes a write.</summary>
    public void Wrote(long offset, int length)
    {
        // Another thread may still be two pieces behind: half a window stays untouched.
        var settled = (offset + length - (Window / 2)) / Window * Window;
        long sendFrom;
        (long From, long To) drop;
        lock (_gate)
        {
            if (settled <= _sent)
            {
                return;
            }

            (sendFrom, _sent) = (_sent, settled);
            drop = (_dropped, sendFrom);
            _dropped = sendFrom;
        }

        HostFileCalls.StartWriteBack(handle, sendFrom, settled - sendFrom);
        if (drop.To > drop.From)
        {
            HostFileCalls.FinishWriteBack(handle, drop.From, drop.To - drop.From);
            HostFileCalls.DropCache(handle, drop.From, drop.To - drop.From);
        }
    }
}
