using System.Collections.Immutable;

namespace Rehost.Transfer;

/// <summary>Outcome of a proof.</summary>
/// <param name="BytesVerified">Bytes of the target that were read and hashed; the rest is known to be zero without reading.</param>
/// <param name="BytesEqualToSource">Bytes of the target that lie in the mapping, outside of the changed and freed ranges: all of them were found equal unless a mismatch says otherwise.</param>
/// <param name="BytesChanged">Bytes in the changed ranges.</param>
/// <param name="BytesFreed">Bytes that held nothing and were left out: zeros in the target, whatever the source has there.</param>
/// <param name="Mismatches">Differences, in order; at most <see cref="MismatchLimit"/>.</param>
/// <param name="MismatchCount">How many there are in all.</param>
public sealed record DeltaProofReport(long BytesVerified, long BytesEqualToSource, long BytesChanged, long BytesFreed, ImmutableArray<DeltaMismatch> Mismatches, long MismatchCount)
{
    /// <summary>Whether the source is still what it was: its tree has the root that the manifest says. Null when the manifest does not say, or there is no source.</summary>
    public bool? IsSourceAsItWas { get; init; }

    /// <summary>How many mismatches are listed.</summary>
    public const int MismatchLimit = 10_000;

    /// <summary>Whether the target is what was written and differs from the source only where it was meant to.</summary>
    public bool IsProved => MismatchCount == 0;
}
