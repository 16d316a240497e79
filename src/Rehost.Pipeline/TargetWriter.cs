using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.DiskFormats;
using Rehost.Inspection.Storage;
using Rehost.Model;
using Rehost.Pipeline.Sources;
using Rehost.Pipeline.Targets;
using Rehost.Transfer;

namespace Rehost.Pipeline;

/// <summary>Writes the target: disks with manifests under temporary names, then, all at once, their names, the configuration and the reports.</summary>
internal sealed class TargetWriter : IDisposable
{
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
            for (var index = 0; index < applied.Length; index++)
            {
                writer.WriteDisk(plan, plan.Target.Disks[index], disks.Below[index], disks.Targets[index], applied[index], free[index], stages, cancellationToken);
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
        AddText(ConversionRecord.FileName, ModelJson.Serialize(record) + "\n");
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

    private void WriteDisk(
        ConversionPlan plan, VirtualDisk disk, IBlockDevice source, TargetDisk target, AppliedDisk applied, DiskFreeSpace free, StageClock stages, CancellationToken cancellationToken)
    {
        var name = TargetFiles.Disk(disk);
        var image = _packageFile ?? Create(name);
        var storedBefore = _package is null ? 0 : image.StoredBytes;
        var freed = free.Ranges.Where(range => range.Offset >= target.SourceStart)
            .Select(range => range with { Offset = range.Offset - target.SourceStart + target.TargetStart }).ToImmutableArray();
        using var content = new HollowDevice(applied.Device, freed);
        var total = Stored(content);
        var manifest = stages.Run($"Writing {name}", total, report =>
        {
            using var writer = _package?.BeginDisk(content.Length)
                ?? KnownDiskFormats.ByName(plan.Options.DiskFormat).CreateWriter(image, content.Length, new ImageWriterOptions(CompressionOf(plan.Options.Compression)));
            return DiskCopy.Run(
                new DiskCopyRequest(content, writer)
                {
                    Mapping = [new MappedRange(target.TargetStart, target.SourceStart, source.Length - target.SourceStart)],
                    ChangedRanges = applied.ChangedRanges,
                    FreedRanges = freed,
                },
                new ByteProgress(report),
                cancellationToken: cancellationToken);
        });
        var manifestName = TargetFiles.Manifest(plan.Target, disk);
        manifest.Save(Create(manifestName));
        _disks.Add(new WrittenDisk
        {
            DiskId = disk.Id,
            DeviceName = disk.DeviceName,
            File = name,
            ManifestFile = manifestName,
            LengthBytes = manifest.Length,
            StoredBytes = image.StoredBytes - storedBefore,
            ChangedBytes = manifest.ChangedRanges.Sum(range => range.Length),
            FreedBytes = Stored(applied.Device) - total,
            FreeSpace = free.Shares,
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
