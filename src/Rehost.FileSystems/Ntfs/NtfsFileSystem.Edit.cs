namespace Rehost.FileSystems.Ntfs;

/// <content>Changes: each is made whole in memory, or not at all.</content>
public sealed partial class NtfsFileSystem
{
    private const int LogChunk = 1 << 20;
    private NtfsEditors? _editors;
    private bool _logIsEmpty;

    private NtfsEditors Editors => _editors ??= new NtfsEditors(_volume);

    private long Now => NtfsTime.Encode(_timestamp);

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => Edit(() => Create(directory, name, isDirectory: false));

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => Edit(() => Create(directory, name, isDirectory: true));

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        Begin();
        try
        {
            var (node, attribute) = GetChangeableFile(file);
            Editors.Data.Write(node, attribute, offset, data);
            Changed(node);
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
            var (node, attribute) = GetChangeableFile(file);
            if (length != attribute.Length)
            {
                Editors.Data.SetLength(node, attribute, length);
                Changed(node);
            }

            return file;
        });
    }

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => throw FileSystemDiagnostics.Unsupported.ToException("NTFS has access lists, which are not translated to permissions", _volume.Table.GetNode(node.Value).Where);

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => throw FileSystemDiagnostics.Unsupported.ToException("NTFS has owners of Windows only", _volume.Table.GetNode(node.Value).Where);

    /// <summary>Sets a named stream, by the name "user.NAME"; a null value removes it.</summary>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value)
    {
        ArgumentNullException.ThrowIfNull(name);
        var stream = name.StartsWith(StreamPrefix, StringComparison.Ordinal) ? name[StreamPrefix.Length..] : "";
        if (stream.Length == 0 || stream == CompressedSystemFile.StreamName || value?.Length > LongestAttribute || WindowsName.FindFault(stream) is not null)
        {
            throw FileSystemDiagnostics.Unsupported.ToException($"attribute {name} of {value?.Length ?? 0} bytes: NTFS has named streams, which are attributes user.NAME of up to {LongestAttribute} bytes");
        }

        Edit(() =>
        {
            var found = GetNode(node);
            if (found.Find(AttributeType.Data, stream) is { } old)
            {
                Editors.Clusters.Free(old);
                found.Attributes.Remove(old);
            }

            if (value is not null)
            {
                found.Attributes.Add(new NtfsAttribute(AttributeType.Data, stream) { Value = [.. value] });
            }

            StandardInformation.Change(found, Now, 0, 0, isContent: false);
            Editors.Save(found);
            UpdateNames(found);
            return node;
        });
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (_volume.Cache.IsDirty)
        {
            _volume.Cache.WriteBack();
        }

        if (_volume.Device.CanWrite)
        {
            _volume.Device.Flush();
        }
    }

    private NodeId Edit(Func<NodeId> change) => EditScope.Run(Begin, change, Commit, Rollback);

    private void Begin()
    {
        if (_readOnlyReason is { } reason)
        {
            throw FileSystemDiagnostics.NotWritable.ToException(reason);
        }

        Editors.Clusters.Begin(CountFree);
        _volume.Streams.Forget();
        _volume.Table.IsInOperation = true;
        _volume.Cache.Begin();
    }

    private void Commit()
    {
        EmptyLog();
        _volume.Table.IsInOperation = false;
        _volume.Table.Trim();
        _volume.Streams.Forget();
        _volume.Cache.Commit();
        _freeClusters = Editors.Clusters.FreeCount;
    }

    private void Rollback()
    {
        _volume.Cache.Rollback();
        _volume.Table.IsInOperation = false;
        _volume.Table.Clear();
        _volume.Streams.Forget();
        Editors.Clusters.Rollback();
        Editors.Records.Rollback();
    }

    /// <summary>The log is clean, and knows nothing of the changes: it is emptied, as ntfs-3g empties it, and Windows begins a new one.</summary>
    private void EmptyLog()
    {
        if (_logIsEmpty)
        {
            return;
        }

        var log = _volume.Table.GetNode(FileReference.LogFile);
        var data = log.Demand(AttributeType.Data);
        var (buffer, ones) = (new byte[LogChunk], new byte[LogChunk]);
        ones.AsSpan().Fill(0xFF);
        for (long at = 0; at < data.Length; at += LogChunk)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min(LogChunk, data.Length - at));
            _volume.Streams.Read(data, at, chunk, log.Where);
            if (chunk.ContainsAnyExcept((byte)0xFF))
            {
                Editors.Writer.WriteContent(data, at, ones.AsSpan(0, chunk.Length), log.Where);
            }
        }

        _logIsEmpty = true;
    }

    private NodeId Create(NodeId directory, string name, bool isDirectory)
    {
        var parent = GetDirectory(directory);
        DemandFree(parent, name);
        var node = CreateNode(parent, isDirectory, 0);
        AddName(node, parent, FileName.Make(parent.Reference, name, 0, Now));
        return new NodeId(node.Reference);
    }

    /// <summary>A new node that has no name yet.</summary>
    private NtfsNode CreateNode(NtfsNode parent, bool isDirectory, uint flags)
    {
        var record = Editors.Records.Allocate(Editors.Saver.Save);
        record.Flags = (ushort)(MftRecord.InUseFlag | (isDirectory ? MftRecord.DirectoryFlag : 0));
        record.Links = 1;
        var node = new NtfsNode(record);
        _volume.Table.Adopt(node);
        var securityId = StandardInformation.SecurityIdOf(parent);
        node.Attributes.Add(new NtfsAttribute(AttributeType.StandardInformation, "") { Value = StandardInformation.Make(securityId, flags | (isDirectory ? 0 : StandardInformation.ArchiveFlag), Now) });
        if (securityId == 0)
        {
            node.Attributes.Add(new NtfsAttribute(AttributeType.SecurityDescriptor, "") { Value = StandardInformation.DefaultDescriptor(isDirectory) });
        }

        node.Attributes.Add(isDirectory
            ? new NtfsAttribute(AttributeType.IndexRoot, IndexReader.DirectoryIndex) { Value = IndexEditor.MakeRoot(_volume.Boot) }
            : new NtfsAttribute(AttributeType.Data, "") { Value = [] });
        return node;
    }

    /// <summary>Adds a name to a file and to the directory, with an alias where the volume has them, and writes both.</summary>
    private void AddName(NtfsNode node, NtfsNode parent, FileName name, bool needsAlias = false)
    {
        FileName[] names = [name.In(FileName.Posix)];

        // A file has one alias at most: further names of it have none, in Windows too.
        var wantsAlias = (needsAlias || MakesAliases) && !node.Names.Any(other => other.Namespace is FileName.Dos or FileName.WindowsAndDos);
        if (wantsAlias && ShortAlias.IsShort(name.Name))
        {
            name.In(FileName.WindowsAndDos);
        }
        else if (wantsAlias && ShortAlias.Make(name.Name, alias => alias.Equals(name.Name, StringComparison.OrdinalIgnoreCase) || _volume.FindEntry(parent, alias) is not null) is { } alias)
        {
            names = [name.In(FileName.Windows), name.With(parent.Reference, alias).In(FileName.Dos)];
        }

        foreach (var one in names)
        {
            StandardInformation.CopyTo(node, _volume.Boot.ClusterSize, TagOf(node), one.Raw);
            node.Attributes.Add(new NtfsAttribute(AttributeType.FileName, "") { Value = one.Raw, ResidentFlags = 1 });
        }

        var links = node.Attributes.Count(attribute => attribute.Type == AttributeType.FileName);
        node.Record.Links = links <= MostLinks ? (ushort)links : throw NtfsDiagnostics.Unchangeable.ToException($"it would have {links} names, {MostLinks} are possible", node.Where);
        Editors.Save(node);
        foreach (var one in names)
        {
            Editors.Directory(parent).Insert(IndexEntry.Make(node.Reference, one.Raw), Editors.ByName(one.Name, parent.Where));
        }

        Touch(parent);
    }

    private uint TagOf(NtfsNode node) => _volume.ReadReparsePoint(node)?.Tag ?? 0;

    private void Touch(NtfsNode directory)
    {
        StandardInformation.Change(directory, Now, 0, 0, isContent: true);
        Editors.Save(directory);
        UpdateNames(directory);
    }

    private void Changed(NtfsNode node)
    {
        var hasHoles = node.Attributes.Any(attribute => attribute is { Type: AttributeType.Data, IsSparse: true });
        StandardInformation.Change(node, Now, StandardInformation.ArchiveFlag, hasHoles ? 0 : StandardInformation.SparseFlag, isContent: true);
        Editors.Save(node);
        UpdateNames(node);
    }

    /// <summary>Directories repeat times and sizes of their files.</summary>
    private void UpdateNames(NtfsNode node)
    {
        var tag = TagOf(node);
        foreach (var name in node.Names.ToArray())
        {
            var parent = _volume.Table.GetNode(name.Parent);
            var compare = Editors.ByName(name.Name, parent.Where);
            Editors.Directory(parent).Update(compare, entry =>
            {
                if (entry.Reference == node.Reference)
                {
                    StandardInformation.CopyTo(node, _volume.Boot.ClusterSize, tag, entry.Body.AsSpan(IndexEntry.HeaderSize));
                }
            });
            Editors.Save(parent);
        }
    }

    private (NtfsNode Node, NtfsAttribute Data) GetChangeableFile(NodeId file)
    {
        var node = GetFile(file);
        var data = node.Find(AttributeType.Data);
        if (data is null)
        {
            data = new NtfsAttribute(AttributeType.Data, "") { Value = [] };
            node.Attributes.Add(data);
        }

        if (data.IsEncrypted)
        {
            throw NtfsDiagnostics.Encrypted.ToException("it cannot be written without its key", node.Where);
        }

        if (_volume.ReadReparsePoint(node) is not { } reparse)
        {
            return (node, data);
        }

        return reparse.Tag == ReparsePoint.CompressedFile
            ? (node, Unpack(node, data, reparse))
            : throw NtfsDiagnostics.Unchangeable.ToException($"its content is kept elsewhere (reparse tag 0x{reparse.Tag:x8})", node.Where);
    }

    /// <summary>Makes a compressed system file an ordinary one, as Windows does when it is written to.</summary>
    private NtfsAttribute Unpack(NtfsNode node, NtfsAttribute old, ReparsePoint reparse)
    {
        var length = old.Length;
        var packed = new CompressedSystemFile(_volume.Streams, node, reparse, length);
        var data = new NtfsAttribute(AttributeType.Data, "") { Value = [] };
        node.Attributes[node.Attributes.IndexOf(old)] = data;
        if (length > 0)
        {
            Editors.Data.Replace(node, data, (offset, count) =>
            {
                var content = new byte[count];
                packed.Read(offset, content);
                return content;
            }, length);
        }

        Editors.Clusters.Free(old);
        RemoveReparsePoint(node, reparse.Tag);
        if (node.Find(AttributeType.Data, CompressedSystemFile.StreamName) is { } stream)
        {
            Editors.Clusters.Free(stream);
            node.Attributes.Remove(stream);
        }

        StandardInformation.Change(node, Now, 0, StandardInformation.ReparseFlag | StandardInformation.SparseFlag, isContent: false);
        return data;
    }

    private void RemoveReparsePoint(NtfsNode node, uint tag)
    {
        Editors.RemoveFromExtension("$Reparse", "$R", ReparseKey(node, tag));
        if (node.Find(AttributeType.ReparsePoint) is { } attribute)
        {
            Editors.Clusters.Free(attribute);
            node.Attributes.Remove(attribute);
        }
    }
}
