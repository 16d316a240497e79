namespace Rehost.Transfer.Tests;

public sealed class ProgressMeterTests
{
    [Fact]
    public void A_clock_that_jumps_disturbs_nothing()
    {
        var reports = new List<TransferProgress>();
        var clock = new JumpingClock();
        var meter = new ProgressMeter(new Listener(reports), clock, 1000);
        foreach (var step in new[] { 1, TimeSpan.TicksPerDay * 400, -TimeSpan.TicksPerDay * 4000, 0, 5, TimeSpan.TicksPerSecond, -1 })
        {
            clock.Ticks += step;
            meter.Add(100);
        }

        meter.Add(300);
        Assert.Equal(1000, reports[^1].BytesDone);
        Assert.All(reports, report => Assert.True(report.Remaining is null || report.Rate >= 0));
    }

    private sealed class Listener(List<TransferProgress> reports) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => reports.Add(value);
    }

    private sealed class JumpingClock : TimeProvider
    {
        public long Ticks { get; set; } = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Ticks;
    }
}
