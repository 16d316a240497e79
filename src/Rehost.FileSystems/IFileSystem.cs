using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>
/// A file system on a block device, by inode. Paths, symbolic links and mounts are the business of GuestTree. Names are guest bytes decoded by
/// <see cref="GuestText"/>. Not safe for concurrent writers; concurrent readers are safe while nobody writes.
/// </summary>
/// <remarks>
/// Every member throws <see cref="DiagnosticException"/> on a damaged structure. Writes reach the device below at the latest in <see cref="Flush"/>; when a write
/// throws, the caller discards the overlay it writes to, so that a half-made change never becomes visible.
/// </remarks>
public interface IFileSystem : IDisposable
{
    /// <summary>Type, label, UUID, sizes and features.</summary>
    FileSystemInfo Info { get; }

    /// <summary>The root directory.</summary>
    NodeId Root { get; }

    /// <summary>Mode, owner, size and times of a node.</summary>
    NodeMetadata GetMetadata(NodeId node);

    /// <summary>Entries of a directory in on-disk order, without "." and "..".</summary>
    IEnumerable<DirectoryEntry> List(NodeId directory);

    /// <summary>Finds one entry of a directory; null when there is none.</summary>
    DirectoryEntry? Lookup(NodeId directory, string name);

    /// <summary>Reads file content. Holes and unwritten extents read as zeros.</summary>
    /// <returns>Bytes read; less than asked only at the end of the file.</returns>
    int Read(NodeId file, long offset, Span<byte> buffer);

    /// <summary>The target of a symbolic link, as stored.</summary>
    string ReadLink(NodeId link);

    /// <summary>Names (with namespace: security.selinux) and values of all extended attributes.</summary>
    IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node);

    /// <summary>Ranges of the device, in bytes, that hold nothing the file system uses; in order, coalesced. Their content need not be copied.</summary>
    IEnumerable<ByteRange> GetFreeRanges();

    /// <summary>Findings of a structural check of what can be checked cheaply: superblock, descriptors, bitmaps against counts, root directory. Empty when clean.</summary>
    IReadOnlyList<Diagnostic> Check();

    /// <summary>Makes an empty regular file.</summary>
    /// <exception cref="DiagnosticException">The name exists, is too long, or there is no room.</exception>
    NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes);

    /// <summary>Makes an empty directory.</summary>
    NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes);

    /// <summary>Makes a symbolic link.</summary>
    NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes);

    /// <summary>Writes file content, growing the file when needed; a gap becomes a hole.</summary>
    void Write(NodeId file, long offset, ReadOnlySpan<byte> data);

    /// <summary>Cuts a file or grows it by a hole.</summary>
    void SetLength(NodeId file, long length);

    /// <summary>Moves an entry; an existing target file is replaced, an existing target directory must be empty.</summary>
    void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName);

    /// <summary>Removes a name; the node goes with its last name. Not for directories.</summary>
    void Unlink(NodeId directory, string name);

    /// <summary>Removes an empty directory.</summary>
    void RemoveDirectory(NodeId directory, string name);

    /// <summary>Sets permission bits (and set-id, sticky), leaving the type.</summary>
    void SetMode(NodeId node, int permissions);

    /// <summary>Sets owner and group.</summary>
    void SetOwner(NodeId node, uint uid, uint gid);

    /// <summary>Sets an extended attribute, name with namespace; a null value removes it.</summary>
    void SetExtendedAttribute(NodeId node, string name, byte[]? value);

    /// <summary>Writes everything held in memory to the device.</summary>
    void Flush();
}
