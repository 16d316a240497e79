using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.DiskFormats;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;
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

    private CommittedFile? _packageFile;
    private IDiskPackage? _package;

    private TargetWriter(OutputDirectory output, ITargetKind kind)
    {
        _output = output;
        _kind = kind;
    }

    /// <summary>Copies every disk, in one pass each.</summary>
    /// <exception cref="DiagnosticException">The source is damaged, or the target cannot take it.</exception>
    public static TargetWriter Write(
        ConversionPlan plan, GuestFacts facts, OverlaidDisks disks, ImmutableArray<AppliedDisk> applied, ImmutableArray<DiskFreeSpace> free, OutputDirectory output, StageClock stages, CancellationToken cancellationToken)
    {
        var writer = new TargetWriter(output, KnownTargets.ByName(plan.Options.Target));
        try
        {
            writer.BeginPackage(plan, facts);
            foreach (var disk in plan.Target.Disks)
            {
                // In their order, which need not be the source's where partitions become disks.
                var index = plan.Source.Disks.ToList().FindIndex(one => one.Id == (disk.Part?.DiskId ?? disk.Id));
                writer.WriteDisk(plan, disk, DiskShare.Of(disk, disks.Below[index], disks.Targets[index], applied[index], free[index]), stages, cancellationToken);
            }

            writer._package?.Complete(cancellationToken);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Copies the files of the guest that the host needs beside the disks, as the changes left them.</summary>
    public void HandOut(ConversionPlan plan, GuestTree guest)
    {
        foreach (var file in plan.HandedOut ?? [])
        {
            Create(file.Name).Write(default, guest.ReadAllBytes(file.GuestPath, LargestHandedOut));
        }
    }

    /// <summary>Gives everything its name: disks first, the configuration last, so that what looks finished is.</summary>
    public ConversionRecord Commit(SourceRequest request, string sourceKind, GuestFacts facts, ConversionPlan plan, ImmutableArray<StageTime> times)
    {
        var record = new ConversionRecord
        {
            Source = request with { Path = Path.GetFullPath(request.Path), MoreDisks = [.. request.MoreDisks.Select(disk => disk with { Path = Path.GetFullPath(disk.Path) })] },
            SourceKind = sourceKind,
            Facts = facts,
            Plan = plan,
            Disks = [.. _disks],
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

        return record;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _package?.Dispose();
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private void WriteDisk(ConversionPlan plan, VirtualDisk disk, DiskShare share, StageClock stages, CancellationToken cancellationToken)
    {
        var name = TargetFiles.Disk(disk);
        using var place = _packageFile is { } package ? TargetDiskFile.Of(package)
            : TargetFiles.IsNamed(plan, disk) ? Keep(TargetDiskFile.Open(name, share.Length, plan.Options.OverwritesDevices))
            : TargetDiskFile.Of(Create(name));
        var image = place.File;
        var storedBefore = _package is null ? 0 : place.Committed?.Length ?? 0;
        using var content = new HollowDevice(share.Device, share.Freed);
        var total = Stored(content);
        var manifest = stages.Run($"Writing {name}", total, report =>
        {
            using var writer = _package?.BeginDisk(content.Length)
                ?? KnownDiskFormats.ByName(plan.Options.DiskFormat).CreateWriter(image, content.Length, new ImageWriterOptions(CompressionOf(plan.Options.Compression)));
            return DiskCopy.Run(
                new DiskCopyRequest(content, writer)
                {
                    Mapping = [share.Mapping],
                    ChangedRanges = share.Changed,
                    FreedRanges = share.Freed,
                },
                new ByteProgress(report),
                cancellationToken: cancellationToken);
        });
        var manifestName = TargetFiles.Manifest(plan.Target, disk);
        manifest.Save(Create(manifestName));
        _disks.Add(new WrittenDisk
        {
            DiskId = disk.Part?.DiskId ?? disk.Id,
            DeviceName = disk.DeviceName,
            File = name,
            ManifestFile = manifestName,
            LengthBytes = manifest.Length,

            // Not what the file system says that the file takes: that is another number on another day.
            StoredBytes = place.Committed is { } stored && disk.Format != "raw" ? stored.Length - storedBefore : manifest.StoredBytes,
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
            _packageFile = Create(TargetFiles.Disk(disk));
            _package = _kind.BeginPackage(_packageFile, plan, facts);
        }
    }

    private static long Stored(IBlockDevice device) => device.GetExtents(GuestOffset.Zero, device.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length);

    // A new file that the operator named gets its name with the others.
    private TargetDiskFile Keep(TargetDiskFile place)
    {
        if (place.Committed is { } file)
        {
            _files.Add(file);
        }

        return place;
    }

    private CommittedFile Create(string name)
    {
        var file = CommittedFile.Create(_output.NewFile(name));
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
