namespace Rehost.FileSystems.Btrfs;

/// <content>rename(2).</content>
public sealed partial class BtrfsFileSystem
{
    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName)
    {
        if (sourceDirectory != SubvolumeNumbers.Nothing
            && (targetDirectory == SubvolumeNumbers.Nothing || _numbers.Of(sourceDirectory).Subvolume != _numbers.Of(targetDirectory).Subvolume))
        {
            throw FileSystemDiagnostics.NotWritable.ToException("a name is not moved into another subvolume: copy the file instead", targetName);
        }

        Edit(grows: true, sourceDirectory, [], (tree, number, _) =>
        {
            var (sourceBytes, targetBytes) = (EncodeName(sourceName), EncodeName(targetName));
            var source = GetDirectory(tree, number);
            var target = targetDirectory == sourceDirectory ? source : GetDirectory(tree, _numbers.Of(targetDirectory).Inode);
            var found = FindExisting(sourceDirectory, sourceName);
            DemandSameSubvolume(sourceDirectory, found);
            if (found.Kind == NodeKind.Directory && target != source)
            {
                DemandOutside(tree, InodeOf(found), target.Number, targetName);
            }

            var moved = BtrfsInodeItem.Read(tree.Reading, InodeOf(found));
            if (Lookup(targetDirectory, targetName) is { } replaced)
            {
                if (replaced.Node == found.Node)
                {
                    return sourceDirectory; // two names of the same file: rename(2) does nothing
                }

                Replace(tree, target, targetDirectory, targetBytes, found, replaced);
            }

            RemoveName(tree, source, sourceBytes, moved.Number);
            AddName(tree, target, targetBytes, moved);
            StoreChanged(tree, moved, isModified: false);
            StoreChanged(tree, source, isModified: true);
            if (target != source)
            {
                StoreChanged(tree, target, isModified: true);
            }

            return targetDirectory;
        });
    }

    private void Replace(BtrfsChangedTree tree, BtrfsInodeItem target, NodeId targetDirectory, byte[] name, DirectoryEntry moved, DirectoryEntry replaced)
    {
        if (moved.Kind == NodeKind.Directory)
        {
            DemandEmptyDirectory(tree, targetDirectory, replaced);
            RemoveName(tree, target, name, InodeOf(replaced));
            RemoveInode(tree, InodeOf(replaced));
            return;
        }

        if (replaced.Kind == NodeKind.Directory)
        {
            throw FileSystemDiagnostics.WrongKind.ToException("it is a directory, and something else was to replace it", replaced.Name);
        }

        RemoveName(tree, target, name, InodeOf(replaced));
        DropLink(tree, BtrfsInodeItem.Read(tree.Reading, InodeOf(replaced)));
    }

    /// <summary>A directory must not be moved into itself.</summary>
    private static void DemandOutside(BtrfsChangedTree tree, ulong moved, ulong target, string name)
    {
        var visited = new HashSet<ulong>();
        for (var ancestor = target; ancestor != BtrfsRoots.FirstInode;)
        {
            if (ancestor == moved)
            {
                throw FileSystemDiagnostics.WrongKind.ToException("a directory cannot be moved into itself", name);
            }

            if (!visited.Add(ancestor) || tree.Reading.Of(ancestor, BtrfsKey.InodeRef).Select(item => (BtrfsKey?)item.Key).FirstOrDefault() is not { } parent)
            {
                throw BtrfsDiagnostics.BadItem.ToException("its parents do not lead to the root", $"directory {ancestor}");
            }

            ancestor = parent.Offset;
        }
    }
}
