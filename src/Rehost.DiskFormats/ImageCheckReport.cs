using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>What a check of an image found.</summary>
/// <param name="Findings">Errors and warnings, at most <see cref="FindingLimit"/>; empty when the image is sound.</param>
/// <param name="ErrorCount">All errors: content is lost or cannot be trusted.</param>
/// <param name="LeakedBytes">Space of the file that nothing uses: harmless.</param>
/// <param name="StoredBytes">Bytes of guest content that the file stores, as the guest sees them.</param>
public sealed record ImageCheckReport(ImmutableArray<Diagnostic> Findings, long ErrorCount, long LeakedBytes, long StoredBytes)
{
    /// <summary>How many findings are listed.</summary>
    public const int FindingLimit = 1000;

    /// <summary>Whether nothing is wrong; leaked space does not count.</summary>
    public bool IsSound => ErrorCount == 0;
}
