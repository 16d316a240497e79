namespace Rehost.FileSystems.Ext;

/// <summary>Gives back an inode that no name leads to any more, with all that it holds.</summary>
internal sealed class NodeRemover(XattrWriter xattrs, FileWriter files, InodeAllocator inodes)
{
    internal void Delete(ExtInode inode)
    {
        xattrs.ReleaseAll(inode);
        files.Truncate(inode);
        inodes.Free(inode);
    }
}
