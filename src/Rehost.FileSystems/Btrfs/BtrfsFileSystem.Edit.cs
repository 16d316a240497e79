using Rehost.Model;

namespace Rehost.FileSystems.Btrfs;

/// <content>Changes: each is made whole in memory, or not at all; content goes to free space at once, and nothing leads to it before <see cref="Flush"/>.</content>
public sealed partial class BtrfsFileSystem
{
    private const uint FileType = 0x8000;
    private const uint DirectoryType = 0x4000;
    private const uint LinkType = 0xA000;
    private const int LongestTarget = 4095;
    private readonly DateTimeOffset? _timestamp;
    private string? _readOnlyReason;
    private bool _isJudged;
    private DateTimeOffset? _lastChange;

    private string? ReadOnlyReason
    {
        get
        {
            if (!_isJudged)
            {
                try
                {
                    _readOnlyReason = BtrfsWritability.FindObstacle(_volume, _roots);
                }
                catch (DiagnosticException e)
                {
                    _readOnlyReason = e.Diagnostic.ToString();
                }

                _isJudged = true;
            }

            return _readOnlyReason;
        }
    }

    /// <summary>The time to record: as told, else that of the last change of the tree that is the root.</summary>
    private DateTimeOffset Now => _timestamp ?? (_lastChange ??= GetMetadata(Root).Modified);

    private ulong NextGeneration => _volume.Superblock.Generation + 1;

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => Create(directory, name, FileType, attributes, []);

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => Create(directory, name, DirectoryType, attributes, []);

