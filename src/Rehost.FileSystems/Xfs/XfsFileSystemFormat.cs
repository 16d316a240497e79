using Rehost.Blocks;

namespace Rehost.FileSystems.Xfs;

/// <summary>XFS in the list of known file systems.</summary>
public sealed class XfsFileSystemFormat : IFileSystemFormat
{
    /// <inheritdoc/>
    public string Name => "xfs";

    /// <inheritdoc/>
    public bool Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return XfsSuperblock.Identify(device);
    }

    /// <inheritdoc/>
    public IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options) => XfsFileSystem.Open(device, options);
}
