using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Inspection;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Images;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Planning;
using Rehost.Transfer;
using Rehost.Volumes.Luks;

namespace Rehost.Pipeline;

/// <summary>Proves a finished conversion from the images alone.</summary>
internal sealed class Verification(ConversionRecord record, string directory, VolumeKeys keys, StageClock stages)
{
    private const int ListedMismatches = 5;
    private readonly ImmutableArray<VerificationCheck>.Builder _checks = ImmutableArray.CreateBuilder<VerificationCheck>();
    private readonly ImmutableArray<ByteRange>[] _changed = [.. record.Disks.Select(_ => ImmutableArray<ByteRange>.Empty)];
    private readonly ImmutableArray<ByteRange>[] _freed = [.. record.Disks.Select(_ => ImmutableArray<ByteRange>.Empty)];
    private readonly List<FileDevice> _larger = [];
    private IDiskContainer? _package;
    private ImmutableArray<DamagedPlace> _damage = [];
    private ImmutableArray<FileDifference> _files = [];

    /// <summary>Makes all checks.</summary>
    public VerificationReport Run(string? sourcePath, CancellationToken cancellationToken)
    {
        var targets = OpenTargets(cancellationToken);
        try
        {
            using var source = OpenSource(sourcePath, cancellationToken);
            CompareDisks(source, targets, cancellationToken);
            CheckUntouched(source is not null);
            CompareFiles(source, targets, cancellationToken);
            Reinspect(targets, cancellationToken);
            CheckPackage();
            return new VerificationReport(record.Plan.Target.Name, _checks.ToImmutable()) { Damage = _damage, Files = _files };
        }
        finally
        {
            targets.ForEach(target => target.Dispose());
            _larger.ForEach(device => device.Dispose());
            _package?.Dispose();
        }
    }

    private List<IBlockDevice> OpenTargets(CancellationToken cancellationToken)
    {
        var format = KnownDiskFormats.ByName(record.Plan.Options.DiskFormat);
        var targets = new List<IBlockDevice>();
        try
        {
            if (KnownContainers.Find(format) is { } open && record.Disks is [var first, ..])
            {
                var path = Inside(first.File);
                _package = open(FileDevice.OpenRead(path), new ImageRequest(path), cancellationToken);
                return _package.Disks.Length == record.Disks.Length
                    ? [.. _package.Disks.Select(disk => _package.Open(disk))]
                    : throw PipelineDiagnostics.NoRecord.ToException($"it holds {_package.Disks.Length} disks, the conversion wrote {record.Disks.Length}", path);
            }

            foreach (var disk in record.Disks)
            {
                var path = Inside(disk.File);
                targets.Add(format.Open(new DiskOpenRequest(Stretch(FileDevice.OpenRead(path), disk), path)));
            }

            return targets;
        }
        catch
        {
            targets.ForEach(target => target.Dispose());
            _package?.Dispose();
            throw;
        }
    }

    /// <summary>A package has checksums of its own.</summary>
    private void CheckPackage()
    {
        if (_package is null)
        {
            return;
        }

        var title = $"checksums of {record.Disks[0].File}";
        try
        {
            _package.EnsureVerified();
            _checks.Add(new VerificationCheck(title, CheckOutcome.Passed, "each is that of what was read"));
        }
        catch (DiagnosticException e)
        {
            _checks.Add(new VerificationCheck(title, CheckOutcome.Failed, e.Diagnostic.ToString()));
        }
    }

    private OpenSource? OpenSource(string? sourcePath, CancellationToken cancellationToken)
    {
        if (sourcePath == "none")
        {
            _checks.Add(new VerificationCheck("source", CheckOutcome.NotDone, "left out by --source none: the target is held against its manifest only"));
            return null;
        }

        var request = record.Source with { Path = sourcePath ?? record.Source.Path };
        if (sourcePath is null && !Path.Exists(request.Path))
        {
            _checks.Add(new VerificationCheck("source", CheckOutcome.NotDone, $"{request.Path} is {(KnownSources.IsOnHost(request.Path) ? "a machine on a host, which may have changed since" : "not there any more")}: the target is held against its manifest only; --source says where it is"));
            return null;
        }

        var source = stages.Run("Opening the source", () => KnownSources.Open(request, cancellationToken));
        if (source.Disks.Length != record.Plan.Source.Disks.Length)
        {
            source.Dispose();
            throw PipelineDiagnostics.NoRecord.ToException($"the source has {source.Disks.Length} disks, the conversion had {record.Plan.Source.Disks.Length}", request.Path);
        }

        return source;
    }

