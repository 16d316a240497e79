using System.Collections.Immutable;

namespace Rehost.Pipeline.Targets;

/// <summary>The hypervisors that machines are written for; a new one is a class and a line here.</summary>
public static class KnownTargets
{
    private static readonly ImmutableArray<ITargetKind> s_all = [new KvmTarget(), new OpenStackTarget(), new XenTarget(), new XenServerTarget(), new VmwareTarget()];

    /// <summary>Names for --to.</summary>
    public static ImmutableArray<string> Names { get; } = [.. s_all.Select(kind => kind.Name)];

    /// <summary>Formats of a target's disks, the usual one first.</summary>
    /// <exception cref="Model.DiagnosticException">The target is not known (PIP006).</exception>
    public static ImmutableArray<string> DiskFormatsOf(string name) => ByName(name).DiskFormats;

    /// <summary>A target by its name.</summary>
    /// <exception cref="Model.DiagnosticException">The target is not known (PIP006).</exception>
    internal static ITargetKind ByName(string name)
        => s_all.FirstOrDefault(kind => kind.Name == name) ?? throw PipelineDiagnostics.UnknownTarget.ToException($"'{name}' is none of {string.Join(", ", Names)}");
}
