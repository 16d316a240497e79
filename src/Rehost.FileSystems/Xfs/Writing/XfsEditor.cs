using Rehost.Model;

namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>The operations that change a file system. Each happens whole in memory, or leaves no trace.</summary>
internal sealed class XfsEditor
{
    private const int LongestName = 255;
    private readonly Store _store;
    private readonly Space _space;
    private readonly InodeStore _inodes;
    private readonly FileWriter _files;
    private readonly AttributeWriter _attributes;
    private readonly DateTimeOffset _timestamp;
    private readonly PageCache _cache;
    private XfsVolume _volume;

    internal XfsEditor(PageCache cache, XfsSuperblock super, XfsVolume volume, DateTimeOffset timestamp)
    {
        _cache = cache;
        _volume = volume;
        _timestamp = timestamp;
        _store = new Store(cache, super);
        _space = new Space(_store);
        _inodes = new InodeStore(_store, _space);
        _files = new FileWriter(_store);
        _attributes = new AttributeWriter(_store, _space);
    }

    internal ulong FreeBlocks => _store.FreeBlocks;

    internal bool IsChanged { get; private set; }

    /// <summary>Starts an operation; it works with what is on the device and in the cache.</summary>
    internal void Begin(XfsVolume volume)
    {
        _volume = volume;
        _cache.Begin();
        _store.Undo.Begin();
    }

    internal void Commit()
    {
        _space.EndOperation();
        IsChanged = true;
        _store.Undo.Commit();
        _cache.Commit();
    }

    internal void Rollback()
    {
        _store.Undo.Rollback();
        foreach (var group in _space.All)
        {
            group.EndOperation();
        }

        _cache.Rollback();
    }

    /// <summary>Brings groups and superblock into the cache.</summary>
    internal void WriteGroups()
    {
        if (IsChanged)
        {
            _store.InvalidateQuotas();
            _space.Write();
            _store.WriteSuper();
            IsChanged = false;
        }
    }

    internal ulong? Find(ulong directory, ReadOnlySpan<byte> name) => Open(GetDirectory(directory)).Find(name)?.Inode;

    internal ulong CreateFile(ulong directory, byte[] name, NodeAttributes attributes) => Create(directory, name, InodeRecord.TypeFile, attributes, _ => { });

    internal ulong CreateDirectory(ulong directory, byte[] name, NodeAttributes attributes) =>
        Create(directory, name, InodeRecord.TypeDirectory, attributes, inode => new DirectoryFile(_store, _space, _volume, inode, directory).SaveSmall());

    internal ulong CreateLink(ulong directory, byte[] name, byte[] target, NodeAttributes attributes) =>
        Create(directory, name, InodeRecord.TypeLink, attributes, inode => new LinkWriter(_store, _space).Write(inode, _volume, target));

    internal void Write(ulong file, long offset, ReadOnlySpan<byte> data)
    {
        var inode = GetFile(file);
        var map = new ForkMap(_store, _space, _volume, inode, isAttribute: false);
        _files.Write(inode, map, offset, data);
        Finish(inode, map);
    }

    internal void SetLength(ulong file, long length)
    {
        var inode = GetFile(file);
        var map = new ForkMap(_store, _space, _volume, inode, isAttribute: false);
        _files.SetLength(inode, map, length);
        Finish(inode, map);
    }

    internal void Unlink(ulong directory, byte[] name, string shown)
    {
        var parent = GetDirectory(directory);
        var entries = Open(parent);
        var inode = FindExisting(entries, name, shown);
        if (inode.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to be removed", shown);
        }

        entries.Remove(name);
        Touch(parent);
        DropLink(inode);
    }

    internal void RemoveDirectory(ulong directory, byte[] name, string shown)
    {
        var parent = GetDirectory(directory);
        var entries = Open(parent);
        var inode = FindExisting(entries, name, shown);
        DemandEmptyDirectory(inode, shown);
        entries.Remove(name);
        parent.Links--;
        Touch(parent);
        Delete(inode);
    }

    internal void Rename(ulong sourceDirectory, byte[] sourceName, ulong targetDirectory, byte[] targetName, string shownSource, string shownTarget)
    {
        var source = GetDirectory(sourceDirectory);
        var target = sourceDirectory == targetDirectory ? source : GetDirectory(targetDirectory);
        var sourceEntries = Open(source);
        var targetEntries = ReferenceEquals(source, target) ? sourceEntries : Open(target);
        var moved = FindExisting(sourceEntries, sourceName, shownSource);
        if (moved.IsDirectory && sourceDirectory != targetDirectory)
        {
            DemandOutside(moved, target, shownTarget);
        }

        var replaced = targetEntries.Find(targetName) is { } found ? _inodes.Get(found.Inode) : null;
        if (replaced?.Number == moved.Number)
        {
            return; // two names of the same file: rename(2) does nothing
        }

        if (replaced is not null)
        {
            DemandReplaceable(moved, replaced, shownTarget);
            targetEntries.Redirect(targetName, moved.Number, TypeOf(moved));
        }
        else
        {
            targetEntries.Add(new NameEntry(targetName, moved.Number, TypeOf(moved)));
        }

        sourceEntries.Remove(sourceName);
        if (moved.IsDirectory)
        {
            source.Links--;
            target.Links += replaced is null ? 1u : 0;
            if (sourceDirectory != targetDirectory)
            {
                Open(moved).SetParent(target.Number);
            }
        }

        moved.SetChanged(_timestamp);
        _inodes.Put(moved);
        Touch(source);
        if (!ReferenceEquals(source, target))
        {
            Touch(target);
        }

        if (replaced is { IsDirectory: true })
        {
            Delete(replaced);
        }
        else if (replaced is not null)
        {
            DropLink(replaced);
        }
    }

