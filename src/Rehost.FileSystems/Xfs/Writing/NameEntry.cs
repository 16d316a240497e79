namespace Rehost.FileSystems.Xfs.Writing;

/// <summary>One name of a directory.</summary>
internal sealed record NameEntry(byte[] Name, ulong Inode, byte Type);
