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

    /// <summary>Stage at which a proof is complete.</summary>
    public BootMilestone Goal { get; init; } = BootMilestone.Login;

    /// <summary>How long output is still collected after a failure or the goal was seen.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>QEMU; null to look for it in the usual places.</summary>
    public string? QemuPath { get; init; }

    /// <summary>Clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
