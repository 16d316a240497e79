using System.Globalization;
using System.Text;
using Rehost.Model;
using Rehost.Pipeline.Targets;

namespace Rehost.Pipeline;

/// <summary>report.md: a conversion for people. Everything that comes from the guest is quoted as code or escaped, so that it cannot become markup.</summary>
public static class ReportText
{
    /// <summary>Name of the report in the output directory.</summary>
    public const string FileName = "report.md";

    /// <summary>Writes the report.</summary>
    public static string Write(ConversionRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        var text = new StringBuilder();
        var plan = record.Plan;
        text.Append(CultureInfo.InvariantCulture, $"# {Code(plan.Target.Name)}: {plan.Source.Hypervisor} to {plan.Target.Hypervisor}\n\n");
        Found(text, record);
        if (record.Document is { } document)
        {
            var signed = document.SignedOff is { } one ? $"signed off by {Code(one.By)}{(one.Note is { } note ? $" ({Code(note)})" : "")}" : "signed off by nobody";
            text.Append(CultureInfo.InvariantCulture, $"## The plan\n\n- Applied from a document of the digest {document.Digest}, {signed}\n- {Code(document.Edits.ToString())}\n\n");
        }

        Written(text, record);
        ReadErrors(text, record);
        Network(text, plan);
        Changed(text, plan);
        if (!plan.Findings.IsEmpty)
        {
            text.Append("## Findings\n\n");
            foreach (var finding in plan.Findings)
            {
                text.Append(CultureInfo.InvariantCulture, $"- **{finding.Severity} {finding.Id}** {Code(finding.Where ?? "")} {Plain(finding.Message)}  \n  {Plain(finding.NextStep)}\n");
            }

            text.Append('\n');
        }

        text.Append("## To check by hand\n\n");
        string[] always =
        [
            "Start the target on an isolated network first, and never together with the source: both have the same addresses.",
            .. KnownTargets.ByName(plan.Options.Target).ChecksByHand(record),
            "Keep the source until the target has run for a while.",
        ];
        foreach (var check in always.Concat(plan.ChecksByHand.Select(Plain)))
        {
            text.Append(CultureInfo.InvariantCulture, $"- {check}\n");
        }

        return text.ToString();
    }

    private static void Found(StringBuilder text, ConversionRecord record)
    {
        var facts = record.Facts;
        text.Append("## What was found\n\n");
        text.Append(CultureInfo.InvariantCulture, $"- Source: {Code(record.Source.Path)} ({record.SourceKind}), {facts.Machine.MemoryBytes >> 20} MiB memory, {facts.Machine.VirtualCpus} CPU\n");
        text.Append(CultureInfo.InvariantCulture, $"- System: {Code(facts.OperatingSystem.Name)}, {Plain(facts.OperatingSystem.Architecture)}, started by {facts.OperatingSystem.Init}\n");
        foreach (var kernel in facts.Kernels)
        {
            text.Append(CultureInfo.InvariantCulture, $"- Kernel {Code(kernel.Version)}{(kernel.IsDefault ? ", the default" : "")}\n");
        }

        foreach (var volume in facts.Volumes)
        {
            text.Append(CultureInfo.InvariantCulture, $"- {Code(volume.DeviceName)}: {Plain(volume.Type ?? "unknown")}, {volume.LengthBytes >> 20} MiB{(volume.MountPath is { } path ? $" on {Code(path)}" : "")}{(volume.Uuid is { } uuid ? $", UUID {Code(uuid)}" : "")}\n");
        }

        text.Append('\n');
    }

