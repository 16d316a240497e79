using System.Diagnostics;
using System.Globalization;
using Rehost.Pipeline;

namespace Rehost.Cli.Output;

/// <summary>Progress as plain lines, for logs and pipes: a line when a stage begins, and one every five seconds while it moves bytes.</summary>
internal sealed class PlainProgress(TextWriter writer, TimeProvider time) : IProgressSink
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private string _title = "";
    private long? _bytes;
    private long _started;
    private long _lastLine;

    public void BeginStage(string title, long? totalBytes = null)
    {
        _title = TerminalText.Clean(title);
        _bytes = totalBytes;
        _started = _lastLine = time.GetTimestamp();
        writer.WriteLine(totalBytes is { } total ? $"{_title} ({TerminalText.Bytes(total)})" : _title);
    }

    public void Report(long doneBytes)
    {
        if (_bytes is not { } total || time.GetElapsedTime(_lastLine) < Interval)
        {
            return;
        }

        _lastLine = time.GetTimestamp();
        var rate = Estimate.Rate(doneBytes, time.GetElapsedTime(_started));
        writer.WriteLine($"{_title}: {TerminalText.Bytes(doneBytes)} of {TerminalText.Bytes(total)}, {TerminalText.Bytes((long)rate)}/s, {Estimate.Remaining(total - doneBytes, rate)} left");
    }

    public void Complete() => writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done in {_total.Elapsed.TotalSeconds:0.0} s"));
}
