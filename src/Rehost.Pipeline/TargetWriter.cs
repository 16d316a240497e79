using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.Initramfs;
using Rehost.DiskFormats;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Plans;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Targets;
using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>Writes the target: disks with manifests under temporary names, then, all at once, their names, the configuration and the reports.</summary>
internal sealed class TargetWriter : IDisposable
{
    private const int LargestHandedOut = 512 << 20;
    private readonly OutputDirectory _output;
    private readonly ITargetKind _kind;
    private readonly List<CommittedFile> _files = [];
    private readonly List<WrittenDisk> _disks = [];

    private readonly Resumption _resumption;
    private readonly List<ResumableFile> _resumable = [];
    private ResumableFile? _packageFile;
    private IDiskPackage? _package;
    private long _packagedBytes;

    private TargetWriter(OutputDirectory output, ITargetKind kind, Resumption resumption)
    {
        _output = output;
        _kind = kind;
        _resumption = resumption;
    }

    /// <summary>
    /// Takes back what a run of the same conversion left that was stopped while it gave its files their names: disks become unfinished again, and the small files beside them go, to be written again.
    /// Anything else in the way is refused.
    /// </summary>
    /// <exception cref="DiagnosticException">A file is there that is none of that run's (PIP002).</exception>
    public static void TakeBack(ConversionPlan plan, OutputDirectory output, Resumption resumption)
    {
        if (!resumption.Resumes)
        {
            return;
        }

        var disks = plan.Target.Disks.Where(disk => !TargetFiles.IsNamed(plan, disk)).Select(TargetFiles.Disk).Distinct(StringComparer.Ordinal).ToList();
        var ours = disks.Where(name => CopyJournal.IsOf(Path.Combine(output.Path, name), IdentityOf(resumption, name))).ToHashSet(StringComparer.Ordinal);
        foreach (var name in TargetFiles.All(plan).Where(name => Path.Exists(Path.Combine(output.Path, name))))
        {
            var path = Path.Combine(output.Path, name);
            if (ours.Contains(name) && !File.Exists(path + CommittedFile.PartialSuffix))
            {
                File.Move(path, path + CommittedFile.PartialSuffix);
            }
            else if (ours.Count > 0 && !disks.Contains(name))
            {
                File.Delete(path);
            }
            else
            {
                output.NewFile(name);
            }
        }
    }

    /// <summary>Copies every disk, in one pass each.</summary>
    /// <exception cref="DiagnosticException">The source is damaged, or the target cannot take it.</exception>
    public static TargetWriter Write(
        ConversionPlan plan, GuestFacts facts, OverlaidDisks disks, ImmutableArray<AppliedDisk> applied, ImmutableArray<DiskFreeSpace> free, GuestStorage guest, OutputDirectory output, Resumption resumption, StageClock stages, CancellationToken cancellationToken)
    {
        var writer = new TargetWriter(output, KnownTargets.ByName(plan.Options.Target), resumption);
        try
        {
            writer.BeginPackage(plan, facts);
            foreach (var disk in plan.Target.Disks)
            {
                // In their order, which need not be the source's where partitions become disks.
                var index = plan.Source.Disks.ToList().FindIndex(one => one.Id == (disk.Part?.DiskId ?? disk.Id));
                var share = DiskShare.Of(disk, disks.Below[index], disks.Targets[index], applied[index], free[index]);
                writer.WriteDisk(plan, disk, share, disks.Below[index], ChangeRanges.Of(plan, guest, disks.Overlays[index], share.Mapping, share.Changed), stages, cancellationToken);
            }

            writer._package?.Complete(cancellationToken);
            return writer;
        }
        catch (Exception e)
        {
            var explained = writer.Keep(e);
            writer.Dispose();
            if (explained is not null)
            {
                throw explained;
            }

            throw;
        }
    }

    /// <summary>Keeps what is done when what stopped the run may be over later.</summary>
    /// <returns>The fault with a word on how to go on; null when nothing is kept.</returns>
    public Exception? Keep(Exception e)
    {
        if (!ResumableFile.MayPass(e))
        {
            return null;
        }

        var kept = _resumable.Sum(file => file.KeepWhatIsDone());
        return kept > 0 ? ResumableFile.Explain(e, kept, _output.Path) : null;
    }

