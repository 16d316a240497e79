namespace Rehost.FileSystems.Ntfs;

/// <content>Changes.</content>
public sealed partial class NtfsFileSystem
{
    private Model.DiagnosticException NotYet() => FileSystemDiagnostics.NotWritable.ToException(_readOnlyReason ?? "NTFS is not written yet");

    /// <inheritdoc/>
    public NodeId CreateFile(NodeId directory, string name, NodeAttributes attributes) => throw NotYet();

    /// <inheritdoc/>
    public NodeId CreateDirectory(NodeId directory, string name, NodeAttributes attributes) => throw NotYet();

    /// <inheritdoc/>
    public NodeId CreateSymbolicLink(NodeId directory, string name, string target, NodeAttributes attributes) => throw NotYet();

    /// <inheritdoc/>
    public void Write(NodeId file, long offset, ReadOnlySpan<byte> data) => throw NotYet();

    /// <inheritdoc/>
    public void SetLength(NodeId file, long length) => throw NotYet();

    /// <inheritdoc/>
    public void Rename(NodeId sourceDirectory, string sourceName, NodeId targetDirectory, string targetName) => throw NotYet();

    /// <inheritdoc/>
    public void Unlink(NodeId directory, string name) => throw NotYet();

    /// <inheritdoc/>
    public void RemoveDirectory(NodeId directory, string name) => throw NotYet();

    /// <inheritdoc/>
    public void SetMode(NodeId node, int permissions) => throw NotYet();

    /// <inheritdoc/>
    public void SetOwner(NodeId node, uint uid, uint gid) => throw NotYet();

    /// <inheritdoc/>
    public void SetExtendedAttribute(NodeId node, string name, byte[]? value) => throw NotYet();

    /// <inheritdoc/>
    public void Flush()
    {
    }
}
