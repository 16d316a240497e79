using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>What the ova.xml of an XVA says.</summary>
public sealed record XenServerExport
{
    /// <summary>The machine. The id of each disk (Ref:4) names the folder of its chunks in the archive.</summary>
    public required VirtualMachine Machine { get; init; }

    /// <summary>
    /// Every disk whose chunks the archive holds, with its virtual size: those of the machine, and those of its snapshots when they were exported too.
    /// A reader of the archive needs them all, in ordinal order of the id, to know where each disk ends.
    /// </summary>
    public required ImmutableSortedDictionary<string, long> StreamedDisks { get; init; }

    /// <summary>Product that made the export, with its version: "XenServer 7.1.0"; empty when not said.</summary>
    public string Product { get; init; } = "";

    /// <summary>Layout of the archive: 2 has a checksum behind each chunk, 1 has both that and a table at its end, 0 only the table.</summary>
    public int ExportVersion { get; init; }

    /// <summary>What the operator should know.</summary>
    public ImmutableArray<Diagnostic> Findings { get; init; } = [];
}
