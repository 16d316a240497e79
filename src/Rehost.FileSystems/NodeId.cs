using Rehost.Model;

namespace Rehost.FileSystems;

/// <summary>An inode number, MFT record or the like; meaningful only to the file system it came from.</summary>
/// <param name="Value">The number.</param>
public readonly record struct NodeId(ulong Value);

/// <summary>What a node is.</summary>
public enum NodeKind
{
    /// <summary>Regular file.</summary>
    File,

    /// <summary>Directory.</summary>
    Directory,

    /// <summary>Symbolic link.</summary>
    SymbolicLink,

    /// <summary>Character device.</summary>
    CharacterDevice,

    /// <summary>Block device.</summary>
    BlockDevice,

    /// <summary>Named pipe.</summary>
    Fifo,

    /// <summary>Socket.</summary>
    Socket,
}

/// <summary>One entry of a directory.</summary>
/// <param name="Name">Name, decoded by <see cref="GuestText"/>.</param>
/// <param name="Node">The node it names.</param>
/// <param name="Kind">What the node is.</param>
public readonly record struct DirectoryEntry(string Name, NodeId Node, NodeKind Kind);

/// <summary>Owner and permissions for a new node.</summary>
/// <param name="Permissions">Permission bits, octal 0000 to 7777.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
public readonly record struct NodeAttributes(int Permissions, uint Uid = 0, uint Gid = 0);

/// <summary>What a file system knows of a node besides its content.</summary>
/// <param name="Node">The node.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Permissions">Permission bits, octal 0000 to 7777.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="Length">Bytes of content; length of the target for a symbolic link.</param>
/// <param name="Links">Names that lead to it.</param>
/// <param name="Modified">Time of last change of content.</param>
/// <param name="DeviceMajor">Major number, for device nodes.</param>
/// <param name="DeviceMinor">Minor number, for device nodes.</param>
public readonly record struct NodeMetadata(
    NodeId Node, NodeKind Kind, int Permissions, uint Uid, uint Gid, long Length, uint Links, DateTimeOffset Modified, uint DeviceMajor = 0, uint DeviceMinor = 0);

/// <summary>What a file system says of itself.</summary>
public sealed record FileSystemInfo
{
    /// <summary>ext2, ext3, ext4, xfs …</summary>
    public required string Type { get; init; }

    /// <summary>Volume label; null when none.</summary>
    public string? Label { get; init; }

    /// <summary>UUID in the form that /dev/disk/by-uuid uses; null when none.</summary>
    public string? Uuid { get; init; }

    /// <summary>Bytes that the file system covers.</summary>
    public required long TotalBytes { get; init; }

    /// <summary>Bytes in use.</summary>
    public required long UsedBytes { get; init; }

    /// <summary>Allocation unit in bytes.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Feature names as the file system's own tools print them.</summary>
    public IReadOnlyList<string> Features { get; init; } = [];

    /// <summary>Whether it was unmounted cleanly (no journal to replay).</summary>
    public bool IsClean { get; init; } = true;

    /// <summary>Whether it was not unmounted cleanly, and its log was replayed when it was opened: it is clean now, and was not.</summary>
    public bool WasRecovered { get; init; }

    /// <summary>What its nodes can be given.</summary>
    public FileSystemCapabilities Capabilities { get; init; } = FileSystemCapabilities.Posix;

    /// <summary>Why it cannot be written by this code; null when it can.</summary>
    public string? ReadOnlyReason { get; init; }
}
