using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.Model;

namespace Rehost.Pipeline.Images;

/// <summary>rehost image info, map and check: what an image says of itself.</summary>
public static class ImageInspection
{
    private const long DefaultUnit = 64 * 1024;

    /// <summary>Describes an image and its whole chain.</summary>
    /// <exception cref="DiagnosticException">It is missing, damaged, or refers to what is not allowed.</exception>
    public static ImageReport Describe(ImageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var image = OpenImage.Open(request, mustChoose: false, cancellationToken);
        return new ImageReport
        {
            File = request.Path,
            Format = image.Format.Name,
            IsFormatGuessed = image.IsFormatGuessed,
            FileBytes = image.File.Length,
            StoredBytes = image.File.GetExtents(GuestOffset.Zero, image.File.Length).Where(extent => extent.Kind == ExtentKind.Data).Sum(extent => extent.Length),
            VirtualBytes = image.Disk?.Length,
            Layers = [.. Layers(image)],
            Disks = image.Disks,
            Findings = [.. image.Findings],
        };
    }

    /// <summary>The extents of a disk, each with where it is stored. Neighbours of one kind whose places follow each other are one.</summary>
    /// <exception cref="DiagnosticException">It is missing, damaged, or refers to what is not allowed.</exception>
    public static IReadOnlyList<MappedExtent> Map(ImageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var image = OpenImage.Open(request, mustChoose: true, cancellationToken);
        var disk = image.RequireDisk();
        var unit = (disk as IDiskImage)?.Info.UnitBytes ?? DefaultUnit;
        var map = new List<MappedExtent>();
        foreach (var extent in disk.GetExtents(GuestOffset.Zero, disk.Length))
        {
            for (var position = extent.Offset; position < extent.End;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var stored = extent.Kind == ExtentKind.Data ? disk.FindStored(new GuestOffset(position), extent.End - position) : null;
                var length = stored?.Length ?? NextStored(disk, unit, position, extent);
                Append(map, new MappedExtent(position, length, extent.Kind, stored?.File.Path, stored?.Offset.Value));
                position += length;
            }
        }

        return map;
    }

    /// <summary>Verifies structure and checksums.</summary>
    /// <exception cref="DiagnosticException">The image is missing, cannot be opened at all, or is of a format without structures (DSK007).</exception>
    public static ImageCheckResult Check(ImageRequest request, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (OpenImage.OpenPackage(request, cancellationToken) is var (kind, package))
        {
            using (package)
            {
                var report = package.Check(cancellationToken);
                return new ImageCheckResult(request.Path, kind.Name, report.IsSound, report.ErrorCount, report.LeakedBytes, report.StoredBytes, report.Findings);
            }
        }

        var parts = Disks(request, cancellationToken).Select(one => CheckOne(one, cancellationToken)).ToList();
        var whole = parts is [var only] ? only : parts[0] with
        {
            IsSound = parts.All(part => part.IsSound),
            ErrorCount = parts.Sum(part => part.ErrorCount),
            LeakedBytes = parts.Sum(part => part.LeakedBytes),
            StoredBytes = parts.Sum(part => part.StoredBytes),
            Findings = [.. parts.SelectMany(part => part.Findings).Distinct().Take(ImageCheckReport.FindingLimit)],
        };
        return whole.Format == "xva" ? whole with { Findings = [.. whole.Findings, .. ImportFaults(request, cancellationToken)] } : whole;
    }

    // A sound archive may still be one that no host takes: told, and no damage.
    private static ImmutableArray<Diagnostic> ImportFaults(ImageRequest request, CancellationToken cancellationToken)
    {
        using var container = new XvaContainer(FileDevice.OpenRead(request.Path), Path.GetFileName(request.Path), cancellationToken);
        return container.ImportFaults;
    }

    private static ImmutableArray<ImageRequest> Disks(ImageRequest request, CancellationToken cancellationToken)
    {
        if (request.Disk is null && OpenImage.IsContainer(request))
        {
            using var image = OpenImage.Open(request, mustChoose: false, cancellationToken);
            return image.Disks.IsEmpty ? [request] : [.. image.Disks.Select(disk => request with { Disk = disk.Id })];
        }

        return [request];
    }

    private static ImageCheckResult CheckOne(ImageRequest request, CancellationToken cancellationToken)
    {
        var (format, open) = OpenImage.Describe(request);
        var found = new List<Diagnostic>();
        var report = format.Check(open with { Report = found.Add }, cancellationToken);

        // What opening already found is told once, whether or not the check finds it again.
        var more = found.Where(finding => !report.Findings.Contains(finding)).Distinct().ToList();
        var errors = report.ErrorCount + more.Count(finding => finding.Severity == Severity.Error);
        return new ImageCheckResult(request.Path, format.Name, errors == 0, errors, report.LeakedBytes, report.StoredBytes,
            [.. more.Concat(report.Findings).Take(ImageCheckReport.FindingLimit)]);
    }

    private static IEnumerable<ImageLayer> Layers(OpenImage image)
    {
        var name = image.File.Path;
        for (var layer = image.Disk; layer is not null;)
        {
            if (layer is IDiskImage known)
            {
                yield return new ImageLayer
                {
                    File = known.Info.FileName.Length > 0 ? known.Info.FileName : name,
                    Format = known.Info.Format,
                    SubFormat = known.Info.SubFormat,
                    VirtualBytes = layer.Length,
                    UnitBytes = known.Info.UnitBytes,
                    ParentReference = known.Info.ParentReference,
                    Files = known.Info.Files,
                    Snapshots = [.. known.Info.Snapshots.Select(one => new SnapshotReport(one.Id, one.Name, one.Created, one.LengthBytes, one.StateBytes))],
                    Properties = [.. known.Info.Properties.Select(one => new PropertyReport(one.Name, one.Value))],
                };
                name = known.Info.ParentReference ?? name;
                layer = known.Parent;
                continue;
            }

            var isTop = ReferenceEquals(layer, image.Disk);
            yield return new ImageLayer
            {
                File = (layer as FileDevice)?.Path ?? name,
                Format = isTop ? image.Format.Name : "raw",
                VirtualBytes = layer.Length,
            };
            yield break;
        }
    }

    /// <summary>How far a stretch goes that is not stored byte for byte: to the next one that is, looked for unit by unit.</summary>
    private static long NextStored(IBlockDevice disk, long unit, long position, Extent extent)
    {
        if (extent.Kind != ExtentKind.Data)
        {
            return extent.End - position;
        }

        var next = position + unit - (position % unit);
        while (next < extent.End && disk.FindStored(new GuestOffset(next), extent.End - next) is null)
        {
            next += unit;
        }

        return Math.Min(next, extent.End) - position;
    }

    private static void Append(List<MappedExtent> map, MappedExtent extent)
    {
        if (map.Count > 0 && map[^1] is var last && last.Kind == extent.Kind && last.File == extent.File
            && (extent.FileOffset is null ? last.FileOffset is null : last.FileOffset + last.Length == extent.FileOffset))
        {
            map[^1] = last with { Length = last.Length + extent.Length };
        }
        else
        {
            map.Add(extent);
        }
    }
}

/// <summary>One extent of a disk.</summary>
/// <param name="Start">First byte of the disk.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="File">The file in which it lies byte for byte; null when it is compressed, zero, or the format does not tell.</param>
/// <param name="FileOffset">Its first byte there.</param>
public sealed record MappedExtent(long Start, long Length, ExtentKind Kind, string? File, long? FileOffset);
