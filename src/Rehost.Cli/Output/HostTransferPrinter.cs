using System.Globalization;
using Rehost.Pipeline;
using Rehost.Remote.Xapi;

namespace Rehost.Cli.Output;

/// <summary>Results of upload and download for people.</summary>
internal static class HostTransferPrinter
{
    public static void Print(TextWriter writer, UploadReport report)
    {
        writer.WriteLine(TerminalText.Clean(report.Uuid.Length == 0 ? $"{report.Name}: can be imported into '{report.Repository}'" : $"{report.Name}: imported as {report.Uuid} into '{report.Repository}', halted"));
        foreach (var adapter in report.Adapters)
        {
            writer.WriteLine(TerminalText.Clean($"  network adapter {adapter.Device} {adapter.MacAddress} on '{adapter.Network}'{(adapter.From == adapter.Network ? "" : $", was {adapter.From}")}"));
        }

        foreach (var disk in report.Disks)
        {
            writer.WriteLine(TerminalText.Clean($"  disk '{disk.Name}': {TerminalText.Bytes(disk.LengthBytes)}, {disk.Uuid}"));
        }

        FindingsPrinter.Print(writer, report.Findings);
        if (report.Uuid.Length > 0)
        {
            writer.WriteLine(Speed(report.Bytes, report.Seconds));
        }
    }

    public static void Print(TextWriter writer, DownloadReport report)
    {
        writer.WriteLine(TerminalText.Clean($"{report.Machine}: {report.Path}, {report.Disks.Length} disks of {TerminalText.Bytes(report.Disks.Sum())}{(report.IsOfSnapshot ? ", from a snapshot of the running machine" : "")}"));
        FindingsPrinter.Print(writer, report.Findings);
        writer.WriteLine(Speed(report.Bytes, report.Seconds));
    }

    // The way between the hosts is what most migrations wait for (S0.27).
    private static string Speed(long bytes, double seconds)
        => string.Create(CultureInfo.InvariantCulture, $"{TerminalText.Bytes(bytes)} in {seconds:0.0} s, {bytes / Math.Max(seconds, 0.1) / (1 << 20):0.0} MiB/s");
}
