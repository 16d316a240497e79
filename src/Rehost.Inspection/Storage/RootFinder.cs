using Rehost.FileSystems;
using Rehost.Inspection.Linux;
using Rehost.Inspection.Windows;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>Finds the volume that the guest mounts on "/".</summary>
internal sealed class RootFinder(VirtualMachine machine, IReadOnlyList<GuestVolume> volumes, VolumeResolver resolver, List<Diagnostic> findings)
{
    /// <summary>Files of which every installed Linux has at least one.</summary>
    private static readonly string[] Markers =
    [
        "/etc/fstab", "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/redhat-release", "/etc/SuSE-release", "/etc/lsb-release", "/etc/arch-release",
        "/etc/alpine-release", "/etc/gentoo-release", "/etc/inittab",
    ];

    private static readonly string[] MenuDirectories = ["/grub", "/grub2", "/loader", "/extlinux", "/syslinux"];

    private static readonly string[] KernelNames = ["vmlinuz", "vmlinux", "kernel-", "bzImage"];

    /// <summary>File systems with features that this code does not know.</summary>
    private static readonly string[] Unknown = ["EXT003", "XFS002", "BTR002"];

    private static readonly string[] NotYetReadable = ["LVM2", "crypto_LUKS", "mdraid", "reiserfs", "jfs", "zfs_member", "f2fs", "LVM1", "LDM", "BitLocker"];

    /// <summary>The root.</summary>
    /// <exception cref="DiagnosticException">There is none (INS001), it is on something not supported (INS002), or several could be it (INS003).</exception>
    public GuestVolume Find()
    {
        var candidates = volumes.Where(IsRoot).ToList();
        switch (candidates.Count)
        {
            case 0:
                throw NoCandidate();
            case 1:
                return candidates[0];
        }

        // The strongest evidence first: what the toolstack tells the kernel, what the guest says of itself, the disk that is booted.
        var named = Argument("root=") is { } argument ? resolver.Resolve(argument) : null;
        named = named?.OpenThrough ?? named;
        if (named is not null && candidates.Contains(named))
        {
            return named;
        }

        var consistent = candidates.Where(SaysOfItselfThatItIsRoot).ToList();
        var bootable = (consistent.Count > 0 ? consistent : candidates).Where(IsOnBootDisk).ToList();
        var chosen = consistent.Count == 1 ? consistent[0] : bootable.Count == 1 ? bootable[0] : null;
        if (chosen is null)
        {
            throw InspectionDiagnostics.AmbiguousRoot.ToException($"{string.Join(", ", candidates.Select(volume => volume.Name))} all hold an operating system, and nothing says which one is booted");
        }

        findings.Add(InspectionDiagnostics.NameResolvedByEvidence.Create(
            $"{string.Join(", ", candidates.Select(volume => volume.Name))} all hold an operating system; {chosen.Name} was taken for the root", chosen.Name));
        return chosen;
    }

    /// <summary>
    /// The volume with the kernels of a guest whose root cannot be read, and why it cannot; null when there is a root, or no such volume. Damage does not count: a file system that is merely
    /// broken must be said to be.
    /// </summary>
    public (GuestVolume Boot, string Because)? FindSealed()
    {
        if (volumes.Any(IsRoot) || volumes.FirstOrDefault(volume => volume.FileSystem is not null && LooksLikeBoot(new GuestTree(volume.FileSystem))) is not { } boot)
        {
            return null;
        }

        if (volumes.FirstOrDefault(volume => volume.Problem is { } problem && Unknown.Contains(problem.Id)) is { Problem: { } unknown } strange)
        {
            return (boot, $"{strange.Name}: {unknown.Message}");
        }

        if (volumes.FirstOrDefault(IsLocked) is { } locked)
        {
            return (boot, $"{locked.Name} is encrypted, and no key was given");
        }

        return volumes.FirstOrDefault(volume => volume.Problem is null && volume.FileSystem is null && volume.Facts.PartOf is null && NotYetReadable.Contains(volume.Facts.Type)) is { } closed
            ? (boot, $"{closed.Name} holds {closed.Facts.Type}")
            : null;
    }

    private static bool IsLocked(GuestVolume volume) => volume.Problem?.Id == "LUK001";

    private static bool LooksLikeBoot(GuestTree tree)
    {
        try
        {
            return MenuDirectories.Any(path => Entry(tree, path) is NodeKind.Directory)
                && tree.List("/").Any(entry => entry.Kind == NodeKind.File && KernelNames.Any(name => entry.Name.StartsWith(name, StringComparison.Ordinal)));
        }
        catch (DiagnosticException)
        {
            return false;
        }
    }

