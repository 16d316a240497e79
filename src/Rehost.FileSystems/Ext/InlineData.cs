namespace Rehost.FileSystems.Ext;

/// <summary>Content small enough to be kept in the inode (feature inline_data): 60 bytes where block numbers would be, the rest in the attribute system.data.</summary>
internal static class InlineData
{
    /// <summary>A directory's inline content starts with the number of its parent.</summary>
    internal const int ParentSize = 4;

    /// <summary>The stored bytes of a file of that size; what lies after them reads as zeros, because mke2fs -d keeps a file that is one large hole as inline data.</summary>
    internal static byte[] Read(ExtInode inode, long size)
    {
        var rest = Rest(inode);
        var content = new byte[(int)Math.Min(size, ExtInode.BlockAreaLength + rest.Length)];
        inode.BlockArea[..Math.Min(content.Length, ExtInode.BlockAreaLength)].CopyTo(content);
        if (content.Length > ExtInode.BlockAreaLength)
        {
            rest.AsSpan(0, content.Length - ExtInode.BlockAreaLength).CopyTo(content.AsSpan(ExtInode.BlockAreaLength));
        }

        return content;
    }

    /// <summary>What did not fit into the first 60 bytes.</summary>
    internal static byte[] Rest(ExtInode inode) =>
        XattrReader.ReadBody(inode).FirstOrDefault(entry => entry.IsInlineData) switch
        {
            null => [],
            { ValueInode: not 0 } => throw ExtDiagnostics.BadInlineData.ToException("its content is said to be in another inode", inode.Where),
            var entry => entry.Value,
        };
}
