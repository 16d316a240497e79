namespace Rehost.Fuzz.Engine;

/// <summary>What one execution did.</summary>
/// <param name="Fault">What the oracle does not accept; null when all was well.</param>
/// <param name="Features">What was reached: diagnostics by place, exceptions that were caught, magnitudes.</param>
/// <param name="Ids">Ids of the diagnostics that were made.</param>
internal sealed record Outcome(Fault? Fault, IReadOnlySet<long> Features, IReadOnlySet<string> Ids);
