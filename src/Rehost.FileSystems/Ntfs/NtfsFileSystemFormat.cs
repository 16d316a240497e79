using Rehost.Blocks;

namespace Rehost.FileSystems.Ntfs;

/// <summary>NTFS in the list of known file systems.</summary>
public sealed class NtfsFileSystemFormat : IFileSystemFormat
{
    /// <inheritdoc/>
    public string Name => "ntfs";

    /// <inheritdoc/>
    public bool Identify(IBlockDevice device) => NtfsFileSystem.Identify(device);

    /// <inheritdoc/>
    public IFileSystem Open(IBlockDevice device, FileSystemOpenOptions options) => NtfsFileSystem.Open(device, options);
}
