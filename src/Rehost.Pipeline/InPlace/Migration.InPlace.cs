using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Conversion;
using Rehost.Conversion.Appliers;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.InPlace;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Windows;
using Rehost.Transfer.Undo;
using Rehost.Volumes.Mapping;

namespace Rehost.Pipeline;

/// <content>Plans that are written into the guest's own disks, and taken back.</content>
public sealed partial class Migration
{
    private const int ListedMismatches = 5;

    /// <summary>
    /// Applies a plan to raw disks in place, for those without room for a copy. Everything that will be written stands in the undo journal, with what it replaces, durable, before the first byte of
    /// a disk changes.
    /// </summary>
    /// <param name="request">The disks.</param>
    /// <param name="target">Where files that the plan names come from.</param>
    /// <param name="document">The plan.</param>
    /// <param name="cancellationToken">Stops the work; what was begun can be gone on with or undone.</param>
    /// <exception cref="DiagnosticException">Nothing was written, or the journal tells how far it came (UND004 at the next attempt).</exception>
    public InPlaceRecord ApplyInPlace(InPlaceRequest request, TargetRequest target, PlanDocument document, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(document);
        InPlaceConfiguration.Demand(document.Plan, request);
        var stages = new StageClock(progress);
        var isResumed = Earlier(request, document);
        using var disks = InPlaceDisks.Open(request.Disks, anyContent: isResumed);
        if (!isResumed)
        {
            Prepare(request, target, document, disks, stages, cancellationToken);
        }

        using var journal = UndoJournal.Open(UndoJournalFile.Open(request.Journal));
        var run = new UndoRun(journal, disks.All);
        if (isResumed)
        {
            DemandAsLeft(run, journal, disks, "Comparing the disks with the journal", stages, cancellationToken);
        }

        stages.Run("Writing the disks", () =>
        {
            run.Apply(cancellationToken);
            return true;
        });
        var files = InPlaceConfiguration.Write(document, request, disks, AskForKey, cancellationToken);
        progress.Complete();
        return new InPlaceRecord(document.Plan.Target.Name, isResumed ? null : document.Plan, request.Journal, [.. journal.Description.Disks.Select((disk, index) => new InPlaceDisk(
            disk.Path, disk.Name, disk.Sha256Before, journal.Ranges.Where(range => range.Disk == index).Sum(range => (long)range.Length), disk.MoveBy == 0 ? 0 : disk.LengthBefore - disk.MoveFrom))], isResumed, files);
    }

    /// <summary>Takes back what <see cref="ApplyInPlace"/> did, also where it or an earlier undo was stopped.</summary>
    /// <param name="path">The journal, its directory, or the first disk.</param>
    /// <param name="moved">Where the disks are now, in order; none for where they were.</param>
    /// <param name="discardsGuestChanges">Whether to write the old bytes although the guest has run since, which damages what it wrote.</param>
    /// <param name="cancellationToken">Stops the work; the same command goes on with it.</param>
    /// <exception cref="DiagnosticException">The guest ran since (UND003), the journal is damaged (UND001), or a disk is in use or another one.</exception>
    public UndoReport UndoInPlace(string path, ImmutableArray<string> moved, bool discardsGuestChanges, CancellationToken cancellationToken)
    {
        var stages = new StageClock(progress);
        var name = InPlaceRequest.FindJournal(path);
        using var journal = UndoJournal.Open(UndoJournalFile.Open(name));
        if (!moved.IsEmpty && moved.Length != journal.Description.Disks.Length)
        {
            throw UndoDiagnostics.OtherDisk.ToException($"{moved.Length} disks were given, the journal has {journal.Description.Disks.Length}", name);
        }

        using var disks = InPlaceDisks.Open(journal.Description.Disks.Select((disk, index) => moved.IsEmpty ? PlaceOf(disk, name) : moved[index]), anyContent: true);
        var run = new UndoRun(journal, disks.All);
        var wasUndone = journal.State == UndoState.Undone;
        var before = HashesOf(disks, "Hashing the disks as they are", stages, cancellationToken);
        if (!discardsGuestChanges)
        {
            DemandAsLeft(run, journal, disks, "Comparing the disks with the journal", stages, cancellationToken);
        }

        if (!wasUndone)
        {
            stages.Run("Writing the old bytes back", () =>
            {
                run.Undo(cancellationToken);
                return true;
            });
        }

        var after = wasUndone ? before : HashesOf(disks, "Hashing the disks", stages, cancellationToken);
        progress.Complete();
        return new UndoReport(journal.Description.Machine, name, [.. journal.Description.Disks.Select((disk, index) => new UndoneDisk(disks.All[index].Path, disk.Name, disk.Sha256Before, before[index], after[index]))], wasUndone);
    }

