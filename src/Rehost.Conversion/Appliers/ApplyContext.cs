using Rehost.Conversion.Appliers.Windows;
using Rehost.Conversion.Selinux;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>What appliers work on: the guest's tree over overlays, and the disks below it.</summary>
public sealed class ApplyContext
{
    private FileContexts? _fileContexts;

    /// <summary>Makes a context.</summary>
    /// <param name="tree">The guest's directory tree, on file systems over the disks' overlays.</param>
    /// <param name="disks">The disks, in the machine's order.</param>
    public ApplyContext(GuestTree tree, IReadOnlyList<TargetDisk> disks)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(disks);
        Tree = tree;
        Disks = disks;
        Expected = new ExpectedFiles(tree);
        Hives = new GuestHives(tree);
        Secrets = new HiddenSecrets(tree);
    }

    /// <summary>The guest's directory tree.</summary>
    public GuestTree Tree { get; }

    /// <summary>The disks.</summary>
    public IReadOnlyList<TargetDisk> Disks { get; }

    /// <summary>Directory with GRUB's files for BIOS on this machine; null to look in the usual places.</summary>
    public string? HostGrubDirectory { get; init; }

    /// <summary>Content of a file that the operator supplied, by its path there and SHA-256; null when nothing was.</summary>
    public Func<string, string, byte[]?>? SuppliedFile { get; init; }

    /// <summary>The guest's registry hives.</summary>
    internal GuestHives Hives { get; }

    /// <summary>SHA-256 of the packages that were unpacked into the guest.</summary>
    public IReadOnlyCollection<string> InstalledPackages { get; init; } = [];

    /// <summary>The guest's files as the changes checked so far leave them.</summary>
    internal ExpectedFiles Expected { get; }

    /// <summary>What the plan does not show.</summary>
    internal HiddenSecrets Secrets { get; }

    /// <summary>The labels of the guest's SELinux policy, read once.</summary>
    internal FileContexts FileContexts(string path) => _fileContexts ??= Selinux.FileContexts.Read(Tree, path);

    /// <summary>A disk of the plan.</summary>
    /// <exception cref="DiagnosticException">There is none of that name (CNV005).</exception>
    public TargetDisk Disk(string id)
        => Disks.FirstOrDefault(disk => disk.Id == id)
        ?? throw ApplyDiagnostics.UnknownDisk.ToException($"the plan names {id}; the machine has {string.Join(", ", Disks.Select(disk => disk.Id))}", id);
}
