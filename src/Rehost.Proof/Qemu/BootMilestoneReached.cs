namespace Rehost.Proof.Qemu;

/// <summary>A stage that was passed.</summary>
/// <param name="Milestone">Which.</param>
/// <param name="Seconds">Seconds after QEMU was started.</param>
/// <param name="Line">The line of the console that showed it, control characters removed.</param>
public sealed record BootMilestoneReached(BootMilestone Milestone, double Seconds, string Line);
