namespace Rehost.Fuzz.Engine;

/// <summary>Watches the thread that executes. One that hangs cannot be stopped, so the process ends; whoever started it finds the input in the capture file.</summary>
internal sealed class Watchdog : IDisposable
{
    /// <summary>Exit code of a process that ended because of a hang.</summary>
    public const int HangCode = 44;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private readonly int _thread = ThreadClock.ThreadId();
    private readonly Timer _timer;
    private long _execution;
    private long _seen = -1;
    private TimeSpan _since;

    public Watchdog() => _timer = new Timer(_ => Look(), null, Interval, Interval);

    /// <summary>Says that another execution begins.</summary>
    public void Begin() => Interlocked.Increment(ref _execution);

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var execution = Interlocked.Read(ref _execution);
        var now = ThreadClock.Of(_thread);
        if (execution != _seen)
        {
            (_seen, _since) = (execution, now);
        }
        else if (now - _since > Executor.Longest * 2)
        {
            Environment.Exit(HangCode);
        }
    }
}