    private void CompareDisks(OpenSource? source, List<IBlockDevice> targets, CancellationToken cancellationToken)
    {
        var proved = new List<ProvedDisk>();
        for (var index = 0; index < record.Disks.Length; index++)
        {
            var original = source?.Disks[SourceIndex(record.Disks[index])];
            if (Prove(record.Disks[index], original, targets[index], cancellationToken) is { } one)
            {
                proved.Add(one);
            }
        }

        NameDamage(proved, targets, cancellationToken);
        foreach (var (disk, proof, _, _, original) in proved)
        {
            var written = proof.Mismatches.Where(mismatch => mismatch.Kind != DeltaMismatchKind.TargetDiffersFromSource).ToList();
            var different = proof.Mismatches.Where(mismatch => mismatch.Kind == DeltaMismatchKind.TargetDiffersFromSource).ToList();
            Add($"{disk.File} is what was written", disk, written, $"{proof.BytesVerified} bytes read, the rest stores nothing");
            if (original is not null)
            {
                if (proof.IsSourceAsItWas is { } isSame)
                {
                    _checks.Add(new VerificationCheck($"the source of {disk.File} is what was converted", isSame ? CheckOutcome.Passed : CheckOutcome.Failed,
                        isSame ? "its Merkle tree has the root that the manifest says" : "it changed since: where target and source differ, the target may be right"));
                }

                Add($"{disk.File} differs from the source only where planned", disk, different, $"{proof.BytesEqualToSource} bytes equal, {proof.BytesChanged} bytes planned to differ{(proof.BytesFreed > 0 ? $", {proof.BytesFreed} bytes of free space left out" : "")}");
            }
        }
    }

    private ProvedDisk? Prove(WrittenDisk disk, IBlockDevice? source, IBlockDevice target, CancellationToken cancellationToken)
    {
        using var file = FileDevice.OpenRead(Inside(disk.ManifestFile));
        var manifest = BlockManifest.Load(file, disk.ManifestFile);
        if (Convert.ToHexStringLower(manifest.Root.AsSpan()) != disk.ContentHash)
        {
            _checks.Add(new VerificationCheck($"manifest of {disk.File}", CheckOutcome.Failed, "it is not the one that the conversion wrote"));
            return null;
        }

        _freed[record.Disks.IndexOf(disk)] = manifest.FreedRanges;
        _changed[record.Disks.IndexOf(disk)] = manifest.ChangedRanges;
        var proof = stages.Run($"Comparing {disk.File}", manifest.Length, report => DeltaProof.Run(source, target, manifest, new ByteProgress(report), cancellationToken: cancellationToken));
        return new ProvedDisk(disk, proof, manifest, DamageFinder.Places(proof, manifest, source is not null), source);
    }

    private void NameDamage(List<ProvedDisk> proved, List<IBlockDevice> targets, CancellationToken cancellationToken)
    {
        if (proved.All(one => one.Places.IsEmpty))
        {
            return;
        }

        var overlays = targets.Select(target => new OverlayDevice(target, OverlayStore.InMemory())).ToList();
        try
        {
            foreach (var one in proved)
            {
                DamageFinder.Heal(overlays[record.Disks.IndexOf(one.Disk)], one.Source, one.Manifest, one.Places);
            }

            var places = record.Disks.Select(disk => proved.FirstOrDefault(one => one.Disk == disk)?.Places ?? []).ToList();
            _damage = stages.Run("Naming what differs", () => DamageFinder.Name(record.Plan.Target, overlays, [.. record.Disks.Select(disk => disk.File)], places, keys, cancellationToken));
        }
        finally
        {
            overlays.ForEach(overlay => overlay.Dispose());
        }
    }

