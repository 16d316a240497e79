using System.Buffers.Binary;
using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <summary>The tree of trees: where each tree is, and how subvolumes hang together.</summary>
internal sealed class BtrfsRoots
{
    public const ulong RootTree = 1;
    public const ulong ExtentTree = 2;
    public const ulong ChunkTree = 3;
    public const ulong DeviceTree = 4;
    public const ulong TopLevel = 5;
    public const ulong ChecksumTree = 7;
    public const ulong QuotaTree = 8;
    public const ulong FreeSpaceTree = 10;
    public const ulong BlockGroupTree = 11;
    public const ulong FirstInode = 256;

    /// <summary>Ids and inode numbers from here on are the file system's own.</summary>
    public const ulong LastId = ulong.MaxValue - 255;

    /// <summary>Trees that a balance has under way.</summary>
    public const ulong RelocationTree = unchecked((ulong)-8);

    /// <summary>More snapshots than Btrfs can bear; bounds memory on a damaged file system.</summary>
    private const int SubvolumeLimit = 1 << 20;
    private const int DepthLimit = 256;

    private readonly BtrfsVolume _volume;
    private BtrfsTree _tree;
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, BtrfsRoot?> _known = [];
    private readonly Dictionary<ulong, ulong?> _parents = [];

    public BtrfsRoots(BtrfsVolume volume)
    {
        _volume = volume;
        _tree = OpenStored();
    }

    /// <summary>Trees that are changed and not yet stored.</summary>
    public BtrfsTransaction? Transaction { get; set; }

    /// <summary>A tree as it is now; null when there is none.</summary>
    public BtrfsTree? Open(ulong id) => Transaction?.Reading(id) ?? Find(id)?.Open(_volume);

    /// <summary>Forgets what was read: another state is stored.</summary>
    public void Reload()
    {
        lock (_gate)
        {
            _known.Clear();
            _parents.Clear();
            _tree = OpenStored();
        }
    }

    /// <summary>A tree; null when there is none.</summary>
    public BtrfsRoot? Find(ulong id)
    {
        lock (_gate)
        {
            if (!_known.TryGetValue(id, out var root))
            {
                // Snapshots have the generation of their making as offset, everything else 0.
                root = _tree.Of(id, BtrfsKey.RootItem).Select(item => (BtrfsRoot?)BtrfsRoot.Parse(item)).FirstOrDefault();
                _known.Add(id, root);
            }

            return root;
        }
    }

    /// <summary>Whether a tree holds files, and may share blocks with another one.</summary>
    public static bool HoldsFiles(ulong id) => id == TopLevel || id is >= FirstInode and < LastId;

    /// <summary>The subvolume that is mounted when none is asked for.</summary>
    public ulong FindDefault()
    {
        var names = _tree.Get(new BtrfsKey(_volume.Superblock.RootDirectory, BtrfsKey.DirItem, BtrfsName.HashOf("default"))) is { } item ? BtrfsName.Parse(item) : [];
        return names.Where(name => name.Name == "default").Select(name => name.Location.ObjectId).FirstOrDefault(TopLevel) is var id && Find(id) is not null ? id : TopLevel;
    }

    /// <summary>The subvolume that holds the entry of another one: a snapshot's copy of an entry leads nowhere.</summary>
    public ulong? ParentOf(ulong id)
    {
        lock (_gate)
        {
            if (!_parents.TryGetValue(id, out var parent))
            {
                parent = _tree.Of(id, BtrfsKey.RootBackref).Select(item => (ulong?)item.Key.Offset).FirstOrDefault();
                _parents.Add(id, parent);
            }

            return parent;
        }
    }

    /// <summary>All subvolumes with their paths from the top level, in the order of their ids.</summary>
    public ImmutableArray<SubvolumeInfo> List()
    {
        var isDefault = FindDefault();
        var found = new Dictionary<ulong, (ulong Parent, ulong Directory, string Name, bool IsReadOnly)>();
        foreach (var item in _tree.From(new BtrfsKey(FirstInode, 0, 0)))
        {
            if (item.Key.ObjectId >= LastId || found.Count > SubvolumeLimit)
            {
                break;
            }

            if (item.Key.Type == BtrfsKey.RootBackref && item.Data.Length >= 18 && Find(item.Key.ObjectId) is { } root)
            {
                var length = BinaryPrimitives.ReadUInt16LittleEndian(item.Data.Span[16..]);
                if (length > item.Data.Length - 18)
                {
                    throw BtrfsDiagnostics.BadItem.ToException($"the name of a subvolume has {length} bytes", $"item {item.Key}");
                }

                found.TryAdd(item.Key.ObjectId, (item.Key.Offset, BinaryPrimitives.ReadUInt64LittleEndian(item.Data.Span), GuestText.Decode(item.Data.Span.Slice(18, length)), root.IsReadOnly));
            }
        }

        var all = ImmutableArray.CreateBuilder<SubvolumeInfo>();
        all.Add(new SubvolumeInfo(TopLevel, "", isDefault == TopLevel, IsReadOnly: false));
        foreach (var (id, entry) in found.OrderBy(pair => pair.Key))
        {
            all.Add(new SubvolumeInfo(id, PathOf(id, found), isDefault == id, entry.IsReadOnly));
        }

        return all.ToImmutable();
    }

    private BtrfsTree OpenStored() => new(_volume, _volume.Superblock.RootTree, _volume.Superblock.RootLevel, _volume.Superblock.Generation);

    private string PathOf(ulong id, Dictionary<ulong, (ulong Parent, ulong Directory, string Name, bool IsReadOnly)> found)
    {
        var parts = new Stack<string>();
        for (var depth = 0; id != TopLevel; depth++)
        {
            if (depth > DepthLimit || !found.TryGetValue(id, out var entry))
            {
                throw BtrfsDiagnostics.BadItem.ToException($"subvolume {id} hangs in nothing, or in itself");
            }

            parts.Push(entry.Name);
            PushDirectories(parts, entry.Parent, entry.Directory);
            id = entry.Parent;
        }

        return string.Join('/', parts);
    }

    /// <summary>The directories between a subvolume's root and the entry of another one.</summary>
    private void PushDirectories(Stack<string> parts, ulong subvolume, ulong directory)
    {
        if (Find(subvolume) is not { } root)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"subvolume {subvolume} has no tree");
        }

        var tree = Open(subvolume) ?? root.Open(_volume);
        for (var depth = 0; directory != FirstInode; depth++)
        {
            var item = depth > DepthLimit ? null : tree.Of(directory, BtrfsKey.InodeRef).Select(one => (BtrfsItem?)one).FirstOrDefault();
            if (item is not { } found || found.Data.Length < 10 || BinaryPrimitives.ReadUInt16LittleEndian(found.Data.Span[8..]) is var length && length > found.Data.Length - 10)
            {
                throw BtrfsDiagnostics.BadItem.ToException($"directory {directory} of subvolume {subvolume} hangs in nothing, or in itself");
            }

            parts.Push(GuestText.Decode(found.Data.Span.Slice(10, BinaryPrimitives.ReadUInt16LittleEndian(found.Data.Span[8..]))));
            directory = found.Key.Offset;
        }
    }
}
