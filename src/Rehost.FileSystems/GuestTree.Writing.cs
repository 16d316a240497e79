using Rehost.Model;

namespace Rehost.FileSystems;

/// <content>Writing.</content>
public sealed partial class GuestTree
{
    private static readonly NodeAttributes DefaultFile = new(0x1A4); // 0644
    private static readonly NodeAttributes DefaultDirectory = new(0x1ED); // 0755
    private static readonly NodeAttributes DefaultLink = new(0x1FF); // 0777

    /// <summary>
    /// Replaces the content of a file, or makes one. Links are followed, also a dangling one. An existing file keeps inode, owner, mode, names and extended attributes.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its whole new content.</param>
    /// <param name="attributesIfNew">Owner and mode of a new file; 0644 root:root when null.</param>
    /// <param name="labelIfNew">
    /// SELinux label of a new file. When null, it is taken from the neighbours if they have one: what most regular files of the directory have, else the directory's own.
    /// </param>
    /// <returns>The file as it is now.</returns>
    /// <exception cref="DiagnosticException">The directory is missing (FIL001), something else than a file is there (FIL002), or there is no room (FIL004).</exception>
    public GuestNode WriteFile(string path, ReadOnlySpan<byte> content, NodeAttributes? attributesIfNew = null, string? labelIfNew = null)
    {
        var file = OpenForWriting(path, attributesIfNew, labelIfNew);
        file.FileSystem.Write(file.Node, 0, content);
        return FinishWriting(file, content.Length);
    }

    /// <summary>As the other form, for content too large to be held in one piece: the segments are written one after another.</summary>
    /// <param name="path">The file.</param>
    /// <param name="segments">Its whole new content, in pieces.</param>
    /// <param name="attributesIfNew">Owner and mode of a new file; 0644 root:root when null.</param>
    /// <param name="labelIfNew">SELinux label of a new file; taken from the neighbours when null.</param>
    /// <returns>The file as it is now.</returns>
    /// <exception cref="DiagnosticException">The directory is missing (FIL001), something else than a file is there (FIL002), or there is no room (FIL004).</exception>
    public GuestNode WriteFile(string path, IEnumerable<ReadOnlyMemory<byte>> segments, NodeAttributes? attributesIfNew = null, string? labelIfNew = null)
    {
        ArgumentNullException.ThrowIfNull(segments);
        var file = OpenForWriting(path, attributesIfNew, labelIfNew);
        long offset = 0;
        foreach (var segment in segments)
        {
            file.FileSystem.Write(file.Node, offset, segment.Span);
            offset += segment.Length;
        }

        return FinishWriting(file, offset);
    }

    /// <summary>Removes a file, link or device node by its name; a link at the end is removed itself.</summary>
    /// <returns>False when nothing was there.</returns>
    /// <exception cref="DiagnosticException">It is a directory (FIL002).</exception>
    public bool DeleteFile(string path)
    {
        var (found, parent, name) = Walk(path, followLast: false, throwOnLoop: true);
        if (found is null)
        {
            return false;
        }

        if (found.Kind == NodeKind.Directory || parent is null || name is null)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("found a directory, needed something that is none", path);
        }