    internal void SetMode(ulong node, int permissions) => Change(node, inode => inode.Mode = inode.Type | (permissions & 0xFFF));

    internal void SetOwner(ulong node, uint uid, uint gid) => Change(node, inode =>
    {
        inode.Uid = uid;
        inode.Gid = gid;
    });

    internal void SetAttribute(ulong node, string name, byte[]? value) => Change(node, inode => _attributes.Set(inode, _volume, name, value));

    private static byte TypeOf(InodeRecord inode) => XfsTypes.FromKind((inode.Type >> 12) switch
    {
        4 => NodeKind.Directory,
        10 => NodeKind.SymbolicLink,
        2 => NodeKind.CharacterDevice,
        6 => NodeKind.BlockDevice,
        1 => NodeKind.Fifo,
        12 => NodeKind.Socket,
        _ => NodeKind.File,
    });

    private ulong Create(ulong directory, byte[] name, int type, NodeAttributes attributes, Action<InodeRecord> fill)
    {
        if (name.Length > LongestName)
        {
            throw FileSystemDiagnostics.BadName.ToException($"the name has {name.Length} bytes");
        }

        var parent = GetDirectory(directory);
        var entries = Open(parent);
        if (entries.Find(name) is not null)
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken", GuestText.Decode(name));
        }

        var inode = _inodes.Allocate(directory, _timestamp);
        inode.Mode = type | (attributes.Permissions & 0xFFF);
        inode.Uid = attributes.Uid;
        inode.Gid = attributes.Gid;
        inode.Links = type == InodeRecord.TypeDirectory ? 2u : 1;
        InheritProject(parent, inode);
        fill(inode);
        _inodes.Put(inode);
        entries.Add(new NameEntry(name, inode.Number, TypeOf(inode)));
        parent.Links += type == InodeRecord.TypeDirectory ? 1u : 0;
        Touch(parent);
        return inode.Number;
    }

    private static void InheritProject(InodeRecord parent, InodeRecord inode)
    {
        const int projectInherit = 0x200;
        if ((parent.Flags & projectInherit) != 0)
        {
            inode.Put32(20, parent.U32(20));
            inode.Flags |= inode.IsDirectory ? projectInherit : 0;
        }
    }

    private void Change(ulong node, Action<InodeRecord> change)
    {
        var inode = _inodes.Get(node);
        change(inode);
        inode.SetChanged(_timestamp);
        _inodes.Put(inode);
    }

    private void Finish(InodeRecord inode, ForkMap map)
    {
        map.Save();
        inode.SetModified(_timestamp);
        _inodes.Put(inode);
    }

    private void Touch(InodeRecord directory)
    {
        directory.SetModified(_timestamp);
        _inodes.Put(directory);
    }

    private void DropLink(InodeRecord inode)
    {
        if (inode.Links > 1)
        {
            inode.Links--;
            inode.SetChanged(_timestamp);
            _inodes.Put(inode);
        }
        else
        {
            Delete(inode);
        }
    }

    private void Delete(InodeRecord inode)
    {
        const int realtime = 1;
        if ((inode.Flags & realtime) != 0)
        {
            throw XfsDiagnostics.RealtimeFile.ToException("its content is on another device, and would stay allocated", inode.Where);
        }

        _attributes.Clear(inode, _volume);
        if (inode.GetFormat(isAttribute: false) is XfsFormat.Extents or XfsFormat.Tree)
        {
            var map = new ForkMap(_store, _space, _volume, inode, isAttribute: false);
            if (map.End > 0)
            {
                map.Free(0, map.End);
            }

            map.Save();
        }

        _inodes.Free(inode);
    }

    private InodeRecord GetFile(ulong number)
    {
        const int realtime = 1;
        var inode = _inodes.Get(number);
        if (inode.Type != InodeRecord.TypeFile)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a regular file is needed", inode.Where);
        }

        return (inode.Flags & realtime) == 0 ? inode : throw XfsDiagnostics.RealtimeFile.ToException("its content is on another device", inode.Where);
    }

    private InodeRecord GetDirectory(ulong number)
    {
        var inode = _inodes.Get(number);
        return inode.IsDirectory ? inode : throw FileSystemDiagnostics.WrongKind.ToException("a directory is needed", inode.Where);
    }

    private DirectoryFile Open(InodeRecord directory) => new(_store, _space, _volume, directory);

    private InodeRecord FindExisting(DirectoryFile directory, byte[] name, string shown) =>
        directory.Find(name) is { } found ? _inodes.Get(found.Inode) : throw FileSystemDiagnostics.NotFound.ToException("no such name in the directory", shown);

    private void DemandEmptyDirectory(InodeRecord inode, string name)
    {
        if (!inode.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a directory is needed", name);
        }

        if (!Open(inode).IsEmpty)
        {
            throw FileSystemDiagnostics.NotEmpty.ToException("the directory has entries", name);
        }
    }

    private void DemandReplaceable(InodeRecord moved, InodeRecord replaced, string name)
    {
        if (moved.IsDirectory)
        {
            DemandEmptyDirectory(replaced, name);
        }
        else if (replaced.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to replace it", name);
        }
    }

    /// <summary>A directory must not be moved into itself.</summary>
    private void DemandOutside(InodeRecord moved, InodeRecord target, string name)
    {
        var visited = new HashSet<ulong>();
        for (var ancestor = target; ancestor.Number != _store.Super.RootInode; ancestor = GetDirectory(Open(ancestor).Parent))
        {
            if (ancestor.Number == moved.Number)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("a directory cannot be moved into itself", name);
            }

            if (!visited.Add(ancestor.Number))
            {
                throw XfsDiagnostics.BadDirectory.ToException("its parents do not lead to the root", ancestor.Where);
            }
        }
    }
}
