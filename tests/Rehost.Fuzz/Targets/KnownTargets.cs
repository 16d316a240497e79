using System.Collections.Immutable;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz.Targets;

/// <summary>The written list of targets. A new parser is a line in one of these lists; a test demands it.</summary>
internal static class KnownTargets
{
    public static ImmutableArray<FuzzTarget> All { get; } =
    [
        .. ContainerTargets.All, .. VolumeTargets.All, .. FileSystemTargets.All, .. RegistryTargets.All, .. ArchiveTargets.All, .. HypervisorTargets.All, .. LinuxTargets.All, .. OwnTargets.All,
    ];
}
