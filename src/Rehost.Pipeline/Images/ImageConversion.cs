using System.Collections.Immutable;
using System.Diagnostics;
using Rehost.Blocks;
using Rehost.DiskFormats;
using Rehost.DiskFormats.Tar;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>rehost image convert: any image to any format that is written.</summary>
public static class ImageConversion
{
    /// <summary>Converts.</summary>
    /// <param name="request">What, and how.</param>
    /// <param name="progress">Told how the work goes on.</param>
    /// <param name="cancellationToken">Stops the conversion; nothing that looks finished is left.</param>
    /// <exception cref="DiagnosticException">The source is damaged, the target cannot take it, or the image is not what was written (PIP009).</exception>
    public static ImageConversionReport Run(ImageConversionRequest request, IProgressSink progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        var started = Stopwatch.GetTimestamp();
        var format = ImageTarget.FormatOf(request.Format, request.TargetPath);
        using var source = OpenImage.Open(request.Source, mustChoose: true, cancellationToken);
        var disk = source.RequireDisk();
        var (digest, sizes, resumed, findings) = format is OvfFormat
            ? OvfFolderTarget.Write(request, source, disk, progress, cancellationToken)
            : WriteFile(request, source, format, disk, progress, cancellationToken);
        var bad = NameReadErrors(request, disk, cancellationToken);
        progress.Complete();
        return new ImageConversionReport
        {
            Source = request.Source.Path,
            SourceFormat = source.Format.Name,
            Target = request.TargetPath,
            TargetFormat = format.Name,
            VirtualBytes = disk.Length,
            FileBytes = sizes.FileBytes,
            StoredBytes = sizes.StoredBytes,
            IsVerified = digest is not null,
            ContentHash = digest is null ? null : Convert.ToHexStringLower(digest.Root.AsSpan()),
            ResumedBytes = resumed,
            Seconds = Math.Round(Stopwatch.GetElapsedTime(started).TotalSeconds, 3),
            ReadErrors = bad,
            Findings = [.. source.Findings, .. findings, .. ReadErrorFinding(request, bad)],
        };
    }

    private static IEnumerable<Diagnostic> ReadErrorFinding(ImageConversionRequest request, IReadOnlyList<DamagedPlace> bad)
        => bad.Count == 0 ? [] : [PipelineDiagnostics.BadSectors.Create($"{bad.Sum(place => place.Length)} bytes in {bad.Count} places", request.Source.Path)];

    // An image need not hold a guest, or any file system: then sectors are all there is to say.
    private static ImmutableArray<DamagedPlace> NameReadErrors(ImageConversionRequest request, IBlockDevice disk, CancellationToken cancellationToken)
    {
        if (disk is not BadSectorDevice { BadRanges: { Count: > 0 } ranges })
        {
            return [];
        }

        using var overlay = new OverlayDevice(disk, OverlayStore.InMemory());
        var machine = OvfImageMachine.Of(Path.GetFileNameWithoutExtension(request.TargetPath), disk.Length);
        return DamageFinder.Name(machine, [overlay], ["disk"], [[.. ranges]], keys: null, cancellationToken);
    }

    private static WrittenImage WriteFile(
        ImageConversionRequest request, OpenImage source, IDiskFormat format, IBlockDevice disk, IProgressSink progress, CancellationToken cancellationToken)
    {
        using var target = TargetFile.Open(request, source, format, disk.Length);
        try
        {
            ContentDigest? digest;
            using (var writer = ImageTarget.CreateWriter(format, target.File, disk.Length, request))
            {
                digest = Copy(request, disk, writer, target.Journal, progress, cancellationToken);
            }

            source.EnsureUnchanged();
            if (digest is not null)
            {
                target.ForgetCache();
                Verify(request, target.ReadablePath, format, digest, progress, cancellationToken);
            }

            var sizes = target.Sizes();
            target.Commit();
            return new WrittenImage(digest, sizes, target.ResumedBytes, target.Finding is { } finding ? [finding] : []);
        }
        catch (Exception e) when (target.Keep(e) is { } explained)
        {
            throw explained;
        }
    }

    /// <summary>Copies a disk into an image; returns its digest when the image will be compared with it.</summary>
    internal static ContentDigest? Copy(
        ImageConversionRequest request, IBlockDevice disk, IImageWriter writer, ICopyJournal? journal, IProgressSink progress, CancellationToken cancellationToken)
    {
        var listener = ImageProgress.Begin(progress, $"Writing {Path.GetFileName(request.TargetPath)}", disk);
        var copy = new DiskCopyRequest(disk, writer) { Workers = request.Workers ?? DiskCopyRequest.DefaultWorkers, Journal = journal };
        return DiskCopy.RunPlain(copy, request.Verifies, listener, cancellationToken: cancellationToken);
    }

    /// <summary>Reads the image as a stranger would: through its format, from the disk as far as the host allows that.</summary>
    internal static void Verify(ImageConversionRequest request, string path, IDiskFormat format, ContentDigest expected, IProgressSink progress, CancellationToken cancellationToken)
    {
        // Opened without a lock: this process holds the file's.
        var file = FileDevice.OpenReferenced(path);
        using var container = KnownContainers.Find(format)?.Invoke(file, new ImageRequest(request.TargetPath), cancellationToken);
        using var written = container is null ? format.Open(new DiskOpenRequest(file, request.TargetPath)) : container.Open(container.Disks[0]);

        // A device may be larger than the disk.
        using var image = new SliceDevice(written, GuestOffset.Zero, Math.Min(written.Length, expected.Length), request.TargetPath);
        var found = ContentDigest.Of(image, request.Workers ?? Environment.ProcessorCount, ImageProgress.Begin(progress, "Verifying", image), cancellationToken);
        var differences = expected.Differences(found);
        if (differences.Count > 0)
        {
            var where = string.Join(", ", differences.Take(5).Select(range => $"{range.Offset} to {range.End}"));
            throw PipelineDiagnostics.Difference.ToException($"what is read back differs from what was written, between {where}", request.TargetPath);
        }
    }
}
