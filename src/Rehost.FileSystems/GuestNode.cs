namespace Rehost.FileSystems;

/// <summary>A node of the guest, found by its path in a <see cref="GuestTree"/>.</summary>
/// <param name="FileSystem">The mounted file system that holds it.</param>
/// <param name="Node">The node in that file system.</param>
/// <param name="Metadata">Kind, mode, owner, size as they were when the path was resolved.</param>
/// <param name="Path">The canonical path: absolute, without links, "." and "..".</param>
public sealed record GuestNode(IFileSystem FileSystem, NodeId Node, NodeMetadata Metadata, string Path)
{
    /// <summary>What it is.</summary>
    public NodeKind Kind => Metadata.Kind;
}
