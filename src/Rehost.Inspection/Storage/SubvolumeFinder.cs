using System.Globalization;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>
/// Finds the tree of files that a mount shows of a file system with subvolumes. Snapshots hold whole systems too (snapper, timeshift), and all that tells them from the
/// one that is booted is what the kernel is told, the default subvolume, and what each says of itself in its own fstab.
/// </summary>
internal static class SubvolumeFinder
{
    /// <summary>More writable trees than any system keeps; a snapper layout has its snapshots read-only.</summary>
    private const int MaximumLooked = 256;

    /// <summary>The tree that mount options mean: subvol=, subvolid=, or the default one.</summary>
    /// <returns>Null when there is none of that name.</returns>
    public static SubvolumeInfo? Find(ISubvolumes fileSystem, string options)
    {
        var all = fileSystem.Subvolumes;
        if (Option(options, "subvolid") is { } id && ulong.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number != 0)
        {
            return all.FirstOrDefault(one => one.Id == number);
        }

        return Option(options, "subvol") is { } path ? all.FirstOrDefault(one => one.Path == path.Trim('/')) : all.FirstOrDefault(one => one.IsDefault);
    }

    /// <summary>The tree that holds the system; null when none looks like one.</summary>
    /// <param name="fileSystem">The file system.</param>
    /// <param name="rootFlags">rootflags= of the kernel's arguments where the toolstack gives them; null otherwise.</param>
    /// <param name="looksLikeRoot">Whether a tree holds a system.</param>
    /// <exception cref="DiagnosticException">Several trees hold a system, and nothing says which one is booted (INS003).</exception>
    public static SubvolumeInfo? FindRoot(ISubvolumes fileSystem, string? rootFlags, Func<IFileSystem, bool> looksLikeRoot)
    {
        bool IsRoot(SubvolumeInfo? one) => one is not null && looksLikeRoot(fileSystem.OpenSubvolume(one.Id));

        if (rootFlags is not null && Find(fileSystem, rootFlags) is { } told && IsRoot(told))
        {
            return told;
        }

        var all = fileSystem.Subvolumes;
        if (all.FirstOrDefault(one => one.IsDefault) is { } normal && IsRoot(normal))
        {
            // A kernel argument in the guest's own menu may overrule the default; its fstab then says the same.
            return SaysOfItself(fileSystem, normal) is { } other && other.Id != normal.Id && IsRoot(other) && SaysOfItself(fileSystem, other) == other ? other : normal;
        }

        // Short paths first: @ before @/.snapshots/7/snapshot.
        var candidates = all.Where(one => !one.IsReadOnly).OrderBy(one => one.Path.Length).Take(MaximumLooked).Where(IsRoot).ToList();
        var consistent = candidates.Where(one => SaysOfItself(fileSystem, one) == one).ToList();
        var chosen = consistent.Count > 0 ? consistent : candidates;
        return chosen.Count <= 1 ? chosen.FirstOrDefault()
            : throw InspectionDiagnostics.AmbiguousRoot.ToException($"the subvolumes {string.Join(", ", chosen.Select(one => one.Path))} all hold an operating system, and nothing says which one is booted");
    }

    /// <summary>The value of a mount option; the last one counts.</summary>
    public static string? Option(string options, string name)
        => options.Split(',').LastOrDefault(option => option.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>The subvolume that a tree's fstab has as its root.</summary>
    private static SubvolumeInfo? SaysOfItself(ISubvolumes fileSystem, SubvolumeInfo one)
    {
        var text = new GuestReader(new GuestTree(fileSystem.OpenSubvolume(one.Id)), []).Text("/etc/fstab") ?? "";
        return Fstab.Parse(text).FirstOrDefault(line => line.Path == "/" && line.MeansDevice) is { } root ? Find(fileSystem, root.Options) : null;
    }
}
