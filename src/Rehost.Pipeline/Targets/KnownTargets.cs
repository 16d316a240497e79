using System.Collections.Immutable;
using Rehost.Planning;

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

    /// <summary>Names of XenServer's releases, as examples.</summary>
    public static string XenServerReleases => XenServerRelease.Examples;

    /// <summary>Refuses what is no release of XenServer, or one that does not read a compression.</summary>
    /// <exception cref="Model.DiagnosticException">PIP010.</exception>
    public static void DemandXenServerRelease(string name, string compression)
    {
        var release = XenServerRelease.Parse(name) ?? throw PipelineDiagnostics.BadOption.ToException($"'{name}' is no release; such are {XenServerReleases}", "--xenserver-version");
        if (compression == "zstd" && !release.KnowsZstd)
        {
            throw PipelineDiagnostics.BadOption.ToException($"{name} reads no archives in zstd", "--compress");
        }
    }

    /// <summary>A target by its name.</summary>
    /// <exception cref="Model.DiagnosticException">The target is not known (PIP006).</exception>
    internal static ITargetKind ByName(string name)
        => s_all.FirstOrDefault(kind => kind.Name == name) ?? throw PipelineDiagnostics.UnknownTarget.ToException($"'{name}' is none of {string.Join(", ", Names)}");
}
