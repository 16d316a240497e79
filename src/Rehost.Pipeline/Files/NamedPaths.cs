using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>The guest paths that a plan says it changes.</summary>
internal static class NamedPaths
{
    /// <summary>All of them; a directory that one side lacks stands for everything in it.</summary>
    public static ImmutableArray<string> Of(ConversionPlan plan) => [.. plan.Changes.SelectMany(Of).Distinct(StringComparer.Ordinal)];

    /// <summary>Those of one change.</summary>
    public static IEnumerable<string> Of(Change change) => change switch
    {
        RegistryChange registry => [registry.HivePath],
        RedirectBootDevice boot => [boot.StorePath],
        SetDefaultBootEntry boot => [boot.StorePath],
        InstallPackage install => install.Package.Paths,
        UnpackUnifiedKernel unpack => unpack.InitramfsPath is { } initramfs ? [unpack.KernelPath, initramfs] : [unpack.KernelPath],
        _ when change.IsInGuest && change.Subject.StartsWith('/') => [change.Subject],
        _ => [],
    };
}
