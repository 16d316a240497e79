using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>What will be done and why, complete before anything is touched.</summary>
public sealed record ConversionPlan
{
    /// <summary>Version of this document's form.</summary>
    public int FormatVersion { get; init; } = 1;

    /// <summary>The machine as it is.</summary>
    public required VirtualMachine Source { get; init; }

    /// <summary>The machine as it will be.</summary>
    public required VirtualMachine Target { get; init; }

    /// <summary>What the target offers.</summary>
    public required TargetCapabilities Capabilities { get; init; }

    /// <summary>What the operator asked for.</summary>
    public required ConversionOptions Options { get; init; }

    /// <summary>Why none of the guest's volumes is written to: they travel byte for byte, and a helper partition holds what the guest needs. Null for a plan that changes the guest.</summary>
    public string? UntouchedBecause { get; init; }

    /// <summary>Every step in order, those that do not apply included.</summary>
    public ImmutableArray<StepOutcome> Steps { get; init; } = [];

    /// <summary>What the operator should know; an error here forbids the conversion.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];

    /// <summary>What to look at by hand after the first boot.</summary>
    public ImmutableArray<string> ChecksByHand { get; init; } = [];

    /// <summary>What becomes of each network interface, in the order in which the guest's files name them.</summary>
    public ImmutableArray<InterfacePlan> Network { get; init; } = [];

    /// <summary>Files of the guest, as the changes leave them, that the host needs beside the disks: kernel and initramfs that dom0 hands out. Null for none.</summary>
    public IReadOnlyList<HandedOutFile>? HandedOut { get; init; }

    /// <summary>All changes in the order in which they are made.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<Change> Changes => Steps.SelectMany(step => step.Changes);
}

/// <summary>A file of the guest that is copied beside its disks.</summary>
/// <param name="GuestPath">Path in the guest.</param>
/// <param name="Name">Name in the output directory.</param>
/// <param name="Part">The stretch of it that is copied; null for all of it.</param>
/// <param name="Drivers">What goes in front of it, where the guest's own initramfs is not changed; null for nothing.</param>
public sealed record HandedOutFile(string GuestPath, string Name, FilePart? Part = null, HelperArchive? Drivers = null);

/// <summary>What one step decided.</summary>
public sealed record StepOutcome
{
    /// <summary>The step.</summary>
    public required string StepId { get; init; }

    /// <summary>What the step is about.</summary>
    public required string Title { get; init; }

    /// <summary>Why there is nothing to do; null when there are changes.</summary>
    public string? SkippedBecause { get; init; }

    /// <summary>The changes, in order.</summary>
    public ImmutableArray<Change> Changes { get; init; } = [];
}
