using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>What an attempt to boot a machine showed.</summary>
public sealed record BootReport
{
    /// <summary>The machine's name.</summary>
    public required string Machine { get; init; }

    /// <summary>How it ended.</summary>
    public required BootVerdict Verdict { get; init; }

    /// <summary>kvm or tcg (software emulation).</summary>
    public required string Accelerator { get; init; }

    /// <summary>Whether QEMU ran with its seccomp sandbox; false where it was built without.</summary>
    public bool IsSandboxed { get; init; } = true;

    /// <summary>Seconds from start to end.</summary>
    public double Seconds { get; init; }

    /// <summary>Starts that it took: one, unless a busy host kept the timer of software emulation from the guest.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>The stages passed, in order.</summary>
    public ImmutableArray<BootMilestoneReached> Milestones { get; init; } = [];

    /// <summary>Why it did not reach the goal; null when it did.</summary>
    public Diagnostic? Cause { get; init; }

    /// <summary>The last lines of the console, control characters removed.</summary>
    public ImmutableArray<string> LastLines { get; init; } = [];

    /// <summary>Directory of the evidence.</summary>
    public required string EvidenceDirectory { get; init; }

    /// <summary>Console output as the guest wrote it.</summary>
    public required string SerialLog { get; init; }

    /// <summary>Picture of the graphical console at the end; null when none could be taken.</summary>
    public string? Screenshot { get; init; }

    /// <summary>The furthest stage, or null when nothing was seen.</summary>
    public BootMilestone? Furthest => Milestones.IsEmpty ? null : Milestones[^1].Milestone;
}
