using Rehost.Model;

namespace Rehost.Archives;

/// <summary>One entry of a cpio archive: everything but the content.</summary>
/// <param name="Name">As stored, decoded by <see cref="GuestText"/>; may start with "./" or "/".</param>
/// <param name="Mode">File type and permission bits, as st_mode.</param>
/// <param name="Uid">Owner.</param>
/// <param name="Gid">Group.</param>
/// <param name="Links">Number of names that share the inode.</param>
/// <param name="ModifiedSeconds">Seconds since 1970.</param>
/// <param name="Size">Bytes of content; of several names for one inode only the last has any.</param>
/// <param name="Inode">Inode number, equal for hard links on the same device.</param>
/// <param name="DeviceMajor">Of the device the file came from.</param>
/// <param name="DeviceMinor">Of the device the file came from.</param>
/// <param name="NodeMajor">Of a device node.</param>
/// <param name="NodeMinor">Of a device node.</param>
public sealed record CpioEntry(
    string Name, uint Mode, uint Uid, uint Gid, uint Links, uint ModifiedSeconds, long Size, uint Inode,
    uint DeviceMajor, uint DeviceMinor, uint NodeMajor, uint NodeMinor)
{
    /// <summary>Name without leading "./" and slashes and without a trailing slash: how the kernel sees it in a rootfs.</summary>
    public string Path { get; } = Clean(Name);

    /// <summary>Whether it is a directory.</summary>
    public bool IsDirectory => (Mode & 0xF000) == 0x4000;

    /// <summary>Whether it is a regular file.</summary>
    public bool IsFile => (Mode & 0xF000) == 0x8000;

    /// <summary>Whether it is a symbolic link; its content is the target.</summary>
    public bool IsSymbolicLink => (Mode & 0xF000) == 0xA000;

    /// <summary>Whether its content comes with another name.</summary>
    public bool IsHardLink => IsFile && Links > 1;

    private static string Clean(string name)
    {
        var start = 0;
        while (start < name.Length && (name[start] == '/' || (name[start] == '.' && start + 1 < name.Length && name[start + 1] == '/')))
        {
            start++;
        }

        return name == "." ? "" : name[start..].TrimEnd('/');
    }
}
