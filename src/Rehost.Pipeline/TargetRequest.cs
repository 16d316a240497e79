using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Pipeline.Targets;

namespace Rehost.Pipeline;

/// <summary>What the operator wants as the target.</summary>
/// <param name="Kind">Hypervisor, one of <see cref="KnownTargets.Names"/>.</param>
public sealed record TargetRequest(string Kind)
{
    /// <summary>Directory for the result; null where nothing is written (plan).</summary>
    public string? OutputDirectory { get; init; }

    /// <summary>Directory of GRUB's i386-pc files that wins over guest and host; null for none.</summary>
    public string? GrubDirectory { get; init; }

    /// <summary>Drivers for Windows: an ISO or a directory; null for none.</summary>
    public string? Drivers { get; init; }

    /// <summary>Installers that Windows runs once at its first start.</summary>
    public System.Collections.Immutable.ImmutableArray<string> FirstBootInstallers { get; init; } = [];

    /// <summary>Packages (rpm, deb) that are put into the guest: files of this machine.</summary>
    public ImmutableArray<string> Packages { get; init; } = [];

    /// <summary>Whether to go on with what an earlier run of the same conversion left.</summary>
    public bool Resumes { get; init; }

    /// <summary>Bytes of a disk between two records of its journal; null for the usual.</summary>
    public long? JournalInterval { get; init; }

    /// <summary>Told of every write, for tests of faults.</summary>
    internal Rehost.Blocks.IWriteWitness? Witness { get; init; }

    /// <summary>What goes into the plan.</summary>
    public ConversionOptions Options { get; init; } = new() { Target = Kind };

    /// <summary>What this target offers a guest.</summary>
    /// <exception cref="DiagnosticException">The kind is not known (PIP006).</exception>
    public TargetCapabilities Capabilities => KnownTargets.ByName(Kind).Capabilities;
}
