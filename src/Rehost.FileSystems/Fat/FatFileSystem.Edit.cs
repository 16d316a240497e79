namespace Rehost.FileSystems.Fat;

/// <content>Changes: each is made whole in memory, or not at all.</content>
public sealed partial class FatFileSystem
{
    private const int ZeroChunk = 64 << 10;
    private readonly List<Action> _whenDone = [];
    private bool _changed;
    private bool _copiesAgree;

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes)
        => Edit(() => Insert(GetDirectory(directory), name, FatEntry.Make(new byte[ShortName.Length], FatEntry.Archive, _boot.Bits, _timestamp)));

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => Edit(() =>
    {
        var parent = GetDirectory(directory);
        DemandFree(parent, name);
        var cluster = _table.Allocate(1, 0)[0];
        var offset = _boot.ClusterOffset(cluster);
        _cache.Clear(offset, _boot.ClusterSize);
        var self = FatEntry.Make(".          "u8, FatEntry.Directory, _boot.Bits, _timestamp);
        self.FirstCluster = cluster;
        _cache.Write(offset, self.Raw);
        var up = FatEntry.Make("..         "u8, FatEntry.Directory, _boot.Bits, _timestamp);
        up.FirstCluster = parent.IsRoot ? 0 : parent.FirstCluster; // the root is 0 here, also on FAT32
        _cache.Write(offset + FatEntry.Size, up.Raw);
        var entry = FatEntry.Make(new byte[ShortName.Length], FatEntry.Directory, _boot.Bits, _timestamp);
        entry.FirstCluster = cluster;
        _directories.Remove(cluster);
        return Insert(parent, name, entry);
    });

    /// <inheritdoc/>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
        => throw FileSystemDiagnostics.Unsupported.ToException("FAT has no symbolic links", name);

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        Begin();
        try
        {
            var entry = GetFile(file);
            if (!data.IsEmpty)
            {
                DemandLength(offset, data.Length, file);
                var chain = Extend(entry, Math.Max(entry.Length, offset + data.Length), file);
                if (offset > entry.Length)
                {
                    ClearChain(chain, entry.Length, offset - entry.Length, Where(file));
                }

                WriteChain(chain, offset, data, Where(file));
                entry.Length = (uint)Math.Max(entry.Length, offset + data.Length);
            }

            Put(file, entry);
            Commit();
        }
        catch
        {
            Rollback();
            throw;
        }
    }

    /// <inheritdoc/>
    public void SetLength(NodeId file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Edit(() =>
        {
            var entry = GetFile(file);
            DemandLength(length, 0, file);
            if (length > entry.Length)
            {
                var chain = Extend(entry, length, file);
                ClearChain(chain, entry.Length, length - entry.Length, Where(file));
            }
            else
            {
                Cut(entry, length);
            }

            entry.Length = (uint)length;
            Put(file, entry);
            return file;
        });
    }

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetDirectory(directory);
        var found = FindExisting(parent, name);
        if (found.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to be removed", name);
        }

        Delete(parent, found);
        return directory;
    });

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetDirectory(directory);
        var found = FindExisting(parent, name);
        DemandEmpty(found);
        Delete(parent, found);
        return directory;
    });

    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName) => Edit(() =>
    {
        WindowsName.Demand(targetName);
        var (source, target) = (GetDirectory(sourceDirectory), GetDirectory(targetDirectory));
        var moved = FindExisting(source, sourceName);
        var replaced = target.Find(targetName);
        if (ReferenceEquals(replaced, moved))
        {
            if (moved.Name == targetName)
            {
                return sourceDirectory;
            }

            replaced = null; // another case of the same name
        }

        var entry = ReadEntry(_places.NodeAt(moved.Location));
        if (moved.IsDirectory && source != target)
        {
            DemandOutside(entry.FirstCluster, target, targetName);
        }

        if (replaced is not null)
        {
            if (moved.IsDirectory)
            {
                DemandEmpty(replaced);
            }
            else if (replaced.IsDirectory)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to replace it", targetName);
            }

            Delete(target, replaced);
        }

        source.Remove(moved);
        var added = target.Insert(targetName, entry);
        if (moved.IsDirectory && source != target && OpenDirectory(entry.FirstCluster).FindParent() is { } parent)
        {
            var up = new FatEntry(new byte[FatEntry.Size], _boot.Bits);
            _cache.Read(parent.Location, up.Raw);
            up.FirstCluster = target.IsRoot ? 0 : target.FirstCluster;
            _cache.Write(parent.Location, up.Raw);
        }

        if (added.Location != moved.Location)
        {
            _whenDone.Add(() => _places.Moved(moved.Location, added.Location));
        }

        return targetDirectory;
    });

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => throw FileSystemDiagnostics.Unsupported.ToException("FAT has no permissions", Where(node));

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => throw FileSystemDiagnostics.Unsupported.ToException("FAT has no owners", Where(node));

    /// <inheritdoc/>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
        => throw FileSystemDiagnostics.Unsupported.ToException($"FAT has no extended attributes, {name} cannot be set", Where(node));

    /// <inheritdoc/>
    public void Flush()
    {
        if (_changed && FreeSpaceInfo.Read(_boot, _cache) is not null)
        {
            new FreeSpaceInfo((uint)_table.FreeCount, Math.Clamp(_table.Hint, 2, _boot.LastCluster)).Write(_boot, _cache);
        }

        _changed = false;
        if (_cache.IsDirty)
        {
            _cache.WriteBack();
        }

        if (_device.CanWrite)
        {
            _device.Flush();
        }
    }

    private NodeId Edit(Func<NodeId> change) => EditScope.Run(Begin, change, Commit, Rollback);

    private void Begin()
    {
        if (ReadOnlyReason is { } reason)
        {
            throw FileSystemDiagnostics.NotWritable.ToException(reason);
        }

        if (!_copiesAgree && _table.FindDifferentCopy() is { } copy)
        {
            throw FileSystemDiagnostics.NotWritable.ToException($"copy {copy} of its allocation table differs from copy {_boot.ActiveFat}: which is right must be decided first, by chkdsk or fsck.fat in the guest");
        }

        _copiesAgree = true;
        _changed = true;
        _whenDone.Clear();
        _table.Begin();
        _cache.Begin();
        _inOperation = true;
    }

    private void Commit()
    {
        _inOperation = false;
        _cache.Commit();
        foreach (var action in _whenDone)
        {
            action();
        }
    }

    private void Rollback()
    {
        _inOperation = false;
        _cache.Rollback();
        _table.Rollback();
        _directories.Clear();
        _chains.Clear();
    }

    private NodeId Insert(FatDirectory parent, string name, FatEntry entry)
    {
        DemandFree(parent, name);
        var added = parent.Insert(name, entry);
        return _places.Added(added.Location);
    }

    private static void DemandFree(FatDirectory parent, string name)
    {
        WindowsName.Demand(name);
        if (parent.Find(name) is not null)
        {
            throw FileSystemDiagnostics.Exists.ToException("the name is taken", name);
        }
    }

    private static FatName FindExisting(FatDirectory parent, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return parent.Find(name) ?? throw FileSystemDiagnostics.NotFound.ToException("no such name in the directory", name);
    }

    private void DemandEmpty(FatName name)
    {
        if (!name.IsDirectory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a directory is needed, it is a regular file", name.Name);
        }

        if (!GetDirectory(_places.NodeAt(name.Location)).IsEmpty)
        {
            throw FileSystemDiagnostics.NotEmpty.ToException("the directory has entries", name.Name);
        }
    }

    /// <summary>A directory must not be moved into itself.</summary>
    private void DemandOutside(uint moved, FatDirectory target, string name)
    {
        var visited = new HashSet<uint>();
        for (var ancestor = target; !ancestor.IsRoot;)
        {
            if (ancestor.FirstCluster == moved)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("a directory cannot be moved into itself", name);
            }

            if (!visited.Add(ancestor.FirstCluster) || ancestor.FindParent() is not { } parent)
            {
                throw FatDiagnostics.BadDirectory.ToException("its parents do not lead to the root", $"directory at cluster {ancestor.FirstCluster}");
            }

            ancestor = OpenDirectory(parent.Cluster);
        }
    }

    private void Delete(FatDirectory parent, FatName name)
    {
        var entry = ReadEntry(_places.NodeAt(name.Location));
        _table.Free(entry.IsDirectory ? OpenDirectory(entry.FirstCluster).Clusters : ChainOf(entry));
        _chains.Remove(entry.FirstCluster);
        _directories.Remove(entry.FirstCluster);
        parent.Remove(name);
        _whenDone.Add(() => _places.Removed(name.Location));
    }

    private static void DemandLength(long offset, int count, NodeId file)
    {
        if (offset > uint.MaxValue - count)
        {
            throw FatDiagnostics.FileTooLarge.ToException($"{count} bytes are to be written at {offset}, FAT holds files of {uint.MaxValue} bytes", Where(file));
        }
    }

    /// <summary>Gives a file the clusters for a length. A chain that is longer than the file already is used as it is.</summary>
    private List<uint> Extend(FatEntry entry, long length, NodeId file)
    {
        var chain = ChainOf(entry);
        if ((long)chain.Count * _boot.ClusterSize < entry.Length)
        {
            throw FatDiagnostics.BadChain.ToException($"the file has {entry.Length} bytes in {chain.Count} clusters of {_boot.ClusterSize}", Where(file));
        }

        var needed = (int)((length + _boot.ClusterSize - 1) / _boot.ClusterSize) - chain.Count;
        if (needed <= 0)
        {
            return chain;
        }

        var added = _table.Allocate(needed, chain.Count == 0 ? 0 : chain[^1]);
        if (chain.Count == 0)
        {
            entry.FirstCluster = added[0];
            chain = _chains[added[0]] = [];
        }

        chain.AddRange(added);
        return chain;
    }

    private void Cut(FatEntry entry, long length)
    {
        var chain = ChainOf(entry);
        var keep = (int)((length + _boot.ClusterSize - 1) / _boot.ClusterSize);
        if (keep >= chain.Count)
        {
            return;
        }

        _table.Free(chain.Skip(keep));
        if (keep == 0)
        {
            _chains.Remove(entry.FirstCluster);
            entry.FirstCluster = 0;
            return;
        }

        _table.SetEnd(chain[keep - 1]);
        chain.RemoveRange(keep, chain.Count - keep);
    }

    private void Put(NodeId file, FatEntry entry)
    {
        entry.SetModified(_timestamp);
        entry.Raw[11] |= FatEntry.Archive;
        _cache.Write(_places.LocationOf(file), entry.Raw);
    }

    private void WriteChain(List<uint> chain, long offset, ReadOnlySpan<byte> data, string where)
    {
        while (!data.IsEmpty)
        {
            var (start, count) = Run(chain, offset, data.Length, where);
            _cache.WriteContent(start, data[..count]);
            offset += count;
            data = data[count..];
        }
    }

    private void ClearChain(List<uint> chain, long offset, long length, string where)
    {
        while (length > 0)
        {
            var (start, count) = Run(chain, offset, (int)Math.Min(length, int.MaxValue - ZeroChunk), where);
            _cache.ClearContent(start, count);
            offset += count;
            length -= count;
        }
    }
}
