namespace Rehost.FileSystems.Ntfs;

/// <content>Removing and moving names.</content>
public sealed partial class NtfsFileSystem
{
    private const int DeepestDirectory = 4096;

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetDirectory(directory);
        var (node, found) = FindExisting(parent, name);
        if (KindOf(node) == NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to be removed", name);
        }

        Delete(parent, node, found);
        return directory;
    });

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name) => Edit(() =>
    {
        var parent = GetDirectory(directory);
        var (node, found) = FindExisting(parent, name);
        DemandEmpty(node, name);
        Delete(parent, node, found);
        return directory;
    });

    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName) => Edit(() =>
    {
        WindowsName.Demand(targetName);
        var (source, target) = (GetDirectory(sourceDirectory), GetDirectory(targetDirectory));
        var (moved, name) = FindExisting(source, sourceName);
        var isDirectory = KindOf(moved) == NodeKind.Directory;
        if (isDirectory && source != target)
        {
            DemandOutside(moved, target, targetName);
        }

        if (_volume.FindEntry(target, targetName) is { } entry)
        {
            DemandUserFile(entry, targetName);
            var replaced = _volume.Table.GetNode(entry.Reference);
            var replacedName = FileName.Parse(entry.Key, target.Where);
            if (replaced == moved && (source != target || !IsSameName(moved, name, replacedName)))
            {
                return sourceDirectory; // two names of the same file: rename(2) does nothing
            }

            if (replaced == moved && replacedName.Name == targetName)
            {
                return sourceDirectory;
            }

            if (replaced != moved)
            {
                if (isDirectory)
                {
                    DemandEmpty(replaced, targetName);
                }
                else if (KindOf(replaced) == NodeKind.Directory)
                {
                    throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to replace it", targetName);
                }

                Delete(target, replaced, replacedName);
            }
        }

        var hadAlias = PairOf(moved, name).Any(one => one.Namespace == FileName.Dos);
        RemoveNames(source, moved, name);
        StandardInformation.Change(moved, Now, 0, 0, isContent: false);
        AddName(moved, target, name.With(target.Reference, targetName), hadAlias);
        if (source != target)
        {
            Touch(source);
        }

        UpdateNames(moved);
        return targetDirectory;
    });

    private (NtfsNode Node, FileName Name) FindExisting(NtfsNode parent, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length is 0 or > WindowsName.LongestName || _volume.FindEntry(parent, name) is not { } entry)
        {
            throw FileSystemDiagnostics.NotFound.ToException("no such name in the directory", name);
        }

        DemandUserFile(entry, name);
        return (_volume.Table.GetNode(entry.Reference), FileName.Parse(entry.Key, parent.Where));
    }

    private static void DemandUserFile(IndexEntry entry, string name)
    {
        if (!IsShown(entry))
        {
            throw NtfsDiagnostics.Unchangeable.ToException("it is a file of the file system itself", name);
        }
    }

    private void DemandEmpty(NtfsNode node, string name)
    {
        if (KindOf(node) != NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("a directory is needed, it is none", name);
        }

        if (_volume.OpenDirectory(node).Entries().Any())
        {
            throw FileSystemDiagnostics.NotEmpty.ToException("the directory has entries", name);
        }
    }

    /// <summary>A directory must not be moved into itself.</summary>
    private void DemandOutside(NtfsNode moved, NtfsNode target, string name)
    {
        var ancestor = target;
        for (var depth = 0; ancestor.Number != FileReference.Root; depth++)
        {
            if (ancestor == moved)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("a directory cannot be moved into itself", name);
            }

            var up = ancestor.Names.FirstOrDefault();
            if (depth > DeepestDirectory || up is null)
            {
                throw NtfsDiagnostics.BadIndex.ToException("its parents do not lead to the root", ancestor.Where);
            }

            ancestor = _volume.Table.GetNode(up.Parent);
        }
    }

    /// <summary>Whether two entries are one name: itself, or a long name and its alias.</summary>
    private static bool IsSameName(NtfsNode node, FileName left, FileName right)
        => left.Name == right.Name || PairOf(node, left).Any(name => name.Name == right.Name);

    /// <summary>A name and the alias or long name that goes with it.</summary>
    private static FileName[] PairOf(NtfsNode node, FileName name)
    {
        var all = node.Names.Where(other => FileReference.Number(other.Parent) == FileReference.Number(name.Parent));
        return
        [
            .. all.Where(other => other.Name == name.Name || (name.Namespace == FileName.Windows && other.Namespace == FileName.Dos) || (name.Namespace == FileName.Dos && other.Namespace == FileName.Windows)),
        ];
    }

    private void Delete(NtfsNode parent, NtfsNode node, FileName name)
    {
        var tag = TagOf(node);
        RemoveNames(parent, node, name);
        if (node.Names.Any())
        {
            StandardInformation.Change(node, Now, 0, 0, isContent: false);
            Editors.Save(node);
            UpdateNames(node);
        }
        else
        {
            if (tag != 0)
            {
                RemoveReparsePoint(node, tag);
            }

            if (node.Find(AttributeType.ObjectId) is { Value.Length: >= 16 } id)
            {
                Editors.RemoveFromExtension("$ObjId", "$O", id.Value[..16]);
            }

            Editors.Saver.Delete(node);
        }

        Touch(parent);
    }

    /// <summary>Takes a name, with its alias, out of the directory and out of the file; the caller writes the file.</summary>
    private void RemoveNames(NtfsNode parent, NtfsNode node, FileName name)
    {
        var index = Editors.Directory(parent);
        foreach (var one in PairOf(node, name))
        {
            if (!index.Remove(Editors.ByName(one.Name, parent.Where)))
            {
                throw NtfsDiagnostics.BadIndex.ToException($"it does not list '{one.Name}', which a file of it has as its name", parent.Where);
            }

            node.Attributes.RemoveAll(attribute => attribute.Type == AttributeType.FileName && attribute.Value is { } value && value.AsSpan(0, 8).SequenceEqual(one.Raw.AsSpan(0, 8))
                && FileName.Parse(value, node.Where).Name == one.Name);
        }

        node.Record.Links = (ushort)node.Attributes.Count(attribute => attribute.Type == AttributeType.FileName);
        Editors.Save(parent);
    }
}
