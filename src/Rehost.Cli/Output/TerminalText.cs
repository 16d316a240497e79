using System.Globalization;
using Rehost.Model;

namespace Rehost.Cli.Output;

/// <summary>Text that comes from a guest is somebody else's: before it reaches a terminal, its control characters are made visible.</summary>
internal static class TerminalText
{
    public static string Clean(string text, bool keepLines = false) => PrintableText.Clean(text, keepLines);

    public static string Bytes(long count) => count switch
    {
        >= 1L << 40 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 40):0.##} TiB"),
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 30):0.##} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 20):0.##} MiB"),
        >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1L << 10):0.##} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count} B"),
    };
}
