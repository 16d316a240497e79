using System.Collections.Immutable;
using System.Diagnostics;

namespace Rehost.Pipeline;

/// <summary>Announces stages and keeps the time that each took.</summary>
internal sealed class StageClock(IProgressSink progress)
{
    private readonly ImmutableArray<StageTime>.Builder _times = ImmutableArray.CreateBuilder<StageTime>();

    /// <summary>What the finished stages took.</summary>
    public ImmutableArray<StageTime> Times => _times.ToImmutable();

    /// <summary>Runs a stage that moves no bytes worth counting.</summary>
    public T Run<T>(string title, Func<T> stage) => Run(title, null, _ => stage());

    /// <summary>Runs a stage.</summary>
    /// <param name="title">What is being done.</param>
    /// <param name="totalBytes">Bytes that it will move.</param>
    /// <param name="stage">The work; it reports the bytes done.</param>
    public T Run<T>(string title, long? totalBytes, Func<Action<long>, T> stage)
    {
        progress.BeginStage(title, totalBytes);
        var started = Stopwatch.GetTimestamp();
        try
        {
            return stage(progress.Report);
        }
        finally
        {
            _times.Add(new StageTime(title, Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3)));
        }
    }
}
