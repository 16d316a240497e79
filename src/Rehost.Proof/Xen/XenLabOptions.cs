using Rehost.Proof.Qemu;

namespace Rehost.Proof.Xen;

/// <summary>How guests are booted in the laboratory.</summary>
public sealed record XenLabOptions
{
    /// <summary>The laboratory.</summary>
    public required XenLaboratory Laboratory { get; init; }

    /// <summary>Where the evidence goes, a directory for each guest, in their order; made when they are not there.</summary>
    public required System.Collections.Immutable.ImmutableArray<string> EvidenceDirectories { get; init; }

    /// <summary>Time allowed for each guest, and for dom0.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Stages at which the proofs are complete: one for each guest, or one for all; none for the login prompt.</summary>
    public System.Collections.Immutable.ImmutableArray<BootMilestone> Goals { get; init; } = [];

    /// <summary>How long output is still collected after a failure or the goal was seen.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The stage at which a guest's proof is complete.</summary>
    /// <param name="number">The guest, from 0.</param>
    public BootMilestone GoalOf(int number) => Goals.IsEmpty ? BootMilestone.Login : Goals[Math.Min(number, Goals.Length - 1)];

    /// <summary>QEMU; null to look for it in the usual places.</summary>
    public string? QemuPath { get; init; }

    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
