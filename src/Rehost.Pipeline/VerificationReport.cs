using System.Collections.Immutable;
using Rehost.Pipeline.Files;

namespace Rehost.Pipeline;

/// <summary>How one check of a verification ended.</summary>
public enum CheckOutcome
{
    /// <summary>It holds.</summary>
    Passed,

    /// <summary>It does not hold.</summary>
    Failed,

    /// <summary>It could not be made, and the detail says why.</summary>
    NotDone,
}

/// <summary>One check.</summary>
/// <param name="Title">What is claimed.</param>
/// <param name="Outcome">Whether it holds.</param>
/// <param name="Detail">Figures, or what was found instead.</param>
public sealed record VerificationCheck(string Title, CheckOutcome Outcome, string Detail);

/// <summary>What rehost verify found.</summary>
/// <param name="Machine">Name of the target.</param>
/// <param name="Checks">All checks in order.</param>
public sealed record VerificationReport(string Machine, ImmutableArray<VerificationCheck> Checks)
{
    /// <summary>Bytes that are not what they should be, and what they belong to; at most a few hundred places.</summary>
    public ImmutableArray<DamagedPlace> Damage { get; init; } = [];

    /// <summary>Files that differ from the source's and that the plan does not name.</summary>
    public ImmutableArray<FileDifference> Files { get; init; } = [];

    /// <summary>Whether no check failed.</summary>
    public bool IsProved => !Checks.Any(check => check.Outcome == CheckOutcome.Failed);
}
