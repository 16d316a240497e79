using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.FileSystems.Fat;
using Rehost.FileSystems.Ntfs;

namespace Rehost.FileSystems;

/// <summary>The written list of file systems. A new one is a folder and a line here.</summary>
public static class KnownFileSystems
{
    /// <summary>All of them, in the order in which they are tried.</summary>
    public static IReadOnlyList<IFileSystemFormat> All { get; } = [new ExtFileSystemFormat(), new NtfsFileSystemFormat(), new FatFileSystemFormat()];

    /// <summary>The format that a device holds; null when none is known.</summary>
    public static IFileSystemFormat? Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return All.FirstOrDefault(format => format.Identify(device));
    }
}
