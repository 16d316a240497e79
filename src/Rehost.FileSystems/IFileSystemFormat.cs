using Rehost.Blocks;

namespace Rehost.FileSystems;

/// <summary>One file system that Rehost knows: a cheap test and the way in.</summary>
public interface IFileSystemFormat
{
    /// <summary>What it is called: ext.</summary>
    string Name { get; }

    /// <summary>Whether the device holds this file system. Reads a few bytes, changes nothing.</summary>
    bool Identify(IBlockDevice device);

    /// <summary>Opens the file system. It uses the device but does not own it.</summary>
    /// <exception cref="Rehost.Model.DiagnosticException">The file system is damaged or uses what this code does not know.</exception>
    IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options);
}