    /// <summary>Copies the files of the guest that the host needs beside the disks, as the changes left them.</summary>
    public void HandOut(ConversionPlan plan, GuestTree guest)
    {
        foreach (var file in plan.HandedOut ?? [])
        {
            var content = guest.ReadAllBytes(file.GuestPath, LargestHandedOut).AsSpan();
            if (file.Part is { } part)
            {
                content = part.Offset >= 0 && part.Length >= 0 && part.Offset <= content.Length - part.Length ? content.Slice((int)part.Offset, (int)part.Length)
                    : throw ApplyDiagnostics.NotAsSeen.ToException($"the plan hands out {part.Length} bytes at {part.Offset}; it has {content.Length}", file.GuestPath);
            }

            var head = file.Drivers is { } drivers ? HelperArchives.Build(guest, drivers) : [];
            Create(file.Name).Write(default, [.. head, .. content]);
        }
    }

    /// <summary>Gives everything its name: disks first, the configuration last, so that what looks finished is.</summary>
    public ConversionRecord Commit(SourceRequest request, string sourceKind, GuestFacts facts, ConversionPlan plan, ImmutableArray<DamagedPlace> readErrors, ImmutableArray<StageTime> times, AppliedDocument? document)
    {
        var record = new ConversionRecord
        {
            Source = request with { Path = KnownSources.IsOnHost(request.Path) ? request.Path : Path.GetFullPath(request.Path), MoreDisks = [.. request.MoreDisks.Select(disk => disk with { Path = Path.GetFullPath(disk.Path) })] },
            SourceKind = sourceKind,
            Facts = facts,
            Plan = plan,
            Document = document,
            Disks = [.. _disks],
            ReadErrors = readErrors,
            ConfigurationFile = _kind.ConfigurationFile(plan.Target),
            Stages = times,
        };
        AddText(ConversionRecord.FileName, ModelJson.Serialize(record with { Stages = [] }) + "\n");
        AddText(ConversionRecord.TimesFileName, ModelJson.Serialize(times) + "\n");
        AddText(ReportText.FileName, ReportText.Write(record));
        foreach (var (name, text) in _kind.Describe(record, _output.Path))
        {
            AddText(name, text);
        }

        foreach (var file in _files)
        {
            file.Commit();
        }

        // Now that everything has its name.
        _resumable.ForEach(file => file.Journal.Remove());
        return record;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _package?.Dispose();
        _resumable.ForEach(file => file.Journal.Dispose());
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    /// <summary>The format in which a source that comes once lands, so that it can become the target in place; null where the target is written from front to back, or elsewhere.</summary>
    public static string? LandingFormat(ConversionOptions options)
        => options.DiskFormat is "raw" or "qcow2" && options.Compression == "none" && options.DiskLayout is null or "disks" && options.DiskTargets is null ? options.DiskFormat : null;

    private void WriteDisk(ConversionPlan plan, VirtualDisk disk, DiskShare share, IBlockDevice source, ImmutableArray<TouchedRanges> touched, StageClock stages, CancellationToken cancellationToken)
    {
        if (source is LandedDisk landed && landed.Format == LandingFormat(plan.Options) && Adopt(plan, disk, landed, share, touched, stages, cancellationToken))
        {
            return;
        }

        var name = TargetFiles.Disk(disk);
        var resumable = _packageFile ?? (TargetFiles.IsNamed(plan, disk) ? null : CreateResumable(name, isReplayed: plan.Options.DiskFormat != "raw"));
        using var place = resumable is not null ? TargetDiskFile.Of(resumable.File) : Keep(TargetDiskFile.Open(name, share.Length, plan.Options.OverwritesDevices));
        var image = resumable?.Journal.File ?? place.File;
        ICopyJournal? journal = resumable is null ? null : _packageFile is null ? resumable.Journal : new OffsetJournal(resumable.Journal, _packagedBytes);
        using var content = new HollowDevice(share.Device, share.Freed);
        var total = Stored(content);
        var manifest = stages.Run(TitleOf(name, resumable), total, report =>
        {
            using var writer = _package?.BeginDisk(content.Length)
                ?? KnownDiskFormats.ByName(plan.Options.DiskFormat).CreateWriter(image, content.Length, new ImageWriterOptions(CompressionOf(plan.Options.Compression)));
            return DiskCopy.Run(
                new DiskCopyRequest(content, writer)
                {
                    Mapping = [share.Mapping],
                    ChangedRanges = share.Changed,
                    FreedRanges = share.Freed,
                    Source = source,
                    Touched = touched,
                    Journal = journal,
                },
                new ByteProgress(report),
                cancellationToken: cancellationToken);
        });
        _packagedBytes += content.Length;
        Add(plan, disk, share, manifest, place.Committed);
    }

    /// <summary>Makes the target of what landed, where it lies; false where it has to be copied after all, because its content moves by a distance that the file cannot.</summary>
    private bool Adopt(ConversionPlan plan, VirtualDisk disk, LandedDisk landed, DiskShare share, ImmutableArray<TouchedRanges> touched, StageClock stages, CancellationToken cancellationToken)
    {
        var name = TargetFiles.Disk(disk);
        using var content = new HollowDevice(share.Device, share.Freed);
        var request = new AdoptionRequest(content, landed, share.Mapping, share.Changed, share.Freed, touched);
        if (stages.Run($"Editing {name}", () => DiskAdoption.TryRun(request, landed.Image, landed.Hashes, cancellationToken)) is not { } manifest)
        {
            return false;
        }

        landed.File.Rename(_output.NewFile(name));
        _files.Add(landed.File);
        Add(plan, disk, share, manifest, landed.File);
        return true;
    }

    private void Add(ConversionPlan plan, VirtualDisk disk, DiskShare share, BlockManifest manifest, CommittedFile? file)
    {
        var manifestName = TargetFiles.Manifest(plan.Target, disk);
        manifest.Save(Create(manifestName));
        _disks.Add(new WrittenDisk
        {
            DiskId = disk.Part?.DiskId ?? disk.Id,
            DeviceName = disk.DeviceName,
            File = TargetFiles.Disk(disk),
            ManifestFile = manifestName,
            LengthBytes = manifest.Length,

            // Not what the file system says that the file takes: that is another number on another day.
            StoredBytes = disk.Format != "raw" && _package is null && file is not null ? file.Length : manifest.StoredBytes,
            ChangedBytes = manifest.ChangedRanges.Sum(range => range.Length),
            FreedBytes = share.Freed.Sum(range => range.Length),
            FreeSpace = share.Shares,
            ContentHash = Convert.ToHexStringLower(manifest.Root.AsSpan()),
        });
    }

    private void BeginPackage(ConversionPlan plan, GuestFacts facts)
    {
        if (plan.Target.Disks.FirstOrDefault() is { Format: "ova" or "xva" } disk)
        {
            _packageFile = CreateResumable(TargetFiles.Disk(disk), isReplayed: true);
            _package = _kind.BeginPackage(_packageFile.Journal.File, plan, facts);
        }
    }

    private static long Stored(HollowDevice device) => device.GetExtents(GuestOffset.Zero, device.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);

    // A new file that the operator named gets its name with the others.
    private TargetDiskFile Keep(TargetDiskFile place)
    {
        if (place.Committed is { } file)
        {
            _files.Add(file);
        }

        return place;
    }

    private static string TitleOf(string name, ResumableFile? file) => file switch
    {
        { Journal.ResumedBytes: > 0 } => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Writing {name}, of which {file.Journal.ResumedBytes >> 20} MiB were written before"),
        { Finding: not null } => $"Writing {name} from the start: what an earlier run left is of another source or other options, or it had hardly begun",
        _ => $"Writing {name}",
    };

    private static string IdentityOf(Resumption resumption, string name) => $"{resumption.Identity}\n{name}";

    private ResumableFile CreateResumable(string name, bool isReplayed)
    {
        var file = ResumableFile.Open(_output.NewFile(name), IdentityOf(_resumption, name), isReplayed, _resumption, new CommittedFileOptions());
        _resumable.Add(file);
        _files.Add(file.File);
        return file;
    }

    private CommittedFile Create(string name)
    {
        var file = CommittedFile.Create(_output.NewFile(name), new CommittedFileOptions { Witness = _resumption.Witness });
        _files.Add(file);
        return file;
    }

    private void AddText(string name, string text) => Create(name).Write(default, GuestText.Encode(text));

    private static ImageCompression CompressionOf(string name) => name switch
    {
        "none" => ImageCompression.None,
        "zlib" => ImageCompression.Zlib,
        "zstd" => ImageCompression.Zstd,
        _ => throw PipelineDiagnostics.BadOption.ToException($"'{name}' is none of none, zlib, zstd", "--compress"),
    };
}
