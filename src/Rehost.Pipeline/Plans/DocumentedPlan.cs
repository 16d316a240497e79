using System.Collections.Immutable;
using System.Reflection;
using System.Security.Cryptography;
using Rehost.Conversion.Appliers;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Planning;

namespace Rehost.Pipeline.Plans;

/// <summary>From a plan to its document, and back.</summary>
internal static class DocumentedPlan
{
    /// <summary>Makes the document of a plan. The same guest and options give the same bytes, wherever the source lies.</summary>
    public static PlanDocument Of(string sourceKind, GuestFacts facts, ConversionPlan plan, GuestTree tree, CancellationToken cancellationToken)
    {
        var portable = plan with { Source = plan.Source with { Disks = [.. plan.Source.Disks.Select(disk => disk with { Path = disk.Path is null ? null : Path.GetFileName(disk.Path) })] } };
        var document = new PlanDocument
        {
            Kind = PlanDocument.DocumentKind,
            FormatVersion = PlanDocument.CurrentVersion,
            MadeBy = typeof(DocumentedPlan).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "",
            Seen = GuestWitness.Look(sourceKind, facts, plan, tree, cancellationToken),
            Plan = portable,
            Made = new MadePlan { PlanSha256 = PlanDocumentText.HashOfRest(portable), Changes = [.. portable.Changes.Select(PlanDocumentText.Describe)] },
            Digest = "",
        };
        return document with { Digest = PlanDocumentText.DigestOf(document) };
    }

    /// <summary>A request for a source of bare disks, filled up with what the plan knows of the machine; any other source describes its machine itself.</summary>
    public static SourceRequest Complete(SourceRequest request, PlanDocument document)
    {
        var machine = document.Plan.Source;
        return document.Seen.SourceKind != "disk" || machine.Disks.IsEmpty ? request : request with
        {
            Kind = request.Kind ?? "disk",
            Name = machine.Name,
            DeviceName = machine.Disks[0].DeviceName,
            MoreDisks = [.. request.MoreDisks.Select((disk, index) => disk with { DeviceName = index + 1 < machine.Disks.Length ? machine.Disks[index + 1].DeviceName : disk.DeviceName })],
            MemoryBytes = machine.MemoryBytes,
            VirtualCpus = machine.VirtualCpus,
            MacAddresses = [.. machine.NetworkAdapters.Select(adapter => adapter.MacAddress).OfType<string>()],
        };
    }

    /// <summary>The plan of a document for a guest that is as it was seen. Nothing is planned anew; diffs are made again, to be true of content that was edited.</summary>
    /// <param name="document">The document.</param>
    /// <param name="facts">The guest now.</param>
    /// <param name="tree">Its files.</param>
    /// <param name="overwritesDevices">Whether the operator, and not the document, allows devices to lose what they hold.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">The guest changed (PLD004, PLD005), or the edits contradict each other (PLD009).</exception>
    public static ConversionPlan Adopt(PlanDocument document, GuestFacts facts, GuestTree tree, bool overwritesDevices, CancellationToken cancellationToken)
    {
        GuestWitness.DemandSame(document, facts, tree, cancellationToken);
        DemandChains(document);
        var texts = new Dictionary<string, string?>(StringComparer.Ordinal);
        var steps = document.Plan.Steps.Select(step => step with { Changes = [.. step.Changes.Select(change => WithTrueDiff(change, facts, texts))] }).ToImmutableArray();
        var unsigned = PlanDocumentFile.DemandSignOff(document, isRequired: false, facts.Machine.Name);
        return document.Plan with { Source = facts.Machine, Steps = steps, Findings = unsigned is null ? document.Plan.Findings : [.. document.Plan.Findings, unsigned], Options = document.Plan.Options with { OverwritesDevices = overwritesDevices } };
    }

    /// <summary>Refuses disks that came out otherwise than the plan describes the target's, as when a layout change was dropped and the machine not edited.</summary>
    /// <exception cref="DiagnosticException">PLD009.</exception>
    public static void DemandLayout(ConversionPlan plan, ImmutableArray<AppliedDisk> applied)
    {
        foreach (var disk in plan.Target.Disks.Where(disk => disk.Part is null))
        {
            if (applied.FirstOrDefault(one => one.DiskId == disk.Id) is { } one && one.Device.Length != disk.LengthBytes)
            {
                throw PlanDocumentDiagnostics.Contradiction.ToException($"the changes make a disk of {one.Device.Length} bytes, $.plan.target.disks says lengthBytes {disk.LengthBytes}", disk.Id);
            }
        }
    }

    /// <summary>What goes into the record of a conversion.</summary>
    public static AppliedDocument Describe(PlanDocument document)
    {
        var edits = PlanEdits.Of(document);
        var files = document.Seen.Files.Where(file => edits.Dropped.Any(change => change.Subject == file.Key)).ToImmutableSortedDictionary(StringComparer.Ordinal);
        return new AppliedDocument(document.Digest, PlanDocumentText.DigestOf(document), edits, document.SignedOff, files);
    }

    // A file that several changes edit: each holds the hash of what the one before leaves. Where that one was dropped or altered, the later content would bring its edits back or undo them.
    internal static void DemandChains(PlanDocument document)
    {
        var left = document.Seen.Files.Where(file => file.Value.Kind == SeenKind.File).ToDictionary(file => file.Key, file => file.Value.Sha256, StringComparer.Ordinal);
        foreach (var change in document.Plan.Changes)
        {
            if (change is EditFile edit && left.GetValueOrDefault(edit.Path) is { } expected && !string.Equals(expected, edit.BeforeSha256, StringComparison.OrdinalIgnoreCase))
            {
                throw PlanDocumentDiagnostics.Contradiction.ToException(
                    $"step {edit.StepId} edits content of SHA-256 {edit.BeforeSha256}, and what the guest and the changes before it leave is {expected}: drop this change too, or write its content for that and set beforeSha256 to it", edit.Path);
            }

            foreach (var path in ChangedPaths.Of(change).Files.Where(path => path == change.Subject))
            {
                left[path] = change switch
                {
                    EditFile one => HashOf(one.Content),
                    WriteFile one => HashOf(one.Content),
                    Relabel => left.GetValueOrDefault(path),
                    _ => null,
                };
            }
        }
    }

    private static Change WithTrueDiff(Change change, GuestFacts facts, Dictionary<string, string?> texts)
    {
        switch (change)
        {
            case EditFile edit:
                var before = texts.TryGetValue(edit.Path, out var earlier) ? earlier : facts.Files.GetValueOrDefault(edit.Path)?.Text;
                texts[edit.Path] = edit.Content;
                return before is not null && HashOf(before) == edit.BeforeSha256 ? edit with { Diff = UnifiedDiff.Create(edit.Path, before, edit.Content) } : edit;
            case WriteFile write:
                texts[write.Path] = write.Content;
                return write;
            default:
                texts[change.Subject] = null;
                return change;
        }
    }

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(text)));
}
