using System.Globalization;

namespace Rehost.Cli.Output;

/// <summary>Rates and times left, from what was really moved so far.</summary>
internal static class Estimate
{
    public static double Rate(long bytes, TimeSpan elapsed) => elapsed.TotalSeconds < 0.001 ? 0 : bytes / elapsed.TotalSeconds;

    public static string Remaining(long bytes, double rate)
    {
        if (rate < 1)
        {
            return "unknown time";
        }

        var left = TimeSpan.FromSeconds(Math.Min(bytes / rate, 1e7));
        return left.TotalHours >= 1 ? left.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture) : left.ToString(@"m\:ss", CultureInfo.InvariantCulture);
    }
}