    /// <inheritdoc/>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
    {
        ArgumentNullException.ThrowIfNull(target);
        var bytes = GuestText.Encode(target);
        var longest = Math.Min(LongestTarget, Math.Min(_volume.Superblock.SectorSize - 1, _volume.Superblock.NodeSize - 256));
        if (bytes.Length == 0 || bytes.Length > longest || bytes.Contains((byte)0))
        {
            throw FileSystemDiagnostics.BadName.ToException($"a symbolic link's target of {bytes.Length} bytes cannot be stored (1 to {longest}, no NUL)", name);
        }

        return Create(directory, name, LinkType, attributes, bytes);
    }

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        Edit(grows: true, file, data, (tree, number, content) =>
        {
            var inode = GetChangeableFile(tree, number);
            GetFileWriter().Write(tree, inode, offset, content);
            StoreChanged(tree, inode, isModified: true);
            return file;
        });
    }

    /// <inheritdoc/>
    public void SetLength(NodeId file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Edit(grows: true, file, [], (tree, number, _) =>
        {
            var inode = GetChangeableFile(tree, number);
            GetFileWriter().SetLength(tree, inode, length);
            StoreChanged(tree, inode, isModified: true);
            return file;
        });
    }

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name) => Edit(grows: false, directory, [], (tree, number, _) =>
    {
        var bytes = EncodeName(name);
        var parent = GetDirectory(tree, number);
        var found = FindExisting(directory, name);
        if (found.Kind == NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to be removed", name);
        }

        RemoveName(tree, parent, bytes, InodeOf(found));
        DropLink(tree, BtrfsInodeItem.Read(tree.Reading, InodeOf(found)));
        StoreChanged(tree, parent, isModified: true);
        return directory;
    });

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name) => Edit(grows: false, directory, [], (tree, number, _) =>
    {
        var bytes = EncodeName(name);
        var parent = GetDirectory(tree, number);
        var found = FindExisting(directory, name);
        DemandEmptyDirectory(tree, directory, found);
        RemoveName(tree, parent, bytes, InodeOf(found));
        RemoveInode(tree, InodeOf(found));
        StoreChanged(tree, parent, isModified: true);
        return directory;
    });

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => EditInode(node, inode => inode.Mode = (inode.Mode & 0xF000) | ((uint)permissions & 0xFFF));

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => EditInode(node, inode => inode.SetOwner(uid, gid));

    /// <inheritdoc/>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        Edit(grows: value is not null, node, [], (tree, number, _) =>
        {
            var bytes = GuestText.Encode(name);
            if (bytes.Length is 0 or > 255)
            {
                throw FileSystemDiagnostics.BadName.ToException($"the attribute's name has {bytes.Length} bytes", name);
            }

            var inode = BtrfsInodeItem.Read(tree.Reading, number);
            if (GetNames(tree).SetAttribute(number, bytes, value))
            {
                StoreChanged(tree, inode, isModified: false);
            }

            return node;
        });
    }

    /// <inheritdoc/>
    public void Flush() => _roots.Transaction?.Commit();

    private static byte[] EncodeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = GuestText.Encode(name);
        return bytes.Length is >= 1 and <= 255 && !bytes.AsSpan().ContainsAny((byte)0, (byte)'/') && name is not ("." or "..")
            ? bytes
            : throw FileSystemDiagnostics.BadName.ToException($"the name has {bytes.Length} bytes, or is a reserved one", name);
    }

    private static BtrfsInodeItem GetDirectory(BtrfsChangedTree tree, ulong number)
        => BtrfsInodeItem.Read(tree.Reading, number) is var inode && inode.View.Kind == NodeKind.Directory
            ? inode
            : throw FileSystemDiagnostics.WrongKind.ToException($"a directory is needed, inode {number} is none");

    private static BtrfsInodeItem GetChangeableFile(BtrfsChangedTree tree, ulong number)
    {
        var inode = BtrfsInodeItem.Read(tree.Reading, number);
        if (inode.View.Kind != NodeKind.File)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"a regular file is needed, inode {number} is none");
        }

        if (inode.Length > BtrfsFileWriter.LongestFile)
        {
            throw BtrfsDiagnostics.BadItem.ToException($"inode {number} has {inode.Length} bytes");
        }

        return inode.HasVerity ? throw FileSystemDiagnostics.NotWritable.ToException($"inode {number} is protected by fs-verity") : inode;
    }

    private static void RemoveInode(BtrfsChangedTree tree, ulong number) => tree.RemoveRange(new BtrfsKey(number, 0, 0), new BtrfsKey(number + 1, 0, 0));

    /// <summary>The next after the greatest number in use, as the kernel takes it.</summary>
    private static ulong NextInode(BtrfsTree tree)
    {
        var last = tree.Floor(new BtrfsKey(BtrfsRoots.LastId - 1, byte.MaxValue, ulong.MaxValue))?.Key.ObjectId ?? BtrfsRoots.FirstInode;
        return last < InodeLimit - 1 ? Math.Max(last, BtrfsRoots.FirstInode) + 1 : throw FileSystemDiagnostics.NoSpace.ToException($"inode {last} is in use, and no higher one can be made");
    }

    private ulong InodeOf(DirectoryEntry entry) => _numbers.Of(entry.Node).Inode;

    private BtrfsNames GetNames(BtrfsChangedTree tree) => new(tree, NextGeneration, _volume.Superblock.HasExtendedReferences);

    private BtrfsFileWriter GetFileWriter()
    {
        var transaction = GetTransaction();
        return new BtrfsFileWriter(_volume, transaction, _reader, _roots.Find(BtrfsRoots.ChecksumTree) is null ? null : new BtrfsChecksums(_volume, transaction.Tree(BtrfsRoots.ChecksumTree)));
    }

    private BtrfsTransaction GetTransaction() => _roots.Transaction ??= new BtrfsTransaction(_volume, _roots);

    private NodeId Edit(bool grows, NodeId node, ReadOnlySpan<byte> data, EditTree change)
    {
        if (ReadOnlyReason is { } reason)
        {
            throw FileSystemDiagnostics.NotWritable.ToException(reason);
        }

        if (node == SubvolumeNumbers.Nothing)
        {
            throw FileSystemDiagnostics.NotWritable.ToException("a subvolume that is elsewhere stands here as an empty directory, which cannot be changed");
        }

        var (subvolume, number) = _numbers.Of(node);
        if (_roots.Find(subvolume) is not { } root)
        {
            throw BtrfsDiagnostics.NoSubvolume.ToException($"there is no subvolume {subvolume}");
        }

        if (root.IsReadOnly)
        {
            throw FileSystemDiagnostics.NotWritable.ToException($"subvolume {subvolume} is read-only; 'btrfs property set PATH ro false' in the guest makes it writable");
        }

        var transaction = GetTransaction();
        return transaction.Run(grows, data, content => change(transaction.Tree(subvolume), number, content));
    }

    private void EditInode(NodeId node, Action<BtrfsInodeItem> change) => Edit(grows: false, node, [], (tree, number, _) =>
    {
        var inode = BtrfsInodeItem.Read(tree.Reading, number);
        change(inode);
        StoreChanged(tree, inode, isModified: false);
        return node;
    });

    private NodeId Create(NodeId directory, string name, uint type, NodeAttributes attributes, byte[] target) => Edit(grows: true, directory, [], (tree, number, _) =>
    {
        var bytes = EncodeName(name);
        var parent = GetDirectory(tree, number);
        if (Lookup(directory, name) is not null)
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken", name);
        }

        var inode = BtrfsInodeItem.New(NextInode(tree.Reading), parent, type | ((uint)attributes.Permissions & 0xFFF), attributes.Uid, attributes.Gid, NextGeneration);
        inode.SetBorn(NextGeneration, Now);
        if (target.Length > 0)
        {
            GetFileWriter().WriteInline(tree, inode, target);
        }

        inode.Store(tree);
        AddName(tree, parent, bytes, inode);
        StoreChanged(tree, parent, isModified: true);
        return _numbers.ToNode(_numbers.Of(directory).Subvolume, inode.Number);
    });

    private DirectoryEntry FindExisting(NodeId directory, string name)
        => Lookup(directory, name) ?? throw FileSystemDiagnostics.NotFound.ToException("no such name in the directory", name);

    private void DemandEmptyDirectory(BtrfsChangedTree tree, NodeId directory, DirectoryEntry found)
    {
        if (found.Kind != NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"a directory is needed, it is a {found.Kind}", found.Name);
        }

        DemandSameSubvolume(directory, found);
        if (!GetNames(tree).IsEmpty(InodeOf(found)))
        {
            throw FileSystemDiagnostics.NotEmpty.ToException("the directory has entries", found.Name);
        }
    }

    private void DemandSameSubvolume(NodeId directory, DirectoryEntry entry)
    {
        if (entry.Node == SubvolumeNumbers.Nothing || _numbers.Of(entry.Node).Subvolume != _numbers.Of(directory).Subvolume)
        {
            throw FileSystemDiagnostics.NotWritable.ToException("it is a subvolume, which is not moved or removed; 'btrfs subvolume' in the guest does that", entry.Name);
        }
    }

    /// <summary>A directory's size is twice the bytes of its names: each stands in it by hash and by number.</summary>
    private void AddName(BtrfsChangedTree tree, BtrfsInodeItem directory, byte[] name, BtrfsInodeItem inode)
    {
        GetNames(tree).Add(directory.Number, name, inode.Number, inode.View.Kind switch
        {
            NodeKind.Directory => 2,
            NodeKind.CharacterDevice => 3,
            NodeKind.BlockDevice => 4,
            NodeKind.Fifo => 5,
            NodeKind.Socket => 6,
            NodeKind.SymbolicLink => 7,
            _ => 1,
        });
        directory.Length = Math.Min(directory.Length, long.MaxValue / 2) + (2 * name.Length);
    }

    private void RemoveName(BtrfsChangedTree tree, BtrfsInodeItem directory, byte[] name, ulong inode)
    {
        GetNames(tree).Remove(directory.Number, name, inode);
        directory.Length = Math.Max(0, directory.Length - (2 * name.Length));
    }

    private void DropLink(BtrfsChangedTree tree, BtrfsInodeItem inode)
    {
        if (inode.Links > 1)
        {
            inode.Links--;
            StoreChanged(tree, inode, isModified: false);
        }
        else
        {
            GetTransaction().DroppedExtents += (int)Math.Clamp(inode.StoredBytes / (1 << 20), 0, 1 << 20);
            RemoveInode(tree, inode.Number);
        }
    }

    private void StoreChanged(BtrfsChangedTree tree, BtrfsInodeItem inode, bool isModified)
    {
        inode.SetChanged(NextGeneration, Now, isModified);
        inode.Store(tree);
    }

    private delegate NodeId EditTree(BtrfsChangedTree tree, ulong inode, ReadOnlySpan<byte> data);
}