    private DiagnosticException NoCandidate()
    {
        // Damage says best what to do itself: its own finding is the message, with the volume before the place.
        if (volumes.FirstOrDefault(volume => volume.Problem is not null && !IsLocked(volume)) is { Problem: { } problem } damaged)
        {
            return new DiagnosticException(problem with
            {
                Where = problem.Where is null ? damaged.Name : problem.Where.StartsWith(damaged.Name, StringComparison.Ordinal) ? problem.Where : $"{damaged.Name}, {problem.Where}",
            });
        }

        if (volumes.FirstOrDefault(volume => volume.Facts.Type == "BitLocker") is { } encrypted)
        {
            return WindowsDiagnostics.BitLocker.ToException($"{encrypted.Name} is encrypted, and no other volume holds an operating system", encrypted.Name);
        }

        var found = string.Join(", ", volumes.Select(volume => $"{volume.Name}: {volume.Facts.Type ?? "nothing known"}"));
        if (volumes.FirstOrDefault(IsLocked) is { } locked)
        {
            return InspectionDiagnostics.RootEncrypted.ToException($"{locked.Name} is encrypted, no key was given, and no volume beside it holds a kernel (found {found})", locked.Name);
        }

        if (volumes.FirstOrDefault(volume => volume.Facts.PartOf is null && NotYetReadable.Contains(volume.Facts.Type)) is { } unsupported)
        {
            return InspectionDiagnostics.RootNotReadable.ToException($"{unsupported.Name} holds {unsupported.Facts.Type}, which is not supported yet (found {found})", unsupported.Name);
        }

        return InspectionDiagnostics.NoRoot.ToException($"no volume has /etc and the programs of an operating system (found {(found.Length == 0 ? "no disk" : found)})");
    }

    private bool IsRoot(GuestVolume volume)
    {
        if (volume.FileSystem is null)
        {
            return false;
        }

        try
        {
            if (volume.FileSystem is not ISubvolumes trees)
            {
                return LooksLikeRoot(new GuestTree(volume.FileSystem));
            }

            if (SubvolumeFinder.FindRoot(trees, Argument("rootflags="), tree => LooksLikeRoot(new GuestTree(tree))) is not { } subvolume)
            {
                return false;
            }

            volume.RootTree = trees.OpenSubvolume(subvolume.Id);
            volume.Facts = volume.Facts with { Subvolume = subvolume.Path.Length > 0 ? subvolume.Path : null };
            return true;
        }
        catch (DiagnosticException e)
        {
            // A damaged volume beside the root must not stand in the way of a machine that boots without it.
            volume.Problem = e.Diagnostic;
            findings.Add(InspectionDiagnostics.VolumeNotOpened.Create(e.Diagnostic.ToString(), volume.Name));
            return false;
        }
    }

    private static bool LooksLikeRoot(GuestTree tree) => LooksLikeLinux(tree) || WindowsRoots.IsRoot(tree);

    private static bool LooksLikeLinux(GuestTree tree)
        => Entry(tree, "/etc") is NodeKind.Directory
            && (Entry(tree, "/bin") is not null || Entry(tree, "/sbin") is not null || Entry(tree, "/usr") is not null)
            && Markers.Any(marker => Entry(tree, marker) is NodeKind.File or NodeKind.SymbolicLink);

    /// <summary>What stands there; a link counts as itself, because what it leads to may be on a volume that is not mounted yet.</summary>
    private static NodeKind? Entry(GuestTree tree, string path)
    {
        try
        {
            return tree.TryResolve(path, followLast: false)?.Kind;
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == FileSystemDiagnostics.LinkLoop.Id)
        {
            return null;
        }
    }

    private bool SaysOfItselfThatItIsRoot(GuestVolume volume)
        => volume.FileSystem is not null && new GuestReader(new GuestTree(volume.RootTree ?? volume.FileSystem), []).Text("/etc/fstab") is { } fstab
        && Fstab.Parse(fstab).FirstOrDefault(line => line.Path == "/" && line.MeansDevice) is { } root && resolver.Resolve(root.Device) is { } meant && (meant.OpenThrough ?? meant) == volume;

    private bool IsOnBootDisk(GuestVolume volume)
    {
        var marked = machine.Disks.Where(disk => disk.IsBootable).ToList();
        var boot = marked.Count == 1 ? marked[0] : machine.Disks[0];
        return volume.Facts.DiskId == boot.Id;
    }

    private string? Argument(string name)
        => GuestLines.Words(machine.ParavirtualBoot?.CommandLine ?? "").LastOrDefault(word => word.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
}