    // An earlier run's journal: gone on with, in the way, or of no more use.
    private static bool Earlier(InPlaceRequest request, PlanDocument document)
    {
        if (!File.Exists(request.Journal))
        {
            return false;
        }

        using (var journal = UndoJournal.Open(UndoJournalFile.Open(request.Journal)))
        {
            if (journal.State != UndoState.Undone)
            {
                return journal.State == UndoState.Applied ? throw UndoDiagnostics.Applied.ToException($"the journal says so of {journal.Description.Machine}", request.Journal)
                    : !request.Resumes ? throw UndoDiagnostics.Interrupted.ToException($"it had come to: {journal.State}", request.Journal)
                    : journal.Description.PlanDigest != PlanDocumentFile.DigestOf(document) ? throw UndoDiagnostics.OtherPlan.ToException($"it is of the plan {journal.Description.PlanDigest}", request.Journal)
                    : journal.Description.Disks.Length != request.Disks.Length ? throw UndoDiagnostics.OtherDisk.ToException($"it has {journal.Description.Disks.Length} disks, {request.Disks.Length} were given", request.Journal)
                    : true;
            }
        }

        File.Delete(request.Journal);
        return false;
    }

    private void Prepare(InPlaceRequest request, TargetRequest target, PlanDocument document, InPlaceDisks held, StageClock stages, CancellationToken cancellationToken)
    {
        var machine = document.Plan.Source;
        if (machine.Disks.Length != held.All.Count || machine.Disks.Zip(held.All).Any(pair => pair.First.LengthBytes != pair.Second.Length))
        {
            throw PlanDocumentDiagnostics.OtherGuest.ToException(
                $"given are disks of {string.Join(", ", held.All.Select(disk => disk.Length))} bytes; the plan is for {string.Join(", ", machine.Disks.Select(disk => string.Create(CultureInfo.InvariantCulture, $"{disk.DeviceName} of {disk.LengthBytes}")))}", machine.Name);
        }

        using var source = new OpenSource(document.Seen.SourceKind, machine, held.ForReading(), [.. request.Disks.Select(SourceFile.Of)], []);
        var scratch = Path.GetDirectoryName(request.Journal) ?? "/";
        using var disks = OverlaidDisks.Over(source, scratch);
        using var packages = SuppliedPackages.Open(target.Packages, cancellationToken);
        var seeking = new SourceRequest(request.Disks[0]) { Keys = request.Keys };
        using var guest = Prepare(seeking, source, disks, packages, stages, cancellationToken);
        using var drivers = DriverLibrary.Open(target.Drivers, target.FirstBootInstallers);
        var plan = stages.Run("Comparing the guest with the plan", () => DocumentedPlan.Adopt(document, FactsOf(source, guest, packages), guest.Storage.Tree, overwritesDevices: false, cancellationToken));
        using var pristine = plan.UntouchedBecause is null ? null : OverlaidDisks.Over(source, scratch);
        var edited = pristine ?? disks;
        var applied = stages.Run("Applying", () => PlanApplier.Apply(plan, edited.ToApplyContext(guest, target, packages, drivers.Find), progress: null, cancellationToken));
        DocumentedPlan.DemandLayout(plan, applied);
        foreach (var (disk, one) in held.All.Zip(applied))
        {
            if (one.Device.Length > disk.Length && !disk.CanGrow)
            {
                throw UndoDiagnostics.NotInPlace.ToException($"the plan makes it {one.Device.Length} bytes long, the device has {disk.Length}", disk.Path);
            }
        }

        var differences = edited.Targets.Select((one, index) => new UndoDifference(index, source.Disks[index], applied[index].Device, applied[index].ChangedRanges, one.SourceStart, one.TargetStart - one.SourceStart)).ToList();
        var described = edited.Targets.Select((one, index) => Describe(held.All[index], machine.Disks[index], one, applied[index], guest.Storage, edited, index, stages, cancellationToken)).ToImmutableArray();
        source.EnsureUnchanged();
        using var file = CommittedFile.Create(request.Journal);
        stages.Run("Writing the undo journal", () => UndoJournalWriter.Write(
            file, new UndoDescription { PlanDigest = PlanDocumentFile.DigestOf(document), Machine = machine.Name, Disks = described }, () => differences.SelectMany(one => one.Ranges(cancellationToken))));
        file.Commit();
    }

