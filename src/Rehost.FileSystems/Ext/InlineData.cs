namespace Rehost.FileSystems.Ext;

/// <summary>Content small enough to be kept in the inode (feature inline_data): 60 bytes where block numbers would be, the rest in the attribute system.data.</summary>
internal static class InlineData
{
    /// <summary>A directory's inline content starts with the number of its parent.</summary>
    internal const int ParentSize = 4;

    internal static byte[] Read(ExtInode inode, int length)
    {
        var rest = Rest(inode);
        if (length > ExtInode.BlockAreaLength + rest.Length)
        {
            throw ExtDiagnostics.BadInlineData.ToException($"its size is {length}, and only {ExtInode.BlockAreaLength + rest.Length} bytes are there", inode.Where);
        }

        var content = new byte[length];
        inode.BlockArea[..Math.Min(length, ExtInode.BlockAreaLength)].CopyTo(content);
        if (length > ExtInode.BlockAreaLength)
        {
            rest.AsSpan(0, length - ExtInode.BlockAreaLength).CopyTo(content.AsSpan(ExtInode.BlockAreaLength));
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
