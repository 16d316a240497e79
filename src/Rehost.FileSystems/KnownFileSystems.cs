using Rehost.Blocks;
using Rehost.FileSystems.Btrfs;
using Rehost.FileSystems.Ext;
using Rehost.FileSystems.Fat;
using Rehost.FileSystems.Ntfs;
using Rehost.FileSystems.Xfs;

namespace Rehost.FileSystems;

/// <summary>The written list of file systems. A new one is a folder and a line here.</summary>
public static class KnownFileSystems
{
    /// <summary>All of them, in the order in which they are tried.</summary>
    public static IReadOnlyList<IFileSystemFormat> All { get; } =
    [
        new ExtFileSystemFormat(), new XfsFileSystemFormat(), new BtrfsFileSystemFormat(), new NtfsFileSystemFormat(),
        new FatFileSystemFormat(), // last: its boot sector says the least
    ];

    /// <summary>The format that a device holds; null when none is known.</summary>
    public static IFileSystemFormat? Identify(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return All.FirstOrDefault(format => format.Identify(device));
    }
}
