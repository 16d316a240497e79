using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline.Images;

namespace Rehost.Cli.Output;

/// <summary>Results of the image verbs for people. Names and properties come from images, and are somebody else's text.</summary>
internal static class ImagePrinter
{
    private const int RangesShown = 20;

    public static void Print(TextWriter writer, ImageReport report)
    {
        Line(writer, $"{report.File}: {report.Format}{(report.VirtualBytes is { } size ? $", {Size(size)}" : "")}; the file has {Size(report.FileBytes)}, {TerminalText.Bytes(report.StoredBytes)} stored");
        if (report.IsFormatGuessed && report.Format != "raw")
        {
            Line(writer, $"  only its content says that it is {report.Format}: what it refers to is not followed without --format");
        }

        foreach (var (index, disk) in report.Disks.Index())
        {
            Line(writer, $"  disk {index + 1}: {disk.Id}{(disk.Name is null ? "" : $" ({disk.Name})")}, {Size(disk.LengthBytes)}");
        }

        foreach (var (depth, layer) in report.Layers.Index())
        {
            if (depth > 0)
            {
                Line(writer, $"stands on {layer.File}: {layer.Format}, {Size(layer.VirtualBytes)}");
            }

            Row(writer, "kind", layer.SubFormat);
            Row(writer, "unit", layer.UnitBytes is { } unit ? TerminalText.Bytes(unit) : null);
            foreach (var property in layer.Properties)
            {
                Row(writer, property.Name, property.Value);
            }

            foreach (var file in layer.Files)
            {
                Row(writer, "file", file);
            }

            Row(writer, "parent", layer.ParentReference);
            foreach (var snapshot in layer.Snapshots)
            {
                Row(writer, "snapshot", $"{snapshot.Id} '{snapshot.Name}', {Size(snapshot.VirtualBytes)}{(snapshot.Created is { } at ? $", {at:yyyy-MM-dd HH:mm:ss}" : "")}{(snapshot.StateBytes > 0 ? $", {TerminalText.Bytes(snapshot.StateBytes)} of memory" : "")}");
            }
        }

        FindingsPrinter.Print(writer, report.Findings);
    }

    public static void Print(TextWriter writer, ImageConversionReport report)
    {
        FindingsPrinter.Print(writer, report.Findings);
        Line(writer, $"{report.Source} ({report.SourceFormat}) → {report.Target} ({report.TargetFormat})");
        Line(writer, $"  {Size(report.VirtualBytes)}; the file has {Size(report.FileBytes)}, {TerminalText.Bytes(report.StoredBytes)} stored; {Seconds(report.Seconds)}");
        if (report.ResumedBytes > 0)
        {
            Line(writer, $"  went on after {Size(report.ResumedBytes)} of an earlier run");
        }

        foreach (var place in report.ReadErrors)
        {
            Line(writer, $"  could not be read, zeros instead: {place}");
        }

        if (report.IsVerified)
        {
            Line(writer, $"  verified: {report.ContentHash}");
        }
    }

    public static void Print(TextWriter writer, ImageComparisonReport report)
    {
        if (report.LeftBytes != report.RightBytes)
        {
            Line(writer, $"sizes differ: {report.LeftBytes} and {report.RightBytes} bytes");
        }

        if (report.FirstDifference is not { } first)
        {
            Line(writer, report.AreEqual ? "the content is the same" : "the content is the same as far as both go, and zero beyond");
            return;
        }

        Line(writer, $"first difference at byte {first}; {report.DifferentBytes} bytes differ, in {report.RangeCount} stretches");
        foreach (var range in report.Ranges.Take(RangesShown))
        {
            Line(writer, $"  {range.Offset} to {range.End} ({TerminalText.Bytes(range.Length)})");
        }

        if (report.RangeCount > RangesShown)
        {
            Line(writer, $"  and {report.RangeCount - RangesShown} more");
        }
    }

    public static void Print(TextWriter writer, ImageCheckResult result)
    {
        FindingsPrinter.Print(writer, result.Findings);
        Line(writer, $"{result.File} ({result.Format}): {(result.IsSound ? "sound" : $"DAMAGED, {result.ErrorCount} errors")}; {TerminalText.Bytes(result.StoredBytes)} of content stored, {TerminalText.Bytes(result.LeakedBytes)} used by nothing");
    }

    public static void Print(TextWriter writer, ImageMeasureReport report)
        => Line(writer, $"{report.Format}: a file of {Size(report.FileBytes)}, {(report.IsExact ? "" : "at most ")}{Size(report.StoredBytes)} stored, for a disk of {Size(report.VirtualBytes)}");

    public static void Print(TextWriter writer, IReadOnlyList<MappedExtent> map)
    {
        foreach (var extent in map)
        {
            var kind = extent.Kind switch { ExtentKind.Data => "data", ExtentKind.Zero => "zero", _ => "hole" };
            Line(writer, string.Create(CultureInfo.InvariantCulture, $"{extent.Start,16} {extent.Length,16}  {kind}{(extent.File is null ? "" : $"  {extent.FileOffset,16}  {extent.File}")}"));
        }
    }

    private static string Size(long bytes) => bytes < 1024 ? TerminalText.Bytes(bytes) : string.Create(CultureInfo.InvariantCulture, $"{TerminalText.Bytes(bytes)} ({bytes} bytes)");

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.00} s");

    private static void Row(TextWriter writer, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            Line(writer, $"  {name,-12} {value}");
        }
    }

    private static void Line(TextWriter writer, string text) => writer.WriteLine(TerminalText.Clean(text));
}
