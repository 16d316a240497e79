using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Stack;

namespace Rehost.Inspection.Storage;

/// <summary>
/// The guest's storage, opened: partition tables read, file systems opened and put together into one tree as the guest's fstab says. The disks belong to the caller; they should be
/// overlays, because opening a file system that was in use replays its journal.
/// </summary>
public sealed class GuestStorage : IDisposable
{
    private readonly List<Diagnostic> _findings;

    private GuestStorage(OpenVolumes opened, GuestVolume root, GuestTree tree, List<Diagnostic> findings)
    {
        Stack = opened.Stack;
        Disks = [.. opened.Disks];
        Volumes = [.. opened.Volumes];
        VolumeGroups = opened.Groups;
        Root = root;
        Tree = tree;
        _findings = findings;
    }

    /// <summary>Partition tables in the machine's order.</summary>
    public ImmutableArray<DiskFacts> Disks { get; }

    /// <summary>Partitions, unpartitioned disks, and what is put together from them.</summary>
    public ImmutableArray<GuestVolume> Volumes { get; }

    /// <summary>Volume groups of LVM2.</summary>
    public ImmutableArray<VolumeGroupFacts> VolumeGroups { get; }

    /// <summary>How the volumes are put together.</summary>
    public VolumeStack Stack { get; }

    /// <summary>The volume mounted on "/"; on "/boot" where the root cannot be read.</summary>
    public GuestVolume Root { get; }

    /// <summary>Why the root cannot be read; null when it can.</summary>
    public string? SealedBecause { get; private init; }

    /// <summary>The directory tree as the running guest sees it.</summary>
    public GuestTree Tree { get; }

    /// <summary>Lines of fstab.</summary>
    public ImmutableArray<MountPoint> MountPoints { get; private set; } = [];

    /// <summary>What the operator should know.</summary>
    public IReadOnlyList<Diagnostic> Findings => _findings;

    /// <summary>Opens a machine's storage.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="disks">Its disks, in the machine's order.</param>
    /// <param name="keys">Keys of encrypted volumes; null for none.</param>
    /// <exception cref="DiagnosticException">There is no root (INS001), it is on something not supported (INS002), several could be it (INS003), or a disk is unreadable.</exception>
    public static GuestStorage Open(VirtualMachine machine, IReadOnlyList<IBlockDevice> disks, VolumeKeys? keys = null)
    {
        ArgumentNullException.ThrowIfNull(machine);
        ArgumentNullException.ThrowIfNull(disks);
        if (disks.Count == 0 || disks.Count != machine.Disks.Length)
        {
            throw InspectionDiagnostics.NoRoot.ToException($"the machine has {machine.Disks.Length} disks and {disks.Count} were opened");
        }

        var findings = new List<Diagnostic>();
        var opened = VolumeReader.Read(machine, disks, keys, findings);
        var volumes = opened.Volumes;
        try
        {
            var resolver = new VolumeResolver(machine, volumes);
            var finder = new RootFinder(machine, volumes, resolver, findings);
            if (finder.FindSealed() is { } boot)
            {
                return Sealed(opened, boot, findings);
            }

            var root = finder.Find();
            var tree = new GuestTree(root.RootTree ?? throw InspectionDiagnostics.NoRoot.ToException("the root has no file system", root.Name));
            root.Facts = root.Facts with { MountPath = "/" };
            if (root.Facts.ReadOnlyReason is { } reason)
            {
                findings.Add(InspectionDiagnostics.RootReadOnly.Create(reason, root.Name));
            }

            var storage = new GuestStorage(opened, root, tree, findings);
            storage.MountAll(resolver);
            return storage;
        }
        catch
        {
            Close(volumes);
            throw;
        }
    }

    // The root cannot be read, and what starts it can: kernels, initramfs and menu are all that a conversion needs that leaves the volumes as they are.
    private static GuestStorage Sealed(OpenVolumes opened, (GuestVolume Boot, string Because) found, List<Diagnostic> findings)
    {
        var tree = new GuestTree(new SealedRoot());
        tree.Mount("/boot", found.Boot.FileSystem ?? throw InspectionDiagnostics.NoRoot.ToException("/boot has no file system", found.Boot.Name));
        found.Boot.Facts = found.Boot.Facts with { MountPath = "/boot" };
        findings.Add(InspectionDiagnostics.RootSealed.Create($"{found.Because}; {found.Boot.Name} holds the kernels", found.Boot.Name));
        return new GuestStorage(opened, found.Boot, tree, findings) { SealedBecause = found.Because };
    }

    /// <summary>
    /// Ranges of a disk, in its own bytes, that hold nothing as the file systems are now: free blocks, the inside of swap space, extents of volume groups that no volume
    /// uses. In order, without overlaps. Their content need not be copied.
    /// </summary>
    /// <param name="disk">One of the disks that the storage was opened on.</param>
    public IReadOnlyList<ByteRange> GetFreeRanges(IBlockDevice disk) => GetFreeSpace(disk).Ranges;

    /// <summary>As <see cref="GetFreeRanges"/>, with the volumes that say so. What is edited must be flushed before.</summary>
    /// <param name="disk">One of the disks that the storage was opened on.</param>
    public DiskFreeSpace GetFreeSpace(IBlockDevice disk) => FreeSpace.Of(this, disk);

