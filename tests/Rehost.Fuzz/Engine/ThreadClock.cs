using System.Globalization;
using System.Runtime.InteropServices;

namespace Rehost.Fuzz.Engine;

/// <summary>Processor time of a thread: what a hang is measured by, since the machine may be busy with other things.</summary>
internal static class ThreadClock
{
    private const int ThreadProcessorTime = 3; // CLOCK_THREAD_CPUTIME_ID

    /// <summary>Of the calling thread.</summary>
    public static TimeSpan Now()
    {
        var time = new TimeSpec();
        return GetTime(ThreadProcessorTime, ref time) == 0 ? TimeSpan.FromSeconds(time.Seconds) + TimeSpan.FromMicroseconds(time.Nanoseconds / 1000d) : TimeSpan.Zero;
    }

    /// <summary>The kernel's number of the calling thread.</summary>
    public static int ThreadId() => GetThreadId();

    /// <summary>Of any thread of this process, in ticks of a hundredth of a second.</summary>
    public static TimeSpan Of(int threadId)
    {
        try
        {
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{threadId}/stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return TimeSpan.FromMilliseconds(10 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            return TimeSpan.Zero;
        }
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetTime(int clock, ref TimeSpec time);

    [DllImport("libc", EntryPoint = "gettid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int GetThreadId();

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
