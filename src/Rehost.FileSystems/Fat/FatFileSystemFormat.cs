using Rehost.Blocks;

namespace Rehost.FileSystems.Fat;

/// <summary>FAT12, FAT16 and FAT32 in the list of known file systems.</summary>
public sealed class FatFileSystemFormat : IFileSystemFormat
{
    /// <inheritdoc/>
    public string Name => "fat";

    /// <inheritdoc/>
    public bool Identify(IBlockDevice device) => FatFileSystem.Identify(device);

    /// <inheritdoc/>
    public IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options) => FatFileSystem.Open(device, options);
}
