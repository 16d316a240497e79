using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>
/// Btrfs: all profiles, compressions and checksums, subvolumes, several devices; written by copying whatever changes, as Btrfs itself does. A node's number holds the
/// subvolume (by the order in which they were met) and the inode.
/// </summary>
public sealed partial class BtrfsFileSystem : ISubvolumes
{
    private const int InodeBits = 44;
    private const ulong InodeLimit = 1UL << InodeBits;

    private readonly IBlockDevice _device;
    private readonly BtrfsVolume _volume;
    private readonly BtrfsRoots _roots;
    private readonly BtrfsFileReader _reader;
    private readonly SubvolumeNumbers _numbers;
    private readonly ulong _subvolume;

    private BtrfsFileSystem(IBlockDevice device, BtrfsVolume volume, BtrfsRoots roots, BtrfsFileReader reader, SubvolumeNumbers numbers, ulong subvolume, DateTimeOffset? timestamp)
    {
        _device = device;
        _volume = volume;
        _roots = roots;
        _reader = reader;
        _numbers = numbers;
        _subvolume = subvolume;
        _timestamp = timestamp;
        Root = numbers.ToNode(subvolume, BtrfsRoots.FirstInode);
    }

    /// <inheritdoc/>
    public FileSystemInfo Info
    {
        get
        {
            var superblock = _volume.Superblock;
            return new FileSystemInfo
            {
                Type = "btrfs",
                Label = superblock.Label.Length > 0 ? superblock.Label : null,
                Uuid = superblock.FileSystemId.ToString(),
                TotalBytes = (long)Math.Min(superblock.TotalBytes, long.MaxValue),
                UsedBytes = (long)Math.Min(superblock.UsedBytes, long.MaxValue),
                BlockSize = superblock.SectorSize,
                Features = superblock.Features,
                ReadOnlyReason = ReadOnlyReason,
            };
        }
    }

    /// <inheritdoc/>
    public NodeId Root { get; }

    /// <inheritdoc/>
    public ImmutableArray<SubvolumeInfo> Subvolumes => _roots.List();

    /// <summary>Opens a file system by one of its devices.</summary>
    /// <param name="device">The device; not owned.</param>
    /// <param name="options">Its companions are looked through for the other devices.</param>
    /// <exception cref="DiagnosticException">It is damaged, not cleanly unmounted (BTR008), or uses what is not supported.</exception>
    public static BtrfsFileSystem Open(IBlockDevice device, FileSystemOpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(options);
        var volume = BtrfsVolume.Open(device, options.Companions);
        if (volume.Superblock.LogTree != 0)
        {
            throw BtrfsDiagnostics.LogPending.ToException("its log tree holds what was synced to disk last, and only the kernel replays it");
        }

        var roots = new BtrfsRoots(volume);
        if (roots.Find(BtrfsRoots.TopLevel) is null)
        {
            throw BtrfsDiagnostics.BadItem.ToException("there is no tree of files");
        }

        var reader = new BtrfsFileReader(volume, roots);
        return new BtrfsFileSystem(device, volume, roots, reader, new SubvolumeNumbers(), roots.FindDefault(), options.Timestamp);
    }

    /// <inheritdoc/>
    public IFileSystem OpenSubvolume(ulong id)
        => _roots.Find(id) is not null && (id == BtrfsRoots.TopLevel || id >= BtrfsRoots.FirstInode)
            ? new BtrfsFileSystem(_device, _volume, _roots, _reader, _numbers, id, _timestamp)
            : throw BtrfsDiagnostics.NoSubvolume.ToException($"there is no subvolume {id}");

    /// <inheritdoc/>
    public NodeMetadata GetMetadata(NodeId node)
    {
        var (tree, inode) = Locate(node);
        return tree is null ? Empty(node) : ReadInode(tree, inode).ToMetadata(node);
    }

    /// <inheritdoc/>
    public IEnumerable<DirectoryEntry> List(NodeId directory)
    {
        var (tree, inode) = Locate(directory);
        return tree is null ? [] : tree.Of(inode, BtrfsKey.DirIndex).SelectMany(BtrfsName.Parse).Select(name => ToEntry(directory, name));
    }

    /// <inheritdoc/>
    public DirectoryEntry? Lookup(NodeId directory, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var (tree, inode) = Locate(directory);
        if (tree?.Get(new BtrfsKey(inode, BtrfsKey.DirItem, BtrfsName.HashOf(name))) is not { } item)
        {
            return null;
        }

        foreach (var found in BtrfsName.Parse(item).Where(found => found.Name == name))
        {
            return ToEntry(directory, found);
        }

        return null;
    }

    /// <inheritdoc/>
    public int Read(NodeId file, long offset, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var (tree, number) = Locate(file);
        if (tree is null)
        {
            return 0;
        }

        var inode = ReadInode(tree, number);
        if (inode.Kind is not (NodeKind.File or NodeKind.SymbolicLink) || offset >= inode.Length)
        {
            return 0;
        }

        var count = (int)Math.Min(buffer.Length, inode.Length - offset);
        _reader.Read(tree, inode, offset, buffer[..count]);
        return count;
    }