    private void Add(string title, WrittenDisk disk, List<DeltaMismatch> mismatches, string detail)
    {
        if (mismatches.Count == 0)
        {
            _checks.Add(new VerificationCheck(title, CheckOutcome.Passed, detail));
            return;
        }

        var hit = _damage.Where(place => place.Disk == disk.File && mismatches.Any(mismatch => mismatch.Range.Offset < place.Offset + place.Length && place.Offset < mismatch.Range.End)).ToList();
        var places = hit.Count > 0
            ? string.Join("; ", hit.Take(ListedMismatches))
            : string.Join(", ", mismatches.Take(ListedMismatches).Select(mismatch => string.Create(CultureInfo.InvariantCulture, $"{mismatch.Range.Offset}+{mismatch.Range.Length}")));
        _checks.Add(new VerificationCheck(title, CheckOutcome.Failed, $"{mismatches.Count} stretches differ, at bytes {places}{(Math.Max(hit.Count, mismatches.Count) > ListedMismatches ? " …" : "")}"));
    }

    // Bytes say that nothing else changed; this says it again in the words of the guest: names, content, owners, modes, times, attributes, each read through source and target by itself.
    private void CompareFiles(OpenSource? source, List<IBlockDevice> targets, CancellationToken cancellationToken)
    {
        const string title = "files that the plan does not name are the same";
        if (source is null)
        {
            _checks.Add(new VerificationCheck(title, CheckOutcome.NotDone, "there is no source to compare them with"));
            return;
        }

        var before = source.Disks.Select(disk => new OverlayDevice(disk, OverlayStore.InMemory())).ToList();
        var after = targets.Select(target => new OverlayDevice(target, OverlayStore.InMemory())).ToList();
        try
        {
            var report = stages.Run("Comparing files", () =>
            {
                using var original = GuestStorage.Open(source.Machine, before, keys);
                using var written = GuestStorage.Open(record.Plan.Target, after, keys);
                return GuestProof.Run(original, written, record.Plan, cancellationToken);
            });
            _files = report.Differences;
            var compared = $"{report.Files} names on {string.Join(", ", report.Volumes)}, {report.Named} that the plan names left out{(report.NotCompared.IsEmpty ? "" : $"; not compared: {string.Join("; ", report.NotCompared)}")}";
            _checks.Add(report.DifferenceCount == 0
                ? new VerificationCheck(title, report.Volumes.IsEmpty ? CheckOutcome.NotDone : CheckOutcome.Passed, compared)
                : new VerificationCheck(title, CheckOutcome.Failed, $"{report.DifferenceCount} differ: {string.Join("; ", report.Differences.Take(ListedMismatches).Select(Describe))}{(report.DifferenceCount > ListedMismatches ? " …" : "")}"));
        }
        catch (DiagnosticException e)
        {
            _checks.Add(new VerificationCheck(title, CheckOutcome.Failed, e.Diagnostic.ToString()));
        }
        finally
        {
            before.Concat(after).ToList().ForEach(overlay => overlay.Dispose());
        }
    }

    private static string Describe(FileDifference difference) => $"{difference.Path} {(difference.Kind == FileDifferenceKind.Changed ? string.Join(", ", difference.What) : difference.Kind.ToString().ToLowerInvariant())}";

    private void Reinspect(List<IBlockDevice> targets, CancellationToken cancellationToken)
    {
        var overlays = targets.Select(target => new OverlayDevice(target, OverlayStore.InMemory())).ToList();
        try
        {
            using var guest = stages.Run("Inspecting the target", () => GuestInspector.Open(record.Plan.Target, overlays, Planner.Reads, keys, cancellationToken));
            foreach (var volume in guest.Storage.Volumes.Where(volume => volume.FileSystem is not null))
            {
                var findings = volume.FileSystem?.Check() ?? [];
                var detail = findings.Count == 0 ? $"{volume.FileSystem?.Info.Type}, superblock, descriptors and bitmaps agree" : string.Join("; ", findings.Take(ListedMismatches).Select(finding => finding.ToString()));
                _checks.Add(new VerificationCheck($"file system on {volume.Facts.DeviceName} is sound", findings.Count == 0 ? CheckOutcome.Passed : CheckOutcome.Failed, detail));
            }

            CheckFreeSpace(guest, overlays);
            CheckGuest(guest, cancellationToken);
        }
        catch (DiagnosticException e)
        {
            _checks.Add(new VerificationCheck("the target can be inspected", CheckOutcome.Failed, e.Diagnostic.ToString()));
        }
        finally
        {
            overlays.ForEach(overlay => overlay.Dispose());
        }
    }

