using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>rehost image compare.</summary>
public static class ImageComparison
{
    /// <summary>Compares the content of two images. Where one is longer, what follows must be zero, unless sizes are to be equal.</summary>
    /// <param name="left">One image.</param>
    /// <param name="right">The other.</param>
    /// <param name="isStrict">Whether different sizes are a difference.</param>
    /// <param name="workers">Threads; null for one for each processor.</param>
    /// <param name="progress">Told how the work goes on.</param>
    /// <param name="cancellationToken">Stops the comparison.</param>
    /// <exception cref="DiagnosticException">One of them is missing, damaged, or refers to what is not allowed.</exception>
    public static ImageComparisonReport Run(ImageRequest left, ImageRequest right, bool isStrict, int? workers, IProgressSink progress, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentNullException.ThrowIfNull(progress);
        using var one = OpenImage.Open(left, mustChoose: true, cancellationToken);
        using var two = OpenImage.Open(right, mustChoose: true, cancellationToken);
        var (a, b) = (one.RequireDisk(), two.RequireDisk());
        var listener = ImageProgress.Begin(progress, "Comparing", a, b);
        var difference = DiskComparison.Run(a, b, workers ?? Environment.ProcessorCount, listener, cancellationToken);
        progress.Complete();
        return new ImageComparisonReport(left.Path, a.Length, right.Path, b.Length, difference.DifferentBytes, difference.FirstDifference, difference.Ranges, difference.RangeCount)
        {
            AreEqual = difference.DifferentBytes == 0 && (!isStrict || a.Length == b.Length),
        };
    }
}

/// <summary>What a comparison found.</summary>
/// <param name="Left">One image.</param>
/// <param name="LeftBytes">Size of its disk.</param>
/// <param name="Right">The other.</param>
/// <param name="RightBytes">Size of its disk.</param>
/// <param name="DifferentBytes">Bytes that differ.</param>
/// <param name="FirstDifference">Offset of the first; null when none does.</param>
/// <param name="Ranges">Stretches with differences, in sectors of 512 bytes, the first of them.</param>
/// <param name="RangeCount">How many there are.</param>
public sealed record ImageComparisonReport(
    string Left, long LeftBytes, string Right, long RightBytes, long DifferentBytes, long? FirstDifference, IReadOnlyList<ByteRange> Ranges, long RangeCount)
{
    /// <summary>Whether both hold the same.</summary>
    public bool AreEqual { get; init; }
}
