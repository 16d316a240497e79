using Rehost.Model;

namespace Rehost.FileSystems.Ext;

/// <content>Changes.</content>
public sealed partial class ExtFileSystem
{
    private readonly DateTimeOffset _timestamp;

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
    public void Flush() => throw NotYet();

    private static void RecoverOrphans()
    {
    }

    private DiagnosticException NotYet() => FileSystemDiagnostics.NotWritable.ToException(_readOnlyReason ?? "writing is being built " + _timestamp.Year);
}