    // Asked of the finished target alone: nothing that one of its file systems uses may be among what was left out.
    private void CheckFreeSpace(InspectedGuest guest, List<OverlayDevice> disks)
    {
        foreach (var (disk, device, freed) in record.Disks.Zip(disks, _freed).Where(one => !one.Third.IsEmpty))
        {
            var free = guest.Storage.GetFreeSpace(device).Ranges;
            var lost = freed.SelectMany(range => RangeSet.Subtract(range, free)).Sum(range => range.Length);
            _checks.Add(new VerificationCheck($"what was left out of {disk.File} is free in it", lost == 0 ? CheckOutcome.Passed : CheckOutcome.Failed,
                lost == 0 ? $"{freed.Sum(range => range.Length)} bytes, by the maps of its own file systems" : $"{lost} bytes were left out and are in use"));
        }
    }

    // Everything that may differ is listed in the manifests, and what is listed was compared: none of it may lie in a volume of the guest.
    private void CheckUntouched(bool hasSource)
    {
        if (record.Plan.UntouchedBecause is null)
        {
            return;
        }

        foreach (var (disk, index) in record.Disks.Select((disk, index) => (disk, index)))
        {
            var volumes = record.Facts.Volumes.Where(volume => volume.DiskId == disk.DiskId && volume.BuiltOn.IsEmpty).ToList();
            var moved = TargetStartOf(disk.DiskId);
            var touched = volumes.Where(volume => _changed[index].Concat(_freed[index]).Any(range => range.Offset < volume.Offset + moved + volume.LengthBytes && volume.Offset + moved < range.End)).ToList();
            _checks.Add(touched.Count > 0
                ? new VerificationCheck($"the guest's volumes on {disk.DeviceName} are untouched", CheckOutcome.Failed, $"{string.Join(", ", touched.Select(volume => volume.DeviceName))} may differ")
                : new VerificationCheck($"the guest's volumes on {disk.DeviceName} are untouched", hasSource ? CheckOutcome.Passed : CheckOutcome.NotDone,
                    $"{string.Join(", ", volumes.Select(volume => volume.DeviceName))}: {volumes.Sum(volume => volume.LengthBytes)} bytes{(hasSource ? " equal to the source's" : ", not compared without the source")}"));
        }
    }

    private long TargetStartOf(string disk) => record.Plan.Changes.Select(change => change switch
    {
        WrapInPartition wrap when wrap.DiskId == disk => wrap.PartitionOffset,
        ShiftPartitions shift when shift.DiskId == disk => shift.ShiftBytes,
        _ => 0,
    }).Sum();

    // What the plan promised, found again in the result.
    private void CheckGuest(InspectedGuest guest, CancellationToken cancellationToken)
    {
        var facts = guest.Facts;
        var same = facts.OperatingSystem == record.Facts.OperatingSystem;
        _checks.Add(new VerificationCheck("the guest is the same system", same ? CheckOutcome.Passed : CheckOutcome.Failed, facts.OperatingSystem.Name));

        // A copy has its own identity now; a second one would get another.
        var replanned = Planner.Plan(facts, record.Plan.Capabilities, record.Plan.Options with { IsClone = false });
        var left = replanned.Changes.Where(change => change is not InstallBootloader).ToList();
        if (record.Document is { Edits.IsEdited: true } document)
        {
            _checks.AddRange(PlanFulfilment.Check(record.Plan, document, guest.Storage.Tree, left, cancellationToken));
        }
        else
        {
            _checks.Add(left.Count == 0
                ? new VerificationCheck("nothing of the plan is left to do", CheckOutcome.Passed, $"{record.Plan.Changes.Count()} changes are in the target")
                : new VerificationCheck("nothing of the plan is left to do", CheckOutcome.Failed, string.Join(", ", left.Select(change => $"{change.StepId} on {change.Subject}"))));
        }

        if (PlanFulfilment.DroppedBootLoader(record.Document))
        {
            _checks.Add(new VerificationCheck("the machine's firmware finds what it starts", CheckOutcome.NotDone, "the operator dropped the boot loader from the plan"));
            return;
        }

        if (record.Plan.Capabilities.IsXenNative)
        {
            if (record.Plan.HandedOut is { } files)
            {
                var lacking = files.Where(file => !File.Exists(Inside(file.Name))).Select(file => file.Name).ToList();
                _checks.Add(new VerificationCheck("dom0 has what it hands out", lacking.Count == 0 ? CheckOutcome.Passed : CheckOutcome.Failed, lacking.Count == 0 ? string.Join(", ", files.Select(file => file.Name)) : $"missing: {string.Join(", ", lacking)}"));
                return;
            }

            var menu = facts.BootConfigurations.FirstOrDefault(menu => menu.Kind != BootConfigurationKind.LoaderEntry && !menu.Entries.IsEmpty);
            _checks.Add(new VerificationCheck("there is a boot menu for pygrub", menu is null ? CheckOutcome.Failed : CheckOutcome.Passed, menu?.Path ?? "no grub.cfg, menu.lst or extlinux.conf with entries"));
            return;
        }

        if (record.Plan.Target.Firmware == Firmware.Uefi)
        {
            var added = record.Plan.Changes.OfType<AddHelperPartition>().FirstOrDefault();
            var isThere = added is not null && facts.Volumes.Any(volume => volume.Label == added.Label && string.Equals(volume.Uuid, added.VolumeId, StringComparison.OrdinalIgnoreCase));

            // Of a guest that cannot be looked into (the boot entry of Windows, for one) there is nothing to say.
            var program = facts.EfiPrograms.FirstOrDefault(path => path.Contains("/EFI/BOOT/BOOT", StringComparison.OrdinalIgnoreCase));
            _checks.Add(added is not null ? new VerificationCheck("the firmware finds a program to start", isThere ? CheckOutcome.Passed : CheckOutcome.Failed, $"the EFI system partition {added.VolumeId}")
                : program is not null ? new VerificationCheck("the firmware finds a program to start", CheckOutcome.Passed, program)
                : new VerificationCheck("the firmware finds a program to start", CheckOutcome.NotDone, "no program of the guest at the fallback path: it depends on the machine's own boot entries"));
            return;
        }

        var boot = facts.Disks.FirstOrDefault(disk => disk.HasBootCode);
        _checks.Add(new VerificationCheck("the boot disk has a boot sector", boot is null ? CheckOutcome.Failed : CheckOutcome.Passed, boot?.DeviceName ?? "no disk has one"));
    }

    private int SourceIndex(WrittenDisk disk) => record.Plan.Source.Disks.ToList().FindIndex(one => one.Id == disk.DiskId) is >= 0 and var index
        ? index : throw PipelineDiagnostics.NoRecord.ToException($"it names the disk '{disk.DiskId}', which the source does not have", ConversionRecord.FileName);

    // A device may be larger than the disk that it took.
    private IBlockDevice Stretch(FileDevice device, WrittenDisk disk)
    {
        if (device.Length <= disk.LengthBytes || !BlockDeviceFile.IsBlockDevice(disk.File))
        {
            return device;
        }

        _larger.Add(device);
        return new SliceDevice(device, GuestOffset.Zero, disk.LengthBytes, disk.File);
    }

    private string Inside(string name) => record.Plan.Options.DiskTargets?.ContainsValue(name) == true ? name : name == Path.GetFileName(name)
        ? Path.Combine(directory, name)
        : throw PipelineDiagnostics.NoRecord.ToException($"it names the file '{name}', which is not in its directory", ConversionRecord.FileName);

    /// <summary>What comparing a disk found.</summary>
    private sealed record ProvedDisk(WrittenDisk Disk, DeltaProofReport Proof, BlockManifest Manifest, ImmutableArray<ByteRange> Places, IBlockDevice? Source);
}
