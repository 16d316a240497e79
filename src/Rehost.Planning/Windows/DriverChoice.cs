using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// Chooses among the packages that the operator supplied. What the .inf says of platforms decides whether a package fits at all; among those that fit, the directory's name decides, in the
/// order of <see cref="DirectoryOrder"/>: the guest's own system, then the same kernel sold as the other product (client or server), then older systems back to the last change
/// of the driver model, never a newer one, whose driver may call what this kernel does not have. Directories whose names say nothing come after those that are right and before older ones.
/// </summary>
internal static class DriverChoice
{
    // virtio-win's names of directories, with the first build of each.
    private static readonly ImmutableArray<(string Name, int Major, int Minor, int Build, bool IsServer)> Systems =
    [
        ("2k", 5, 0, 0, false), ("xp", 5, 1, 0, false), ("wxp", 5, 1, 0, false), ("2k3", 5, 2, 0, true), ("2k3r2", 5, 2, 0, true), ("wnet", 5, 2, 0, true),
        ("2k8", 6, 0, 0, true), ("vista", 6, 0, 0, false), ("wlh", 6, 0, 0, true), ("w7", 6, 1, 0, false), ("win7", 6, 1, 0, false), ("2k8r2", 6, 1, 0, true),
        ("w8", 6, 2, 0, false), ("win8", 6, 2, 0, false), ("2k12", 6, 2, 0, true), ("w8.1", 6, 3, 0, false), ("2k12r2", 6, 3, 0, true),
        ("w10", 10, 0, 0, false), ("win10", 10, 0, 0, false), ("2k16", 10, 0, 14393, true), ("2k19", 10, 0, 17763, true), ("2k22", 10, 0, 20348, true), ("w11", 10, 0, 22000, false), ("2k25", 10, 0, 26100, true),
    ];

    /// <summary>Names of directories for a guest, the best first.</summary>
    public static ImmutableArray<string> DirectoryOrder(WindowsFacts windows)
    {
        var version = windows.Version;
        return
        [
            .. Systems.Where(system => system.Major == version.Major && version.IsAtLeast(system.Major, system.Minor, system.Build) && (version.Major > 5 || system.Minor == version.Minor))
                .Concat(version.Major == 10 ? Systems.Where(system => system.Major == 6 && system.Minor >= 2) : [])
                .OrderByDescending(system => system.Major).ThenByDescending(system => system.Minor).ThenBy(system => system.IsServer == windows.IsServer ? 0 : 1).ThenByDescending(system => system.Build)
                .Select(system => system.Name),
        ];
    }

    /// <summary>The package for a device, and the fallback in words when it is not made for this very system; null when none fits.</summary>
    public static ChosenPackage? Choose(WindowsFacts windows, ImmutableArray<DriverPackage> packages, ImmutableArray<string> hardwareIds) => Choose(windows, packages, id => IsFor(id, hardwareIds));

    /// <summary>Of all packages for devices of a kind, the best of each name: drivers that come as several packages which stand on each other.</summary>
    public static IEnumerable<ChosenPackage> ChooseEach(WindowsFacts windows, ImmutableArray<DriverPackage> packages, Func<string, bool> isDevice)
        => packages.GroupBy(package => package.InfName.ToUpperInvariant(), StringComparer.Ordinal).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => Choose(windows, [.. group], isDevice)).OfType<ChosenPackage>();

    private static ChosenPackage? Choose(WindowsFacts windows, ImmutableArray<DriverPackage> packages, Func<string, bool> isDevice)
    {
        var order = DirectoryOrder(windows);
        var best = packages.Select(package => (Package: package, Rank: Rank(package.Directory, order), Models: package.Models.Where(model => Fits(model, windows) && isDevice(model.HardwareId) && model.Services.Length > 0).ToImmutableArray()))
            .Where(item => item.Rank >= 0 && !item.Models.IsEmpty)
            .OrderBy(item => item.Rank).ThenBy(item => item.Package.Directory.Length).ThenBy(item => item.Package.Directory, StringComparer.Ordinal).FirstOrDefault();
        if (best.Package is null)
        {
            return null;
        }

        // The most special section that fits counts, as for Windows: the newest version, then the one with a product type.
        var newest = best.Models.OrderByDescending(model => model.MinimumVersion?.Major ?? 0).ThenByDescending(model => model.MinimumVersion?.Minor ?? 0).ThenByDescending(model => model.MinimumVersion?.Build ?? 0)
            .ThenByDescending(model => model.ProductType ?? 0).First();
        var section = best.Package.Models.Where(model => Fits(model, windows) && model.MinimumVersion == newest.MinimumVersion && model.ProductType == newest.ProductType).ToImmutableArray();
        var isExact = order.Length > 0 && Components(best.Package.Directory).Any(name => name == order[0] || Systems.Any(system => system.Name == name && IsSame(system, windows)));
        return new ChosenPackage(best.Package, [.. section.Where(model => isDevice(model.HardwareId))], isExact ? null
            : $"{best.Package.Directory.Split('/')[^1]} of {best.Package.Directory}: there is no directory for Windows {windows.Version}; looked for, in order: {string.Join(", ", order)}");
    }

    /// <summary>Whether an id is one of those, or one of those with subsystem or revision.</summary>
    public static bool IsFor(string id, ImmutableArray<string> ids) => ids.Any(one => id.Equals(one, StringComparison.OrdinalIgnoreCase) || id.StartsWith(one + "&", StringComparison.OrdinalIgnoreCase));

    private static bool Fits(DriverModel model, WindowsFacts windows)
        => model.Architecture == windows.Architecture && (model.MinimumVersion is null || windows.Version.IsAtLeast(model.MinimumVersion))
        && model.ProductType is null or 0 or 1 or 2 or 3 && (model.ProductType is null or 0 || (model.ProductType == 1) != windows.IsServer);

    private static bool IsSame((string Name, int Major, int Minor, int Build, bool IsServer) system, WindowsFacts windows)
    {
        var same = Systems.Where(one => one.Major == windows.Version.Major && one.Minor == windows.Version.Minor && one.IsServer == windows.IsServer && windows.Version.Build >= one.Build).ToList();
        return same.Count > 0 && system.Major == windows.Version.Major && system.Minor == windows.Version.Minor && system.IsServer == windows.IsServer && system.Build == same.Max(one => one.Build);
    }

    private static int Rank(string directory, ImmutableArray<string> order)
    {
        var named = Components(directory).Where(name => Systems.Any(system => system.Name == name)).ToList();
        if (named.Count == 0)
        {
            return 1; // says nothing: the .inf alone decides
        }

        var rank = named.Max(name => order.IndexOf(name));
        return rank <= 0 ? rank : rank + 1;
    }

    private static IEnumerable<string> Components(string directory) => directory.Split('/').Select(name => name.ToLowerInvariant());
}

/// <summary>A package with the part that is for the guest.</summary>
/// <param name="Package">The package.</param>
/// <param name="Models">Devices of the section that counts, those that were asked for.</param>
/// <param name="Fallback">In words, when the package was made for another system; null when it was made for this one.</param>
internal sealed record ChosenPackage(DriverPackage Package, ImmutableArray<DriverModel> Models, string? Fallback)
{
    /// <summary>The device's own driver.</summary>
    public DriverService Service => Models[0].Services[0];
}
