using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Storage;

/// <summary>Stands for a root that cannot be read (encrypted without its key, of an unknown kind): an empty directory in which the volume with the kernels can be mounted. Nothing can be written to it.</summary>
internal sealed class SealedRoot : IFileSystem
{
    private static readonly NodeId Boot = new(2);

    public Rehost.FileSystems.FileSystemInfo Info { get; } = new Rehost.FileSystems.FileSystemInfo { Type = "sealed", TotalBytes = 0, UsedBytes = 0, BlockSize = 512, ReadOnlyReason = "it cannot even be read" };

    public NodeId Root => new(1);

    public NodeMetadata GetMetadata(NodeId node) => new(node, NodeKind.Directory, 0x1ED, 0, 0, 0, 2, default);

    public IEnumerable<DirectoryEntry> List(NodeId directory) => directory == Root ? [new DirectoryEntry("boot", Boot, NodeKind.Directory)] : [];

    public DirectoryEntry? Lookup(NodeId directory, string name) => directory == Root && name == "boot" ? new DirectoryEntry("boot", Boot, NodeKind.Directory) : null;

    public int Read(NodeId file, long offset, Span<byte> buffer) => throw Refuse();

    public string ReadLink(NodeId link) => throw Refuse();

    public IReadOnlyDictionary<string, byte[]> GetExtendedAttributes(NodeId node) => new Dictionary<string, byte[]>();

    public IEnumerable<ByteRange> GetFreeRanges() => [];

    public IReadOnlyList<Diagnostic> Check() => [];

    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => throw Refuse();

    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => throw Refuse();

    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes) => throw Refuse();

    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data) => throw Refuse();

    public void SetLength(NodeId file, long length) => throw Refuse();

    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName) => throw Refuse();

    public void Unlink(NodeId directory, string name) => throw Refuse();

    public void RemoveDirectory(NodeId directory, string name) => throw Refuse();

    public void SetMode(NodeId node, int permissions) => throw Refuse();

    public void SetOwner(NodeId node, uint uid, uint gid) => throw Refuse();

    public void SetExtendedAttribute(NodeId node, string name, byte[]? value) => throw Refuse();

    public void Flush()
    {
    }

    public void Dispose()
    {
    }

    private static DiagnosticException Refuse() => FileSystemDiagnostics.NotWritable.ToException("the root of this guest cannot be read, and is not written to");
}
