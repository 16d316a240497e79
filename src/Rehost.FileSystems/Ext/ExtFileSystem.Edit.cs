using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <content>Changes: each is made whole in memory, or not at all.</content>
public sealed partial class ExtFileSystem
{
    private const ushort MostLinks = 65000;
    private const int LongestTarget = 4095;
    private readonly DateTimeOffset _timestamp;
    private ExtEditors? _editors;
    private bool _changed;

    private ExtEditors Editors => _editors ??= new ExtEditors(_volume);

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) =>
        Edit(() => Create(directory, name, ExtInode.TypeFile, attributes, inode => FileWriter.InitializeMap(_volume.Super, inode)));

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) =>
        Edit(() => Create(directory, name, ExtInode.TypeDirectory, attributes, inode => Editors.Directories.Initialize(inode, (uint)directory.Value)));

    /// <inheritdoc/>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
    {
        ArgumentNullException.ThrowIfNull(target);
        var bytes = GuestText.Encode(target);
        if (bytes.Length == 0 || bytes.Length > Math.Min(LongestTarget, _volume.Super.BlockSize - 1) || bytes.Contains((byte)0))
        {
            throw FileSystemDiagnostics.BadName.ToException($"a symbolic link's target of {bytes.Length} bytes cannot be stored (1 to {Math.Min(LongestTarget, _volume.Super.BlockSize - 1)}, no NUL)", name);
        }

        return Edit(() => Create(directory, name, ExtInode.TypeLink, attributes, inode =>
        {
            if (bytes.Length < ExtInode.BlockAreaLength)
            {
                bytes.CopyTo(inode.BlockArea);
                inode.SizeLow = (uint)bytes.Length;
            }
            else
            {
                FileWriter.InitializeMap(_volume.Super, inode);
                Editors.Files.Write(inode, 0, bytes);
            }
        }));
    }

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        Begin();
        try
        {
            var inode = GetChangeableFile(file);
            Editors.Files.Write(inode, offset, data);
            inode.SetModified(_timestamp);
            _volume.Inodes.Put(inode);
            _volume.Cache.Commit();
        }
        catch
        {
            _volume.Cache.Rollback();
            throw;
        }
    }

    /// <inheritdoc/>
    public void SetLength(NodeId file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Edit(() =>
        {
            var inode = GetChangeableFile(file);
            Editors.Files.SetLength(inode, length);
            inode.SetModified(_timestamp);
            _volume.Inodes.Put(inode);
            return file;
        });
    }

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetChangeableDirectory(directory);
        var bytes = EncodeName(name);
        var inode = FindExisting(parent, bytes, name);
        if (inode.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to be removed", name);
        }

        Editors.Directories.Remove(parent, bytes);
        Touch(parent);
        DropLink(inode);
        return directory;
    });

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetChangeableDirectory(directory);
        var bytes = EncodeName(name);
        var inode = FindExisting(parent, bytes, name);
        DemandEmptyDirectory(inode, name);
        Editors.Directories.Remove(parent, bytes);
        DropSubdirectory(parent);
        Touch(parent);
        Editors.Remover.Delete(inode);
        return directory;
    });

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => EditInode(node, inode => inode.Mode = inode.Type | (permissions & 0xFFF));

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => EditInode(node, inode =>
    {
        inode.Uid = uid;
        inode.Gid = gid;
    });

    /// <inheritdoc/>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        var (index, rest) = XattrNames.Split(name);
        var stored = value is not null && index is XattrNames.AclAccessIndex or XattrNames.AclDefaultIndex ? PosixAcl.ToDisk(value ?? []) : value;
        EditInode(node, inode => Editors.Xattrs.Set(inode, index, rest, value is null ? null : stored));
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (_changed)
        {
            Editors.Superblock.SetWriteTime(_timestamp);
            _changed = false;
        }

        if (_volume.Cache.IsDirty)
        {
            _volume.Cache.WriteBack();
        }

        if (_volume.Device.CanWrite)
        {
            _volume.Device.Flush();
        }
    }

    /// <summary>Settles what an unclean end left open, where the file system may be written; whether there was anything.</summary>
    private bool TryRecoverOrphans()
    {
        if (_readOnlyReason is not null || !OrphanRecovery.IsNeeded(_volume.Super))
        {
            return false;
        }

        Edit(() =>
        {
            new OrphanRecovery(_volume, Editors.Superblock, Editors.Remover, Editors.Files).Run();
            return Root;
        });
        Flush();
        return true;
    }

    private void Begin()
    {
        if (_readOnlyReason is not null)
        {
            throw FileSystemDiagnostics.NotWritable.ToException(_readOnlyReason);
        }

        if (!_changed)
        {
            Editors.Superblock.CountFree();
            _changed = true;
        }

        _volume.Cache.Begin();
    }

    private NodeId Edit(Func<NodeId> change)
    {
        Begin();
        try
        {
            var node = change();
            _volume.Cache.Commit();
            return node;
        }
        catch
        {
            _volume.Cache.Rollback();
            throw;
        }
    }

    private void EditInode(NodeId node, Action<ExtInode> change) => Edit(() =>
    {
        var inode = _volume.Inodes.GetUser(node.Value);
        change(inode);
        inode.SetChanged(_timestamp);
        _volume.Inodes.Put(inode);
        return node;
    });

    private NodeId Create(NodeId directory, string name, int type, NodeAttributes attributes, Action<ExtInode> fill)
    {
        var parent = GetChangeableDirectory(directory);
        var bytes = EncodeName(name);
        if (_volume.Directories.Find(parent, bytes) is not null)
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken", name);
        }

        var inode = Editors.Inodes.Allocate(parent.Number, type == ExtInode.TypeDirectory);
        Initialize(inode, parent, type, attributes);
        fill(inode);
        _volume.Inodes.Put(inode);
        Editors.Directories.Insert(parent, bytes, inode.Number, FileTypeOf(inode));
        if (type == ExtInode.TypeDirectory)
        {
            AddSubdirectory(parent);
        }

        Touch(parent);
        return new NodeId(inode.Number);
    }

    private void Initialize(ExtInode inode, ExtInode parent, int type, NodeAttributes attributes)
    {
        const int ordinaryExtraSize = 32;
        if (inode.Raw.Length > 128)
        {
            var wanted = _volume.Super.WantExtraIsize is var size && size >= ordinaryExtraSize && size % 4 == 0 ? size : ordinaryExtraSize;
            inode.Put16(0x80, (ushort)Math.Min(wanted, inode.Raw.Length - 128));
        }

        inode.Mode = type | (attributes.Permissions & 0xFFF);
        inode.Uid = attributes.Uid;
        inode.Gid = attributes.Gid;
        inode.Links = (ushort)(type == ExtInode.TypeDirectory ? 2 : 1);

        // The kernel takes a random number; NFS only needs it to differ between owners of the same inode.
        inode.Generation = ExtChecksum.Crc32C(_volume.Inodes.SeedOf(inode.Number, parent.Generation), unchecked((uint)_timestamp.ToUnixTimeSeconds()));
        inode.SetBorn(_timestamp);
        if (_volume.Super.Has(ReadOnlyFeatures.Project) && parent.Has(InodeFlags.ProjectInherit) && inode.Reaches(0x9C, 4))
        {
            inode.PutProject(parent.Project);
            inode.Flags |= type == ExtInode.TypeDirectory ? InodeFlags.ProjectInherit : 0;
        }
    }

    private static byte FileTypeOf(ExtInode inode) => (byte)Array.IndexOf(DirectoryReader.Kinds, inode.Kind);

    private static byte[] EncodeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = GuestText.Encode(name);
        return bytes.Length is >= 1 and <= 255 && !bytes.AsSpan().ContainsAny((byte)0, (byte)'/') && name is not ("." or "..")
            ? bytes
            : throw FileSystemDiagnostics.BadName.ToException($"the name has {bytes.Length} bytes, or is a reserved one", name);
    }

    private ExtInode FindExisting(ExtInode parent, byte[] bytes, string name) =>
        _volume.Directories.Find(parent, bytes) is { } found
            ? _volume.Inodes.GetUser(found.Inode)
            : throw FileSystemDiagnostics.NotFound.ToException("no such name in the directory", name);

    private ExtInode GetChangeableDirectory(NodeId node)
    {
        var inode = GetDirectory(node);
        return inode.Has(InodeFlags.CaseFold)
            ? throw ExtDiagnostics.Unchangeable.ToException("the directory folds case (attribute +F)", inode.Where)
            : inode;
    }

    private ExtInode GetChangeableFile(NodeId node)
    {
        var inode = GetFile(node);
        return inode.Has(InodeFlags.Verity)
            ? throw ExtDiagnostics.Unchangeable.ToException("the file is protected by fs-verity", inode.Where)
            : inode;
    }

    private void DemandEmptyDirectory(ExtInode inode, string name)
    {
        DemandKind(inode, inode.IsDirectory, "a directory");
        DemandPlain(inode);
        if (!Editors.Directories.IsEmpty(inode))
        {
            throw FileSystemDiagnostics.NotEmpty.ToException("the directory has entries", name);
        }
    }

    private void Touch(ExtInode directory)
    {
        directory.SetModified(_timestamp);
        _volume.Inodes.Put(directory);
    }

    private void DropLink(ExtInode inode)
    {
        if (inode.Links > 1)
        {
            inode.Links--;
            inode.SetChanged(_timestamp);
            _volume.Inodes.Put(inode);
        }
        else
        {
            Editors.Remover.Delete(inode);
        }
    }

    /// <summary>With dir_nlink, a directory with too many subdirectories to count has a link count of 1.</summary>
    private void AddSubdirectory(ExtInode parent)
    {
        var canOverflow = _volume.Super.Has(ReadOnlyFeatures.DirNlink);
        if (parent.Links == 1 && canOverflow)
        {
            return;
        }

        if (parent.Links >= MostLinks - 1 && canOverflow)
        {
            parent.Links = 1;
            return;
        }

        if (parent.Links >= MostLinks)
        {
            throw ExtDiagnostics.TooManyLinks.ToException($"it has {parent.Links} links", parent.Where);
        }

        parent.Links++;
    }

    private static void DropSubdirectory(ExtInode parent)
    {
        if (parent.Links > 2)
        {
            parent.Links--;
        }
    }
}
