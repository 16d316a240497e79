using Rehost.Blocks;

namespace Rehost.FileSystems.Ext;

/// <summary>ext2, ext3 and ext4 in the list of known file systems.</summary>
public sealed class ExtFileSystemFormat : IFileSystemFormat
{
    /// <inheritdoc/>
    public string Name => "ext";

    /// <inheritdoc/>
    public bool Identify(IBlockDevice device) => ExtFileSystem.Identify(device);

    /// <inheritdoc/>
    public IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options) => ExtFileSystem.Open(device, options);
}
