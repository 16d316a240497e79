using System.Globalization;
using Rehost.Model;
using Rehost.Pipeline;
using Rehost.Pipeline.Plans;

namespace Rehost.Cli.Output;

/// <summary>A plan for people: every step, its changes with reasons and diffs, and what it will take.</summary>
internal static class PlanPrinter
{
    public static void Print(TextWriter writer, PlannedConversion planned)
    {
        var plan = planned.Plan;
        PrintPlan(writer, plan, planned.Preflight);
        var estimate = planned.Estimate;
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{plan.Changes.Count()} changes; reads {TerminalText.Bytes(estimate.SourceBytes)}, writes at most {TerminalText.Bytes(estimate.TargetBytes)}, about {Math.Max(1, estimate.Seconds):0} s at the {TerminalText.Bytes(estimate.BytesPerSecond)}/s at which the source was read just now"));
    }

    public static void Print(TextWriter writer, PlanReview review)
    {
        PrintPlan(writer, review.Plan, []);
        PrintState(writer, review);
    }

    public static void PrintState(TextWriter writer, PlanReview review)
    {
        writer.WriteLine(TerminalText.Clean($"as made {review.MadeDigest}"));
        writer.WriteLine(TerminalText.Clean($"now     {review.Digest}{(review.MadeDigest == review.Digest ? ", as it was made" : "")}"));
        if (review.Edits.IsEdited)
        {
            writer.WriteLine(TerminalText.Clean($"edited: {review.Edits}"));
        }

        writer.WriteLine(TerminalText.Clean(review.SignedOff is not { } signed ? "signed off by nobody"
            : review.IsSignOffValid ? $"signed off by {signed.By}{(signed.Note is { } note ? $": {note}" : "")}" : $"signed off by {signed.By} BEFORE it was edited: it will be refused"));
    }

    private static void PrintPlan(TextWriter writer, ConversionPlan plan, IEnumerable<Diagnostic> preflight)
    {
        writer.WriteLine(TerminalText.Clean($"{plan.Source.Name}: {plan.Source.Hypervisor} → {plan.Target.Hypervisor}"));
        foreach (var step in plan.Steps)
        {
            writer.WriteLine();
            writer.WriteLine($"{step.Title} [{step.StepId}]");
            if (step.SkippedBecause is { } because)
            {
                writer.WriteLine(TerminalText.Clean($"  – {because}"));
            }

            foreach (var change in step.Changes)
            {
                PrintChange(writer, plan, change);
            }
        }

        PrintNetwork(writer, plan);
        writer.WriteLine();
        FindingsPrinter.Print(writer, plan.Findings.Concat(preflight));
        foreach (var check in plan.ChecksByHand)
        {
            writer.WriteLine(TerminalText.Clean($"by hand: {check}"));
        }
    }

    private static void PrintNetwork(TextWriter writer, ConversionPlan plan)
    {
        if (plan.Network.IsEmpty)
        {
            return;
        }

        string[] titles = ["interface", "before", "after", "addresses", "name held by"];
        var rows = plan.Network.Select(row => new[] { row.Name, row.Before, row.After, InterfaceText.Addresses(row), row.HeldBy }.Select(cell => TerminalText.Clean(cell)).ToArray()).Prepend(titles).ToList();
        var widths = titles.Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        writer.WriteLine();
        writer.WriteLine("Network");
        foreach (var row in rows)
        {
            writer.WriteLine("  " + string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }

    private static void PrintChange(TextWriter writer, ConversionPlan plan, Change change)
    {
        writer.WriteLine(TerminalText.Clean($"  {Verb(change)} {SubjectOf(plan, change)}"));
        writer.WriteLine(TerminalText.Clean($"    {change.Reason} ({string.Join(", ", change.Requirements)})"));
        switch (change)
        {
            case EditFile edit:
                Indent(writer, edit.Diff);
                break;
            case WriteFile write:
                Indent(writer, string.Concat(write.Content.TrimEnd('\n').Split('\n').Select(line => $"+{line}\n")));
                break;
            case PrepareFile { Diff: { } diff }:
                Indent(writer, diff);
                break;
            case MakeLink link:
                writer.WriteLine(TerminalText.Clean($"    → {link.Target}"));
                break;
            case SetRegistryValue set:
                writer.WriteLine(TerminalText.Clean($"    {set.Before?.ToString() ?? "(not there)"} → {set.After}"));
                break;
            case RemoveRegistryValue gone:
                writer.WriteLine(TerminalText.Clean($"    was {gone.Before}"));
                break;
            case RedirectBootDevice redirect:
                writer.WriteLine(TerminalText.Clean($"    {redirect.Before} → {redirect.PartitionId} of {redirect.DiskTableId}"));
                break;
            case PlaceFile place:
                writer.WriteLine(TerminalText.Clean($"    {place.From}, {TerminalText.Bytes(place.LengthBytes)}, SHA-256 {place.Sha256[..16]}…{(place.BeforeSha256 is null ? "" : ", in place of one that is there")}"));
                break;
            case CopyFile copy:
                writer.WriteLine(TerminalText.Clean($"    from {copy.From}"));
                break;
            case AddHelperPartition helper:
                foreach (var file in helper.Files)
                {
                    writer.WriteLine(TerminalText.Clean($"    {file.Path}{(file.CopyOf is { } from ? $" = {from}" : file.Loader is not null ? " = GRUB 2" : file.Drivers is { } drivers ? $" = {drivers.Modules.Length} modules, {drivers.Files.Length} files" : "")}"));
                    if (file.Content is { } content)
                    {
                        Indent(writer, string.Concat(content.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"+{line}\n")));
                    }
                }

                break;
            case ExtendInitramfs extend:
                writer.WriteLine(TerminalText.Clean($"    {string.Join(" ", extend.Modules.Select(module => module[(module.LastIndexOf('/') + 1)..]))}"));
                break;
            default:
                break;
        }
    }

    /// <summary>What a change is about: a guest path, or a disk by the name the guest knows it by.</summary>
    internal static string SubjectOf(ConversionPlan plan, Change change)
        => plan.Source.Disks.FirstOrDefault(disk => disk.Id == change.Subject) is { } disk ? disk.DeviceName : change.Subject;

    private static string Verb(Change change) => change switch
    {
        WriteFile => "new",
        EditFile => "edit",
        DeleteFile => "remove",
        MakeLink => "link",
        ExtendInitramfs => "extend",
        InstallPackage => "unpack",
        PrepareFile => "make",
        RewriteInitramfs => "rewrite",
        Relabel => "label",
        WrapInPartition => "wrap",
        ShiftPartitions => "shift the partitions of",
        AddHelperPartition => "add a partition to",
        UnpackUnifiedKernel => "take a kernel out to",
        CopyFile => "copy to",
        AddBiosBootPartition => "add a BIOS boot partition to",
        InstallBootloader => "install GRUB on",
        SetRegistryValue => "set",
        RemoveRegistryValue => "remove value",
        RemoveRegistryKey => "remove key",
        CreateRegistryKey => "new key",
        RedirectBootDevice => "redirect",
        SetDefaultBootEntry => "set the default entry of",
        PlaceFile => "put",
        DeleteDirectory => "remove directory",
        SetNtfsGeometry => "set the NTFS geometry on",
        _ => change.GetType().Name,
    };

    private static void Indent(TextWriter writer, string text)
    {
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            writer.WriteLine($"    {TerminalText.Clean(line, keepLines: true)}");
        }
    }
}
