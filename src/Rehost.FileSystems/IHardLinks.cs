namespace Rehost.FileSystems;

/// <summary>A file system whose files can have further names.</summary>
public interface IHardLinks : IFileSystem
{
    /// <summary>Gives a file another name. Not for directories.</summary>
    /// <param name="directory">Where the name is made.</param>
    /// <param name="name">The name.</param>
    /// <param name="node">What it names.</param>
    /// <exception cref="Model.DiagnosticException">The name exists, there is no room, or the file has as many names as it can have.</exception>
    void CreateHardLink(NodeId directory, string name, NodeId node);
}
