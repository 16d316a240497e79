using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Files;

namespace Rehost.Cli.Output;

/// <summary>Results of convert and verify for people.</summary>
internal static class ReportPrinter
{
    public static void Print(TextWriter writer, ConversionRecord record)
    {
        var changes = record.Plan.Changes.ToList();
        writer.WriteLine(TerminalText.Clean($"{record.Plan.Target.Name}: {record.Facts.OperatingSystem.Name}, {record.Plan.Source.Hypervisor} → {record.Plan.Target.Hypervisor}"));
        foreach (var step in record.Plan.Steps.Where(step => !step.Changes.IsEmpty))
        {
            writer.WriteLine(TerminalText.Clean($"  {step.Title}: {string.Join(", ", step.Changes.Select(change => PlanPrinter.SubjectOf(record.Plan, change)))}"));
        }

        foreach (var disk in record.Disks)
        {
            writer.WriteLine(TerminalText.Clean($"  {disk.File}: {TerminalText.Bytes(disk.LengthBytes)}, {TerminalText.Bytes(disk.StoredBytes)} stored, {TerminalText.Bytes(disk.ChangedBytes)} changed, {TerminalText.Bytes(disk.FreedBytes)} of free space left out"));
        }

        foreach (var place in record.ReadErrors)
        {
            writer.WriteLine(TerminalText.Clean($"  could not be read, zeros instead: {place.Disk} {place}"));
        }

        FindingsPrinter.Print(writer, record.Plan.Findings.Where(finding => finding.Severity != Severity.Information));
        writer.WriteLine(TerminalText.Clean(string.Create(CultureInfo.InvariantCulture,
            $"{changes.Count} changes in {record.Stages.Sum(stage => stage.Seconds):0.0} s; {record.ConfigurationFile}, {ConversionRecord.FileName}, {ReportText.FileName}")));
    }

    public static void Print(TextWriter writer, VerificationReport report)
    {
        foreach (var check in report.Checks)
        {
            var mark = check.Outcome switch
            {
                CheckOutcome.Passed => "ok      ",
                CheckOutcome.Failed => "FAILED  ",
                _ => "not done",
            };
            writer.WriteLine(TerminalText.Clean($"{mark}  {check.Title}: {check.Detail}"));
        }

        foreach (var place in report.Damage)
        {
            writer.WriteLine(TerminalText.Clean($"  {place.Disk} {place}"));
        }

        foreach (var file in report.Files)
        {
            writer.WriteLine(TerminalText.Clean($"  {file.Kind switch { FileDifferenceKind.Added => "+", FileDifferenceKind.Removed => "-", _ => "~" }} {file.Path}{(file.What.IsEmpty ? "" : $": {string.Join(", ", file.What)}")}"));
        }

        writer.WriteLine(TerminalText.Clean($"{report.Machine}: {(report.IsProved ? "proved" : "NOT as it should be")}"));
    }
}
