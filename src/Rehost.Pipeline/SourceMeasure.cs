using System.Diagnostics;
using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Sources;

namespace Rehost.Pipeline;

/// <summary>Reads a sample of the source, to say honestly what a conversion will take.</summary>
internal static class SourceMeasure
{
    private const long SampleBytes = 64 << 20;

    /// <summary>Measures.</summary>
    public static ConversionEstimate Estimate(OpenSource source, ConversionPlan plan, IReadOnlyList<DiskFreeSpace> free, CancellationToken cancellationToken)
    {
        var stored = source.Disks.Zip(free, (disk, space) => new HollowDevice(disk, space.Ranges)).Sum(disk => disk.GetExtents(GuestOffset.Zero, disk.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length));
        var rate = Rate(source, cancellationToken);
        var growth = plan.Target.Disks.Sum(disk => disk.LengthBytes) - plan.Source.Disks.Sum(disk => disk.LengthBytes);
        return new ConversionEstimate(stored, stored + growth, rate, rate == 0 ? 0 : Math.Round((double)stored / rate, 1));
    }

    private static long Rate(OpenSource source, CancellationToken cancellationToken)
    {
        var buffer = new byte[1 << 20];
        long done = 0;
        var started = Stopwatch.GetTimestamp();
        foreach (var disk in source.Disks)
        {
            foreach (var extent in disk.GetExtents(GuestOffset.Zero, disk.Length).Where(extent => extent.Kind == ExtentKind.Data))
            {
                for (var offset = extent.Offset; offset < extent.End && done < SampleBytes; offset += buffer.Length)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, extent.End - offset));
                    disk.Read(new GuestOffset(offset), part);
                    done += part.Length;
                }
            }
        }

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        return seconds < 0.0001 ? 0 : (long)(done / seconds);
    }
}
