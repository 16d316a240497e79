using System.Diagnostics;
using Rehost.Pipeline;
using Spectre.Console;

namespace Rehost.Cli.Output;

/// <summary>Progress as one live line on a terminal: stage, bar, bytes, rate and time left.</summary>
internal sealed class LiveProgress(IAnsiConsole console) : IProgressSink
{
    private const int BarWidth = 28;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _stage = new();
    private TimeSpan _lastDrawn;
    private string _title = "";
    private long? _bytes;
    private bool _isOpen;

    public void BeginStage(string title, long? totalBytes = null)
    {
        EndStage();
        _title = TerminalText.Clean(title);
        _bytes = totalBytes;
        _stage.Restart();
        _lastDrawn = -Interval;
        _isOpen = true;
        Draw(0);
    }

    public void Report(long doneBytes)
    {
        if (_stage.Elapsed - _lastDrawn >= Interval)
        {
            Draw(doneBytes);
        }
    }

    public void Complete()
    {
        EndStage();
        console.MarkupLineInterpolated($"[green]done[/] in {_total.Elapsed.TotalSeconds:0.0} s");
    }

    private void EndStage()
    {
        if (_isOpen)
        {
            Draw(_bytes ?? 0);
            console.WriteLine();
            _isOpen = false;
        }
    }

    private void Draw(long done)
    {
        _lastDrawn = _stage.Elapsed;
        var line = _title;
        if (_bytes is { } total and > 0)
        {
            var share = Math.Clamp((double)done / total, 0, 1);
            var filled = (int)(share * BarWidth);
            var rate = Estimate.Rate(done, _stage.Elapsed);
            var left = done >= total ? $"{_stage.Elapsed.TotalSeconds:0.0} s" : $"{Estimate.Remaining(total - done, rate)} left";
            line = $"{_title} {new string('━', filled)}{new string('─', BarWidth - filled)} {share,4:0%}  {TerminalText.Bytes(done)} of {TerminalText.Bytes(total)}  {TerminalText.Bytes((long)rate)}/s  {left}";
        }

        var width = Math.Max(20, console.Profile.Width - 1);
        console.Write(new ControlCode("\r\u001b[K"));
        console.Write(new Text(line.Length > width ? line[..width] : line));
    }
}
