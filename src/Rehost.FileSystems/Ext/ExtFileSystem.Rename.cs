namespace Rehost.FileSystems.Ext;

/// <content>rename(2).</content>
public sealed partial class ExtFileSystem
{
    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName) => Edit(() =>
    {
        var source = GetChangeableDirectory(sourceDirectory);
        var target = targetDirectory == sourceDirectory ? source : GetChangeableDirectory(targetDirectory);
        var sourceBytes = EncodeName(sourceName);
        var targetBytes = EncodeName(targetName);
        var moved = FindExisting(source, sourceBytes, sourceName);
        if (moved.IsDirectory && targetDirectory != sourceDirectory)
        {
            DemandOutside(moved, target, targetName);
        }

        var replaced = _volume.Directories.Find(target, targetBytes) is { } found ? _volume.Inodes.GetUser(found.Inode) : null;
        if (replaced?.Number == moved.Number)
        {
            // Two names of the same file: rename(2) does nothing.
            return sourceDirectory;
        }

        if (replaced is not null)
        {
            DemandReplaceable(moved, replaced, targetName);
            Editors.Directories.Redirect(target, targetBytes, moved.Number, FileTypeOf(moved));
        }
        else
        {
            Editors.Directories.Insert(target, targetBytes, moved.Number, FileTypeOf(moved));
        }

        Editors.Directories.Remove(source, sourceBytes);
        if (moved.IsDirectory)
        {
            DropSubdirectory(source);
            if (replaced is null)
            {
                AddSubdirectory(target);
            }

            if (source != target)
            {
                Editors.Directories.Redirect(moved, ".."u8.ToArray(), target.Number, FileTypeOf(target));
            }
        }

        moved.SetChanged(_timestamp);
        _volume.Inodes.Put(moved);
        Touch(source);
        if (source != target)
        {
            Touch(target);
        }

        if (replaced is { IsDirectory: true })
        {
            Editors.Remover.Delete(replaced);
        }
        else if (replaced is not null)
        {
            DropLink(replaced);
        }

        return targetDirectory;
    });

    private void DemandReplaceable(ExtInode moved, ExtInode replaced, string name)
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
    private void DemandOutside(ExtInode moved, ExtInode target, string name)
    {
        var visited = new HashSet<uint>();
        for (var ancestor = target; ancestor.Number != InodeTable.RootInode;)
        {
            if (ancestor.Number == moved.Number)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("a directory cannot be moved into itself", name);
            }

            if (!visited.Add(ancestor.Number) || _volume.Directories.Find(ancestor, ".."u8) is not { } parent)
            {
                throw ExtDiagnostics.BadDirectory.ToException("its parents do not lead to the root", ancestor.Where);
            }

            ancestor = GetDirectory(new NodeId(parent.Inode));
        }
    }
}