    private static void Written(StringBuilder text, ConversionRecord record)
    {
        text.Append("## What was written\n\n| disk | file | size | stored | changed | left out | content |\n|---|---|---|---|---|---|---|\n");
        foreach (var disk in record.Disks)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Plain(disk.DeviceName)} | {Code(disk.File)} | {disk.LengthBytes >> 20} MiB | {disk.StoredBytes >> 20} MiB | {disk.ChangedBytes >> 10} KiB | {disk.FreedBytes >> 20} MiB | `{disk.ContentHash[..Math.Min(16, disk.ContentHash.Length)]}…` |\n");
        }

        if (record.Plan.Options.KeepFreeSpace)
        {
            text.Append("\nEverything outside the changed bytes is the source's content, free space included; `rehost verify` proves it.\n\n");
            return;
        }

        text.Append("\nEverything outside the changed bytes is the source's content, or was left out because nothing uses it; `rehost verify` proves it. ");
        text.Append("What was left out reads as zeros in the target, so the bytes of deleted files do not travel (`--keep-free-space` copies them too):\n\n");
        foreach (var (disk, share) in record.Disks.SelectMany(disk => disk.FreeSpace.Select(share => (disk, share))))
        {
            text.Append(CultureInfo.InvariantCulture, $"- {Code(share.Volume)} on {Plain(disk.DeviceName)}: {(share.Bytes > 0 ? $"{share.Bytes >> 20} MiB left out" : "all of it travelled")}, {Plain(share.Reason)}\n");
        }

        text.Append('\n');
    }

    private static void ReadErrors(StringBuilder text, ConversionRecord record)
    {
        if (record.ReadErrors.IsEmpty)
        {
            return;
        }

        text.Append("## What could not be read\n\nThese sectors of the source could not be read, and are zeros in the target:\n\n| disk | byte | length | belongs to |\n|---|---|---|---|\n");
        foreach (var place in record.ReadErrors)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Code(place.Disk)} | {place.Offset} | {place.Length} | {Plain(string.Join(", ", place.Owners))} |\n");
        }

        text.Append('\n');
    }

    private static void Network(StringBuilder text, ConversionPlan plan)
    {
        if (plan.Network.IsEmpty)
        {
            return;
        }

        text.Append("## Network\n\n| interface | before | after | addresses | name held by |\n|---|---|---|---|---|\n");
        foreach (var row in plan.Network)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {Plain(row.Name)} | {Plain(row.Before)} | {Plain(row.After)} | {Plain(InterfaceText.Addresses(row))} | {Plain(row.HeldBy)} |\n");
        }

        text.Append('\n');
    }

    private static void Changed(StringBuilder text, ConversionPlan plan)
    {
        text.Append("## What was changed, and why\n\n");
        foreach (var step in plan.Steps)
        {
            text.Append(CultureInfo.InvariantCulture, $"### {step.Title}\n\n");
            if (step.SkippedBecause is { } because)
            {
                text.Append(CultureInfo.InvariantCulture, $"Nothing: {Plain(because)}.\n\n");
            }

            foreach (var change in step.Changes)
            {
                text.Append(CultureInfo.InvariantCulture, $"- {Code(SubjectOf(plan, change))}: {Plain(change.Reason)} ({string.Join(", ", change.Requirements)})\n");
                var body = change switch
                {
                    EditFile edit => edit.Diff,
                    WriteFile write => write.Content,
                    PrepareFile prepare => prepare.Diff,
                    _ => null,
                };
                if (body is not null)
                {
                    text.Append(Block(body));
                }
            }

            text.Append('\n');
        }
    }

    private static string SubjectOf(ConversionPlan plan, Change change)
        => plan.Source.Disks.FirstOrDefault(disk => disk.Id == change.Subject) is { } disk ? disk.DeviceName : change.Subject;

    // Prose that may hold words of the guest: what Markdown or HTML would take for markup is escaped (CommonMark 0.31, section 2.4).
    private static string Plain(string content)
    {
        var text = new StringBuilder(content.Length);
        foreach (var letter in OneLine(content))
        {
            if (@"\`*_[]<>|&~#".Contains(letter, StringComparison.Ordinal))
            {
                text.Append('\\');
            }

            text.Append(letter);
        }

        return text.ToString();
    }

    // A code span that no content can leave: its fence is longer than any run of backticks in it, and line ends become spaces.
    private static string Code(string content)
    {
        if (content.Length == 0)
        {
            return "";
        }

        var line = OneLine(content);
        var fence = new string('`', LongestRun(line) + 1);
        var space = line.StartsWith('`') || line.EndsWith('`') ? " " : "";
        return $"{fence}{space}{line}{space}{fence}";
    }

    // Line ends and tabs of a name become spaces; everything else that is not seen is made visible.
    private static string OneLine(string content) => PrintableText.Clean(content.Replace('\n', ' ').Replace('\r', ' ').Replace('\t', ' '));

    private static string Block(string content)
    {
        var fence = new string('`', Math.Max(3, LongestRun(content) + 1));
        var lines = string.Concat(content.TrimEnd('\n').Split('\n').Select(line => $"  {PrintableText.Clean(line.TrimEnd('\r'), keepLines: true)}\n"));
        return $"\n  {fence}diff\n{lines}  {fence}\n";
    }

    private static int LongestRun(string text)
    {
        int longest = 0, run = 0;
        foreach (var letter in text)
        {
            run = letter == '`' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        return longest;
    }
}
