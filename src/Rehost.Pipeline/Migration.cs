using System.Collections.Immutable;
using Rehost.Conversion;
using Rehost.Inspection;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Windows;
using Rehost.Planning;

namespace Rehost.Pipeline;

/// <summary>The stages of a migration, top to bottom.</summary>
/// <param name="progress">Told how the work goes on.</param>
public sealed partial class Migration(IProgressSink progress)
{
    /// <summary>Asks a person for the passphrase of an encrypted volume; null where nobody can be asked.</summary>
    public Func<KeySource, byte[]>? AskForKey { get; init; }

    /// <summary>Finds out what a machine is and what is in it.</summary>
    /// <exception cref="DiagnosticException">The source cannot be read.</exception>
    public GuestFacts Inspect(SourceRequest request, CancellationToken cancellationToken)
    {
        var stages = new StageClock(progress);
        using var source = Open(request, stages, cancellationToken);
        using var disks = OverlaidDisks.Over(source, Path.GetTempPath());
        using var guest = stages.Run("Inspecting", () => Look(request, source, disks, cancellationToken));
        progress.Complete();
        return FactsOf(source, guest, packages: null);
    }

    /// <summary>Plans a conversion. Nothing is written.</summary>
    /// <exception cref="DiagnosticException">The source cannot be read.</exception>
    public PlannedConversion Plan(SourceRequest request, TargetRequest target, CancellationToken cancellationToken) => Plan(request, target, withDocument: false, cancellationToken);

    /// <summary>Plans a conversion. Nothing is written.</summary>
    /// <param name="request">The source.</param>
    /// <param name="target">What is wanted.</param>
    /// <param name="withDocument">Whether to make a document of the plan as well, to be applied later.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">The source cannot be read.</exception>
    public PlannedConversion Plan(SourceRequest request, TargetRequest target, bool withDocument, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        var stages = new StageClock(progress);
        using var source = Open(request, stages, cancellationToken);
        using var disks = OverlaidDisks.Over(source, Path.GetTempPath());
        using var packages = SuppliedPackages.Open(target.Packages, cancellationToken);
        using var guest = Prepare(request, source, disks, packages, stages, cancellationToken);
        using var drivers = DriverLibrary.Open(target.Drivers, target.FirstBootInstallers);
        var plan = stages.Run("Planning", () => Planner.Plan(FactsOf(source, guest, packages), target.Capabilities, drivers.Complete(target.Options, guest.Facts, cancellationToken)));
        var estimate = stages.Run("Measuring the source", () => SourceMeasure.Estimate(source, plan, FreeSpaceOf(guest, disks, plan), cancellationToken));
        var document = withDocument ? stages.Run("Hashing what the plan is about", () => DocumentedPlan.Of(source.Kind, FactsOf(source, guest, packages), plan, guest.Storage.Tree, cancellationToken)) : null;
        progress.Complete();
        return new PlannedConversion(plan, estimate, PlanGate.Preflight(plan, target)) { Document = document };
    }

    /// <summary>Converts a machine. The source is only read; the target appears when it is complete.</summary>
    /// <exception cref="DiagnosticException">Source, guest or target stand in the way; nothing that looks finished is left behind.</exception>
    public ConversionRecord Convert(SourceRequest request, TargetRequest target, CancellationToken cancellationToken) => Convert(request, target, document: null, cancellationToken);

