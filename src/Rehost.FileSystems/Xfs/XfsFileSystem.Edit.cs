using Rehost.Blocks;
using Rehost.FileSystems.Xfs.Writing;
using Rehost.Model;

namespace Rehost.FileSystems.Xfs;

/// <content>Changes: each is made whole in memory, or not at all.</content>
public sealed partial class XfsFileSystem
{
    private readonly IBlockDevice _device;
    private readonly PageCache _cache;
    private readonly CacheDevice _view;
    private readonly XfsSuperblock _superblock;
    private readonly string? _readOnlyReason;
    private readonly DateTimeOffset? _timestamp;
    private XfsEditor? _editor;

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => Remember(directory, name, NodeKind.File, Edit(editor => editor.CreateFile(directory.Value, EncodeName(name), attributes)));

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => Remember(directory, name, NodeKind.Directory, Edit(editor => editor.CreateDirectory(directory.Value, EncodeName(name), attributes)));

    /// <inheritdoc/>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes)
    {
        ArgumentNullException.ThrowIfNull(target);
        var bytes = GuestText.Encode(target);
        if (bytes.Length is 0 or > LinkWriter.Longest || bytes.Contains((byte)0))
        {
            throw FileSystemDiagnostics.BadName.ToException($"a symbolic link's target of {bytes.Length} bytes cannot be stored (1 to {LinkWriter.Longest}, no NUL)", name);
        }

        return Remember(directory, name, NodeKind.SymbolicLink, Edit(editor => editor.CreateLink(directory.Value, EncodeName(name), bytes, attributes)));
    }

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var editor = Begin();
        try
        {
            editor.Write(file.Value, offset, data);
            Commit(editor);
        }
        catch
        {
            Rollback(editor);
            throw;
        }
    }

    /// <inheritdoc/>
    public void SetLength(NodeId file, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Edit(editor => editor.SetLength(file.Value, length));
    }

    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName)
    {
        Edit(editor => editor.Rename(sourceDirectory.Value, EncodeName(sourceName), targetDirectory.Value, EncodeName(targetName), sourceName, targetName));
        lock (_gate)
        {
            _names.Remove(sourceDirectory.Value);
            _names.Remove(targetDirectory.Value);
        }
    }

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name)
    {
        Edit(editor => editor.Unlink(directory.Value, EncodeName(name), name));
        ForgetName(directory, name);
    }

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name)
    {
        Edit(editor => editor.RemoveDirectory(directory.Value, EncodeName(name), name));
        ForgetName(directory, name);
    }

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => Edit(editor => editor.SetMode(node.Value, permissions));

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => Edit(editor => editor.SetOwner(node.Value, uid, gid));

    /// <inheritdoc/>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        Edit(editor => editor.SetAttribute(node.Value, name, value));
    }

    /// <inheritdoc/>
    public void Flush()
    {
        _editor?.WriteGroups();
        if (_cache.IsDirty)
        {
            _cache.WriteBack();
        }

        if (_device.CanWrite)
        {
            _device.Flush();
        }
    }

    private static byte[] EncodeName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var bytes = GuestText.Encode(name);
        return bytes.Length is >= 1 and <= 255 && !bytes.AsSpan().ContainsAny((byte)0, (byte)'/') && name is not ("." or "..")
            ? bytes
            : throw FileSystemDiagnostics.BadName.ToException($"the name has {bytes.Length} bytes, or is a reserved one", name);
    }

    private XfsEditor Begin()
    {
        if (_readOnlyReason is not null)
        {
            throw FileSystemDiagnostics.NotWritable.ToException(_readOnlyReason);
        }

        // The superblock records no time: the root directory's is the best that the file system itself knows.
        _editor ??= new XfsEditor(_cache, _superblock, _volume, _timestamp ?? _volume.ReadInode(_superblock.RootInode).ToMetadata(Root).Modified);
        _editor.Begin(_volume);
        return _editor;
    }

    private void Edit(Action<XfsEditor> change) => Edit(editor =>
    {
        change(editor);
        return 0;
    });

    private NodeId Edit(Func<XfsEditor, ulong> change)
    {
        var editor = Begin();
        try
        {
            var node = change(editor);
            Commit(editor);
            return new NodeId(node);
        }
        catch
        {
            Rollback(editor);
            throw;
        }
    }

    private void Commit(XfsEditor editor)
    {
        editor.Commit();
        Forget();
    }

    private void Rollback(XfsEditor editor)
    {
        editor.Rollback();
        Forget();
    }

    /// <summary>What the reader remembers of inodes may no longer be true. Names are kept up to date one by one: a large directory takes long to be read again.</summary>
    private void Forget() => _volume = new XfsVolume(_view, _superblock);

    private NodeId Remember(NodeId directory, string name, NodeKind kind, NodeId made)
    {
        lock (_gate)
        {
            _names.Remove(made.Value); // a directory that was removed may have had the number
            if (_names.TryGetValue(directory.Value, out var names))
            {
                names[name] = new DirectoryEntry(name, made, kind);
            }
        }

        return made;
    }

    private void ForgetName(NodeId directory, string name)
    {
        lock (_gate)
        {
            if (_names.TryGetValue(directory.Value, out var names))
            {
                names.Remove(name);
            }
        }
    }
}
