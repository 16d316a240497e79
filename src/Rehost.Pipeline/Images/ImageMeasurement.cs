using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>rehost image measure: what a conversion would write.</summary>
public static class ImageMeasurement
{
    /// <summary>
    /// Measures by running the writer itself on a file that keeps nothing: exact, whatever the format. The fast way gives it incompressible content
    /// wherever the source has data instead of reading that: what a conversion needs at most.
    /// </summary>
    /// <exception cref="DiagnosticException">The source is damaged, or the target is not written like that.</exception>
    public static ImageMeasureReport Run(ImageConversionRequest request, bool isFast, IProgressSink progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(progress);
        var format = ImageTarget.FormatOf(request.Format, request.TargetPath);
        using var source = OpenImage.Open(request.Source, mustChoose: true, cancellationToken);
        var disk = source.RequireDisk();
        using var file = new CountingFile(request.TargetPath);
        using var content = isFast ? new PatternDevice(disk) : null;
        using (var writer = ImageTarget.CreateWriter(format, file, disk.Length, request))
        {
            var listener = ImageProgress.Begin(progress, "Measuring", disk);
            DiskCopy.RunPlain(new DiskCopyRequest(content ?? disk, writer) { Workers = request.Workers ?? DiskCopyRequest.DefaultWorkers }, progress: listener, cancellationToken: cancellationToken);
        }

        progress.Complete();
        return new ImageMeasureReport(request.Source.Path, disk.Length, format.Name, file.Length, file.StoredBytes, !isFast);
    }
}

/// <summary>What a conversion would write.</summary>
/// <param name="Source">The source.</param>
/// <param name="VirtualBytes">Size of its disk.</param>
/// <param name="Format">The target's format.</param>
/// <param name="FileBytes">Length of the target's file.</param>
/// <param name="StoredBytes">What it takes on the host, whose holes take nothing.</param>
/// <param name="IsExact">Whether that is exact; else it is the most.</param>
public sealed record ImageMeasureReport(string Source, long VirtualBytes, string Format, long FileBytes, long StoredBytes, bool IsExact);
