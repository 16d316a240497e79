using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline;

/// <summary>A plan with what carrying it out will take.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Estimate">Space and time.</param>
/// <param name="Preflight">What this machine lacks to carry the plan out; empty when nothing.</param>
public sealed record PlannedConversion(ConversionPlan Plan, ConversionEstimate Estimate, ImmutableArray<Diagnostic> Preflight)
{
    /// <summary>The plan as a document, to be applied later; null where none was asked for.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public Plans.PlanDocument? Document { get; init; }
}

/// <summary>What a conversion will take.</summary>
/// <param name="SourceBytes">Bytes to read: what the source stores.</param>
/// <param name="TargetBytes">Bytes the target's disks may take, uncompressed.</param>
/// <param name="BytesPerSecond">Rate at which a sample of the source was read.</param>
/// <param name="Seconds">Time for the copy at that rate; an estimate, since the target's disk was not measured.</param>
public sealed record ConversionEstimate(long SourceBytes, long TargetBytes, long BytesPerSecond, double Seconds);
