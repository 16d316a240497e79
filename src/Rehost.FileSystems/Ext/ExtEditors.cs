namespace Rehost.FileSystems.Ext;

/// <summary>The parts that write a file system, put together.</summary>
internal sealed class ExtEditors
{
    internal ExtEditors(ExtVolume volume)
    {
        Superblock = new SuperblockEditor(volume);
        var blocks = new BlockAllocator(volume, Superblock);
        Inodes = new InodeAllocator(volume, Superblock, blocks);
        Files = new FileWriter(volume, blocks, Superblock);
        Xattrs = new XattrWriter(volume, blocks, new XattrInodes(volume, Inodes, Files), Superblock);
        Directories = new DirectoryWriter(volume, Files, blocks);
        Remover = new NodeRemover(Xattrs, Files, Inodes);
    }

    internal SuperblockEditor Superblock { get; }

    internal InodeAllocator Inodes { get; }

    internal FileWriter Files { get; }

    internal XattrWriter Xattrs { get; }

    internal DirectoryWriter Directories { get; }

    internal NodeRemover Remover { get; }
}