        parent.FileSystem.Unlink(parent.Node, name);
        return true;
    }

    /// <summary>Removes an empty directory; a link to one is not followed.</summary>
    /// <exception cref="DiagnosticException">It is missing (FIL001), no directory, the root or a mount point (FIL002), or not empty.</exception>
    public void DeleteDirectory(string path)
    {
        var (found, parent, name) = Walk(path, followLast: false, throwOnLoop: true);
        if (found is null)
        {
            throw FileSystemDiagnostics.NotFound.ToException("no such file or directory in the guest", path);
        }

        if (found.Kind != NodeKind.Directory || parent is null || name is null || !ReferenceEquals(found.FileSystem, parent.FileSystem))
        {
            throw FileSystemDiagnostics.WrongKind.ToException("needed a directory that is neither the root nor a mount point", path);
        }

        parent.FileSystem.RemoveDirectory(parent.Node, name);
    }

    /// <summary>Makes a directory and those above it that are missing; those that exist stay as they are.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="attributesIfNew">Owner and mode of new directories; 0755 root:root when null.</param>
    /// <returns>The directory.</returns>
    /// <exception cref="DiagnosticException">Something else than a directory is in the way (FIL002).</exception>
    public GuestNode CreateDirectories(string path, NodeAttributes? attributesIfNew = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        var reached = "";
        var directory = Resolve("/");
        foreach (var component in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            reached += "/" + component;
            var (found, parent, name) = Walk(reached, followLast: true, throwOnLoop: true);
            if (found is null && parent is not null && name is not null)
            {
                var node = parent.FileSystem.CreateDirectory(parent.Node, name, attributesIfNew ?? DefaultDirectory);
                SetLabel(parent.FileSystem, node, parent.FileSystem.GetExtendedAttributes(parent.Node).GetValueOrDefault(GuestLabel.AttributeName));
                found = new GuestNode(parent.FileSystem, node, parent.FileSystem.GetMetadata(node), Combine(parent.Path, name));
            }

            directory = found is { Kind: NodeKind.Directory }
                ? found
                : throw FileSystemDiagnostics.WrongKind.ToException("something that is no directory is in the way", reached);
        }

        return directory;
    }

    /// <summary>Makes a symbolic link.</summary>
    /// <param name="path">The link.</param>
    /// <param name="target">What it says.</param>
    /// <param name="replace">Whether an existing file or link of that name is replaced; a link that says the same already is left alone.</param>
    /// <param name="attributes">Owner of the link; root when null.</param>
    /// <exception cref="DiagnosticException">The directory is missing (FIL001), the name is taken (FIL003), or by a directory (FIL002).</exception>
    public GuestNode CreateSymbolicLink(string path, string target, bool replace = false, NodeAttributes? attributes = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        var (found, parent, name) = Walk(path, followLast: false, throwOnLoop: true);
        if (found is not null)
        {
            if (!replace)
            {
                throw FileSystemDiagnostics.Exists.ToException($"found {found.Kind} where a link to {target} was to be made", path);
            }

            if (found.Kind == NodeKind.SymbolicLink && found.FileSystem.ReadLink(found.Node) == target)
            {
                return found;
            }

            DeleteFile(path);
        }

        if (parent is null || string.IsNullOrEmpty(name))
        {
            throw FileSystemDiagnostics.NotFound.ToException("the directory for the link does not exist", path);
        }

        var node = parent.FileSystem.CreateSymbolicLink(parent.Node, name, target, attributes ?? DefaultLink);
        SetLabel(parent.FileSystem, node, parent.FileSystem.GetExtendedAttributes(parent.Node).GetValueOrDefault(GuestLabel.AttributeName));
        return new GuestNode(parent.FileSystem, node, parent.FileSystem.GetMetadata(node), Combine(parent.Path, name));
    }

    /// <summary>Moves a name within one file system; an existing target file is replaced. A link at either end is taken itself.</summary>
    /// <exception cref="DiagnosticException">The source or the target's directory is missing (FIL001), or they are on different file systems (FIL002).</exception>
    public void Rename(string source, string target)
    {
        var from = Walk(source, followLast: false, throwOnLoop: true);
        var to = Walk(target, followLast: false, throwOnLoop: true);
        if (from.Found is null || from.Parent is null || from.Name is null)
        {
            throw FileSystemDiagnostics.NotFound.ToException("no such file or directory in the guest", source);
        }

        if (to.Parent is null || string.IsNullOrEmpty(to.Name))
        {
            throw FileSystemDiagnostics.NotFound.ToException("the directory to move to does not exist", target);
        }

        if (!ReferenceEquals(from.Parent.FileSystem, to.Parent.FileSystem) || !ReferenceEquals(from.Found.FileSystem, from.Parent.FileSystem))
        {
            throw FileSystemDiagnostics.WrongKind.ToException($"a name cannot be moved to another file system ({target})", source);
        }

        from.Parent.FileSystem.Rename(from.Parent.Node, from.Name, to.Parent.Node, to.Name);
    }

    /// <summary>Sets permission bits; links are followed.</summary>
    /// <exception cref="DiagnosticException">Missing (FIL001).</exception>
    public void SetMode(string path, int permissions)
    {
        var node = Resolve(path);
        node.FileSystem.SetMode(node.Node, permissions);
    }

    /// <summary>Sets owner and group.</summary>
    /// <exception cref="DiagnosticException">Missing (FIL001).</exception>
    public void SetOwner(string path, uint uid, uint gid, bool followLast = true)
    {
        var node = Resolve(path, followLast);
        node.FileSystem.SetOwner(node.Node, uid, gid);
    }

    /// <summary>Sets an extended attribute, name with namespace; a null value removes it.</summary>
    /// <exception cref="DiagnosticException">Missing (FIL001), or there is no room (FIL004).</exception>
    public void SetExtendedAttribute(string path, string name, byte[]? value, bool followLast = true)
    {
        var node = Resolve(path, followLast);
        node.FileSystem.SetExtendedAttribute(node.Node, name, value);
    }

    private GuestNode OpenForWriting(string path, NodeAttributes? attributesIfNew, string? labelIfNew)
    {
        var (found, parent, name) = Walk(path, followLast: true, throwOnLoop: true);
        if (found is not null)
        {
            return found.Kind == NodeKind.File ? found : throw FileSystemDiagnostics.WrongKind.ToException($"found {found.Kind}, needed {NodeKind.File}", path);
        }

        if (parent is null || name is null || path.EndsWith('/'))
        {
            throw FileSystemDiagnostics.NotFound.ToException("the directory for the file does not exist", path);
        }

        var label = labelIfNew is null ? GuestLabel.FromNeighbours(parent) : GuestLabel.Encode(labelIfNew);
        var node = parent.FileSystem.CreateFile(parent.Node, name, attributesIfNew ?? DefaultFile);
        SetLabel(parent.FileSystem, node, label);
        return new GuestNode(parent.FileSystem, node, parent.FileSystem.GetMetadata(node), Combine(parent.Path, name));
    }

    private static GuestNode FinishWriting(GuestNode file, long length)
    {
        file.FileSystem.SetLength(file.Node, length);
        return file with { Metadata = file.FileSystem.GetMetadata(file.Node) };
    }

    private static void SetLabel(IFileSystem fileSystem, NodeId node, byte[]? label)
    {
        if (label is not null)
        {
            fileSystem.SetExtendedAttribute(node, GuestLabel.AttributeName, label);
        }
    }
}