    private static UndoDisk Describe(ExclusiveDevice disk, VirtualDisk about, TargetDisk target, AppliedDisk applied, GuestStorage storage, OverlaidDisks disks, int index, StageClock stages, CancellationToken cancellationToken)
    {
        var hashes = stages.Run($"Hashing {about.DeviceName}", disk.Length, report => UndoSegments.Of(disk, report, cancellationToken));
        var moveBy = target.TargetStart - target.SourceStart;
        return new UndoDisk
        {
            Path = Path.GetFullPath(disk.Path),
            Name = about.DeviceName,
            LengthBefore = disk.Length,
            LengthAfter = applied.Device.Length,
            Sha256Before = hashes.Sha256,
            Segments = System.Convert.ToBase64String(hashes.Segments),
            MoveFrom = moveBy == 0 ? 0 : target.SourceStart,
            MoveBy = moveBy,
            Volumes = [.. storage.Volumes.Where(volume => volume.FileSystem is not null).Select(volume => (volume, Offset: FirstByte(volume, disks.Overlays[index])))
                .Where(item => item.Offset is not null).Select(item => (item.volume, Offset: item.Offset.GetValueOrDefault() + moveBy))
                .Select(item => new UndoVolume
                {
                    Name = item.volume.Name,
                    Type = item.volume.FileSystem?.Info.Type ?? "",
                    Offset = item.Offset,
                    LengthBytes = item.volume.Device.Length,
                    Marks = VolumeMarks.Read(applied.Device, item.Offset, item.volume.Device.Length),
                })],
        };
    }

    // Where a volume begins on a disk, through whatever it is put together from; null where it lies elsewhere or is encrypted.
    private static long? FirstByte(GuestVolume volume, IBlockDevice disk)
    {
        IBlockDevice device = volume.Device;
        long offset = 0;
        for (var depth = 0; depth < 16; depth++)
        {
            if (ReferenceEquals(device, disk))
            {
                return offset;
            }

            if (device is not IMappedVolume mapped || mapped.MapDown(new GuestOffset(offset), 4096).FirstOrDefault() is not { Device: { } below } range)
            {
                return null;
            }

            (device, offset) = (below, range.Offset.Value);
        }

        return null;
    }

    private static void DemandAsLeft(UndoRun run, UndoJournal journal, InPlaceDisks disks, string title, StageClock stages, CancellationToken cancellationToken)
    {
        var mismatches = stages.Run(title, disks.All.Sum(disk => disk.Length), report => run.Check(report, cancellationToken));
        if (mismatches.IsEmpty)
        {
            return;
        }

        var reasons = new List<string>();
        foreach (var (disk, about) in disks.All.Zip(journal.Description.Disks))
        {
            foreach (var volume in about.Volumes)
            {
                // In the middle of the work the superblock is an old one or a new one: only a finished disk tells something by it.
                var now = journal.State == UndoState.Applied ? VolumeMarks.Read(disk, volume.Offset, volume.LengthBytes) : volume.Marks;
                if (VolumeMarks.Differences(volume.Marks, now).ToList() is { Count: > 0 } differences)
                {
                    reasons.Add($"{volume.Type} on {volume.Name} was used since: {string.Join(", ", differences)}");
                }
            }
        }

        var first = mismatches[0];
        var places = string.Join(", ", mismatches.Take(ListedMismatches).Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Range.Offset}+{one.Range.Length} of {journal.Description.Disks[one.Disk].Name}")));
        var why = reasons.Count > 0 ? string.Join("; ", reasons) : "no file system says that it was mounted, yet the content is another one";
        throw UndoDiagnostics.GuestRan.ToException($"{why}; what differs lies at bytes {places}{(mismatches.Length > ListedMismatches ? " …" : "")}", journal.Description.Disks[first.Disk].Path);
    }

    private static ImmutableArray<string> HashesOf(InPlaceDisks disks, string title, StageClock stages, CancellationToken cancellationToken)
        => stages.Run(title, disks.All.Sum(disk => disk.Length), report => disks.All.Select(disk => UndoSegments.Of(disk, report, cancellationToken).Sha256).ToImmutableArray());

    // A disk that was moved together with its journal.
    private static string PlaceOf(UndoDisk disk, string journal)
        => Path.Exists(disk.Path) ? disk.Path : Path.Combine(Path.GetDirectoryName(Path.GetFullPath(journal)) ?? "/", Path.GetFileName(disk.Path));
}