    /// <inheritdoc/>
    public string ReadLink(NodeId link)
    {
        var metadata = GetMetadata(link);
        if (metadata.Kind != NodeKind.SymbolicLink || metadata.Length > 4096)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"found {metadata.Kind} of {metadata.Length} bytes, needed {NodeKind.SymbolicLink}");
        }

        var target = new byte[metadata.Length];
        Read(link, 0, target);
        return GuestText.Decode(target);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node)
    {
        var (tree, inode) = Locate(node);
        var attributes = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var attribute in tree?.Of(inode, BtrfsKey.XattrItem).SelectMany(BtrfsName.Parse) ?? [])
        {
            attributes[attribute.Name] = attribute.Value.ToArray();
        }

        return attributes;
    }

    /// <inheritdoc/>
    public IEnumerable<ByteRange> GetFreeRanges()
    {
        _roots.Transaction?.Commit(); // what is not stored yet has a place only then
        return BtrfsFreeSpace.Of(_volume, _roots, _volume.Superblock.DeviceId, _device.Length);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Diagnostic> Check()
    {
        var findings = new List<Diagnostic>();
        try
        {
            foreach (var chunk in _volume.Chunks)
            {
                foreach (var stripe in chunk.Stripes.Where(stripe => !_volume.Devices.ContainsKey(stripe.DeviceId)).DistinctBy(stripe => stripe.DeviceId).Take(1))
                {
                    findings.Add(BtrfsDiagnostics.MissingDevice.Create($"device {stripe.DeviceId}, which holds a part of the chunk at {chunk.Start}"));
                }
            }

            _ = GetFreeRanges().Count();
            _ = List(Root).Count();
        }
        catch (DiagnosticException e)
        {
            findings.Add(e.Diagnostic);
        }

        return findings;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    /// <summary>The directory that stands in a snapshot for a subvolume that is elsewhere.</summary>
    private static NodeMetadata Empty(NodeId node) => new(node, NodeKind.Directory, 0x1ED, 0, 0, 0, 1, DateTimeOffset.UnixEpoch);

    private static BtrfsInode ReadInode(BtrfsTree tree, ulong inode)
        => tree.Get(new BtrfsKey(inode, BtrfsKey.InodeItem, 0)) is { } item ? BtrfsInode.Parse(item) : throw BtrfsDiagnostics.BadItem.ToException($"inode {inode} is missing");

    private DirectoryEntry ToEntry(NodeId directory, BtrfsName name)
    {
        if (name.Location.Type != BtrfsKey.RootItem)
        {
            return new DirectoryEntry(name.Name, _numbers.ToNode(_numbers.Of(directory).Subvolume, name.Location.ObjectId), name.Kind);
        }

        var holder = _numbers.Of(directory).Subvolume;
        return _roots.ParentOf(name.Location.ObjectId) == holder && _roots.Find(name.Location.ObjectId) is not null
            ? new DirectoryEntry(name.Name, _numbers.ToNode(name.Location.ObjectId, BtrfsRoots.FirstInode), NodeKind.Directory)
            : new DirectoryEntry(name.Name, SubvolumeNumbers.Nothing, NodeKind.Directory);
    }

    /// <summary>Tree and inode of a node; no tree for the entry of a subvolume that is elsewhere.</summary>
    private (BtrfsTree? Tree, ulong Inode) Locate(NodeId node)
    {
        if (node == SubvolumeNumbers.Nothing)
        {
            return default;
        }

        var (subvolume, inode) = _numbers.Of(node);
        return (_roots.Open(subvolume) ?? throw BtrfsDiagnostics.NoSubvolume.ToException($"there is no subvolume {subvolume}"), inode);
    }

    /// <summary>Numbers subvolumes as they are met, so that one fits into a node's number beside the inode.</summary>
    private sealed class SubvolumeNumbers
    {
        public static readonly NodeId Nothing = new(ulong.MaxValue);
        private readonly Lock _gate = new();
        private readonly List<ulong> _subvolumes = [];
        private readonly Dictionary<ulong, int> _numbers = [];

        public NodeId ToNode(ulong subvolume, ulong inode)
        {
            lock (_gate)
            {
                if (!_numbers.TryGetValue(subvolume, out var number))
                {
                    number = _subvolumes.Count;
                    _subvolumes.Add(subvolume);
                    _numbers.Add(subvolume, number);
                }

                return inode < InodeLimit && number < (1 << (63 - InodeBits))
                    ? new NodeId(((ulong)number << InodeBits) | inode)
                    : throw BtrfsDiagnostics.BadItem.ToException($"inode {inode} of subvolume {subvolume} is beyond every real one");
            }
        }

        public (ulong Subvolume, ulong Inode) Of(NodeId node)
        {
            lock (_gate)
            {
                return (_subvolumes[(int)(node.Value >> InodeBits)], node.Value & (InodeLimit - 1));
            }
        }
    }
}
