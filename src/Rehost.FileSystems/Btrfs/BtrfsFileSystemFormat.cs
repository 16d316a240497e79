using Rehost.Blocks;

namespace Rehost.FileSystems.Btrfs;

/// <summary>Btrfs in the list of known file systems.</summary>
public sealed class BtrfsFileSystemFormat : IFileSystemFormat
{
    /// <inheritdoc/>
    public string Name => "btrfs";

    /// <inheritdoc/>
    public bool Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return BtrfsSuperblock.Identify(device);
    }

    /// <inheritdoc/>
    public IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options) => BtrfsFileSystem.Open(device, options);
}
