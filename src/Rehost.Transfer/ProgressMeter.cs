namespace Rehost.Transfer;

/// <summary>Reports ten times a second at most: a listener that draws must not slow the copy down.</summary>
internal sealed class ProgressMeter(IProgress<TransferProgress>? listener, TimeProvider time, long total)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly long _started = time.GetTimestamp();
    private readonly Lock _gate = new();
    private TimeSpan _reported = TimeSpan.MinValue;
    private long _done;

    /// <summary>Counts bytes.</summary>
    public void Add(long bytes)
    {
        lock (_gate)
        {
            _done += bytes;
            var elapsed = time.GetElapsedTime(_started);
            if (listener is not null && (_reported == TimeSpan.MinValue || elapsed - _reported >= Interval || _done == total))
            {
                _reported = elapsed;
                listener.Report(new TransferProgress(_done, total, elapsed));
            }
        }
    }
}