    /// <summary>What some bytes of a disk belong to: files by their paths, and what no file has by its name.</summary>
    /// <param name="disk">One of the disks that the storage was opened on.</param>
    /// <param name="ranges">Bytes of it.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    public IReadOnlyList<BlockOwner> FindOwners(IBlockDevice disk, IEnumerable<ByteRange> ranges, CancellationToken cancellationToken = default)
        => BlockOwners.Find(Volumes, Stack, disk, ranges, cancellationToken);

    /// <summary>Where on a disk a file of the guest, or a directory without what is in it, lies: its record, content, attributes.</summary>
    /// <param name="disk">One of the disks that the storage was opened on.</param>
    /// <param name="path">Guest path.</param>
    public IReadOnlyList<ByteRange> FindPlaces(IBlockDevice disk, string path)
    {
        ArgumentNullException.ThrowIfNull(disk);
        return Tree.TryResolve(path, followLast: false) is not { FileSystem: IContentPlaces places } node ? []
            : BlockOwners.PlacesOn(Volumes.FirstOrDefault(volume => IsOn(volume, places)), places.PlacesOf(node.Node), disk);
    }

    // A view of a subvolume is another object with the same id.
    private static bool IsOn(GuestVolume volume, IFileSystem fileSystem)
        => ReferenceEquals(volume.FileSystem, fileSystem) || (volume.FileSystem is ISubvolumes && fileSystem is ISubvolumes && volume.Facts.Uuid is { } id && id == fileSystem.Info.Uuid);

    /// <summary>Closes the file systems and forgets keys; the disks stay open.</summary>
    public void Dispose() => Close(Volumes);

    private static void Close(IEnumerable<GuestVolume> volumes)
    {
        foreach (var volume in volumes)
        {
            volume.FileSystem?.Dispose();
            volume.FileSystem = null;
            if (volume.Facts.Kind == VolumeKind.EncryptedVolume)
            {
                volume.Device.Dispose();
            }
        }
    }

    private void MountAll(VolumeResolver resolver)
    {
        var reader = new GuestReader(Tree, _findings);
        resolver.LearnMappings(reader.Text("/etc/crypttab") ?? "");
        var text = SecretText.Mask("/etc/fstab", reader.Text("/etc/fstab") ?? "");
        var lines = Fstab.Parse(text).Select(line => (Line: line, Volume: Resolve(resolver, line))).ToList();
        MountPoints = [.. lines.Select(item => new MountPoint(item.Line.Number, item.Line.Device, item.Line.Path, item.Line.Type, item.Line.Options, item.Volume?.Name))];

        // Parents before children: /var before /var/log, whatever the order of the lines. "noauto" counts: Gentoo keeps its kernels on such a /boot.
        foreach (var (line, volume) in lines.Where(item => item.Line.Path.StartsWith('/') && item.Line.Path != "/").OrderBy(item => item.Line.Path.Count(c => c == '/')))
        {
            if (volume?.FileSystem is not { } fileSystem || !line.MeansDevice || (volume.Facts.MountPath is not null && fileSystem is not ISubvolumes))
            {
                continue;
            }

            try
            {
                var subvolume = fileSystem is ISubvolumes trees ? FindSubvolume(trees, line) : null;
                Tree.Mount(line.Path, subvolume is null ? fileSystem : ((ISubvolumes)fileSystem).OpenSubvolume(subvolume.Id));
                volume.Facts = volume.Facts.MountPath is not null ? volume.Facts : volume.Facts with { MountPath = line.Path, Subvolume = subvolume is { Path.Length: > 0 } ? subvolume.Path : null };
            }
            catch (DiagnosticException e)
            {
                _findings.Add(InspectionDiagnostics.NotMounted.Create($"{volume.Name} on {line.Path}: {e.Diagnostic.Message}", $"/etc/fstab, line {line.Number}"));
            }
        }
    }

    private static SubvolumeInfo FindSubvolume(ISubvolumes trees, FstabLine line)
        => SubvolumeFinder.Find(trees, line.Options) ?? throw InspectionDiagnostics.NotMounted.ToException($"there is no subvolume for the options {line.Options}");

    private GuestVolume? Resolve(VolumeResolver resolver, FstabLine line)
    {
        if (!line.MeansDevice)
        {
            return null;
        }

        // The root is what was found to be the root, whatever old name its line has.
        var volume = resolver.Resolve(line.Device, out var evidence);
        volume = volume?.OpenThrough ?? volume;
        var where = $"/etc/fstab, line {line.Number}";
        if (volume is null && line.Path == "/")
        {
            _findings.Add(InspectionDiagnostics.NameResolvedByEvidence.Create($"{line.Device} was taken for {Root.Name}, the only volume that holds an operating system", where));
            return Root;
        }

        if (volume is null && !IsRemovable(line))
        {
            _findings.Add(InspectionDiagnostics.UnresolvedMount.Create($"{line.Device} for {line.Path} is none of {string.Join(", ", Volumes.Select(one => one.Name))}", where));
        }
        else if (evidence is not null)
        {
            _findings.Add(InspectionDiagnostics.NameResolvedByEvidence.Create(evidence, where));
        }

        return volume;
    }

    /// <summary>A CD-ROM or floppy drive that an installer once wrote down: nobody misses it.</summary>
    private static bool IsRemovable(FstabLine line)
        => line.Type is "iso9660" or "udf" or "udf,iso9660" || (line.Type == "auto" && line.HasOption("noauto")) || line.Device.StartsWith("/dev/cdrom", StringComparison.Ordinal)
        || line.Device.StartsWith("/dev/fd", StringComparison.Ordinal) || line.Device.StartsWith("/dev/sr", StringComparison.Ordinal);
}
