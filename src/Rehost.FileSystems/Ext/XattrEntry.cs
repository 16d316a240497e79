namespace Rehost.FileSystems.Ext;

/// <summary>One extended attribute as stored.</summary>
/// <param name="Index">Number that stands for the name's prefix.</param>
/// <param name="Name">The rest of the name.</param>
/// <param name="Value">The value in its form on disk; empty when it is in an inode of its own.</param>
/// <param name="ValueInode">The inode that holds the value (ea_inode); 0 when it is here.</param>
/// <param name="ValueSize">Bytes of the value.</param>
/// <param name="Hash">e_hash as stored.</param>
internal sealed record XattrEntry(byte Index, byte[] Name, byte[] Value, uint ValueInode, uint ValueSize, uint Hash)
{
    internal bool IsInlineData => Index == XattrNames.SystemIndex && Name.AsSpan().SequenceEqual("data"u8);
}