    /// <summary>Converts a machine, by a plan that was made before where there is one: exactly as it says.</summary>
    /// <param name="request">The source.</param>
    /// <param name="target">What is wanted; with a document, only where files come from and go to.</param>
    /// <param name="document">The plan; null to make one.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">Source, guest, plan or target stand in the way; nothing that looks finished is left behind.</exception>
    public ConversionRecord Convert(SourceRequest request, TargetRequest target, PlanDocument? document, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(target);
        var stages = new StageClock(progress);
        request = document is null ? request : DocumentedPlan.Complete(request, document);
        using var output = OutputDirectory.Prepare(target.OutputDirectory ?? ".");
        var landing = request.Remote is { } remote ? request with { Remote = remote with { ScratchDirectory = output.Path, LandingFormat = TargetWriter.LandingFormat(target.Options) } } : request;
        if (request.Remote is not null)
        {
            output.NewFile(ConversionRecord.FileName); // refused before hours of a transfer, not after
        }

        using var source = Open(landing, stages, cancellationToken);
        using var disks = OverlaidDisks.Over(source, output.Path);
        using var packages = SuppliedPackages.Open(target.Packages, cancellationToken);
        using var guest = Prepare(request, source, disks, packages, stages, cancellationToken);
        using var drivers = DriverLibrary.Open(target.Drivers, target.FirstBootInstallers);
        var plan = document is null
            ? stages.Run("Planning", () => Planner.Plan(FactsOf(source, guest, packages), target.Capabilities, drivers.Complete(target.Options, guest.Facts, cancellationToken)))
            : stages.Run("Comparing the guest with the plan", () => DocumentedPlan.Adopt(document, FactsOf(source, guest, packages), guest.Storage.Tree, target.Options.OverwritesDevices, cancellationToken));
        PlanGate.Demand(plan, output, target.Resumes);
        if (!target.Resumes)
        {
            PlanGate.DemandRoom(guest.Facts, plan, output);
        }

        // A journal that was replayed to read the guest must not reach a target whose volumes stay as they are.
        using var pristine = plan.UntouchedBecause is null ? null : OverlaidDisks.Over(source, output.Path);
        var edited = pristine ?? disks;
        var applied = stages.Run("Applying", () => PlanApplier.Apply(plan, edited.ToApplyContext(guest, target, packages, drivers.Find), progress: null, cancellationToken));
        if (document is not null)
        {
            DocumentedPlan.DemandLayout(plan, applied);
        }

        var free = FreeSpaceOf(guest, disks, plan);
        var resumption = new Resumption(target.Resumes, target.JournalInterval, target.Witness) { Identity = ConversionIdentity.Of(source, plan, applied, free, cancellationToken) };
        TargetWriter.TakeBack(plan, output, resumption);
        using var written = TargetWriter.Write(plan, guest.Facts, edited, applied, free, guest.Storage, output, resumption, stages, cancellationToken);
        try
        {
            written.HandOut(plan, guest.Storage.Tree);
            source.EnsureUnchanged();
            var bad = NameReadErrors(source, disks, guest, cancellationToken);
            var record = written.Commit(request, source.Kind, FactsOf(source, guest, packages), plan, bad, stages.Times, document is null ? null : DocumentedPlan.Describe(document));
            output.Keep();
            progress.Complete();
            return record;
        }
        catch (Exception e) when (written.Keep(e) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Proves that a converted machine is what was written, is sound, and differs from its source only where the plan said.</summary>
    /// <param name="path">The output directory of the conversion, or its configuration.</param>
    /// <param name="sourcePath">Where the source is now; null for where it was, "none" for not at all.</param>
    /// <param name="keys">Keys of the target's encrypted volumes; none for the key files that the conversion was given, where they still are.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DiagnosticException">The record or the disks cannot be read.</exception>
    public VerificationReport Verify(string path, string? sourcePath, ImmutableArray<KeySource> keys, CancellationToken cancellationToken)
    {
        var record = ConversionRecord.Read(path);

        // Device names in the record are the source's; the target's differ, so a key of the record is tried on every volume.
        var known = keys.IsEmpty ? [.. record.Source.Keys.Where(key => File.Exists(key.Path)).Select(key => key with { Volume = null })] : keys;
        using var read = KeyReader.Read(record.Source with { Keys = known }, AskForKey);
        var report = new Verification(record, ConversionRecord.DirectoryOf(path), read, new StageClock(progress)).Run(sourcePath, cancellationToken);
        progress.Complete();
        return report;
    }

    private static OpenSource Open(SourceRequest request, StageClock stages, CancellationToken cancellationToken)
        => request.Remote is { } remote
            ? stages.Run("Receiving the source", null, report => KnownSources.Open(request with { Remote = remote with { Report = report } }, cancellationToken))
            : stages.Run("Opening the source", () => KnownSources.Open(request, cancellationToken));

    // Asked after the edits: what they freed need not travel, and what they took must.
    private static ImmutableArray<DiskFreeSpace> FreeSpaceOf(InspectedGuest guest, OverlaidDisks disks, ConversionPlan plan)
        => [.. disks.Overlays.Select(disk => plan.Options.KeepFreeSpace || plan.UntouchedBecause is not null ? new DiskFreeSpace([], []) : guest.Storage.GetFreeSpace(disk))];

    private static ImmutableArray<DamagedPlace> NameReadErrors(OpenSource source, OverlaidDisks disks, InspectedGuest guest, CancellationToken cancellationToken)
        => [.. source.BadRanges.Select((ranges, index) => (Ranges: ranges, Index: index)).Where(one => one.Ranges.Count > 0).SelectMany(one =>
        {
            var owners = guest.Storage.FindOwners(disks.Overlays[one.Index], one.Ranges, cancellationToken);
            return DamageFinder.Describe(source.Machine.Disks[one.Index].DeviceName, one.Ranges, owners);
        })];

    private InspectedGuest Look(SourceRequest request, OpenSource source, OverlaidDisks disks, CancellationToken cancellationToken)
    {
        using var keys = KeyReader.Read(request, AskForKey);
        return GuestInspector.Open(source.Machine, disks.Devices, Planner.Reads, keys, cancellationToken);
    }

    // With packages, the guest is looked at twice: they are put into it first, on the overlays, and what they bring is then planned with like anything else.
    private InspectedGuest Prepare(SourceRequest request, OpenSource source, OverlaidDisks disks, SuppliedPackages packages, StageClock stages, CancellationToken cancellationToken)
    {
        if (!packages.IsEmpty)
        {
            using var before = stages.Run("Inspecting", () => Look(request, source, disks, cancellationToken));
            stages.Run("Unpacking packages", () => packages.Install(before, cancellationToken));
        }

        return stages.Run("Inspecting", () => Look(request, source, disks, cancellationToken));
    }

    private static GuestFacts FactsOf(OpenSource source, InspectedGuest guest, SuppliedPackages? packages)
        => packages?.Installed is { } installed
            ? guest.Facts with { Packages = installed.Packages, Prepared = installed.Prepared, Findings = [.. source.Findings, .. guest.Facts.Findings, .. installed.Findings] }
            : guest.Facts with { Findings = [.. source.Findings, .. guest.Facts.Findings] };
}
