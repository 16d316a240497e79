namespace Rehost.Inspection.Storage;

/// <summary>One line of fstab.</summary>
/// <param name="Number">Line number, from 1.</param>
/// <param name="Device">First field.</param>
/// <param name="Path">Second field.</param>
/// <param name="Type">Third field.</param>
/// <param name="Options">Fourth field.</param>
internal sealed record FstabLine(int Number, string Device, string Path, string Type, string Options)
{
    private static readonly HashSet<string> Virtual = new(StringComparer.Ordinal)
    {
        "proc", "sysfs", "tmpfs", "devpts", "devtmpfs", "debugfs", "tracefs", "securityfs", "configfs", "cgroup", "cgroup2", "usbfs", "usbdevfs", "xenfs", "mqueue", "hugetlbfs", "binfmt_misc",
        "fusectl", "efivarfs", "rpc_pipefs", "nfsd", "ramfs", "selinuxfs", "overlay", "autofs", "nfs", "nfs4", "cifs", "smbfs", "ceph", "glusterfs", "none", "fuse", "fuse.sshfs", "9p",
    };

    /// <summary>Whether the line means a block device of the guest at all.</summary>
    public bool MeansDevice
        => !Virtual.Contains(Type) && !HasOption("bind") && !HasOption("rbind")
        && (Device.StartsWith("/dev/", StringComparison.Ordinal) || VolumeResolver.IsTag(Device));

    /// <summary>Whether the line is for swap space.</summary>
    public bool IsSwap => Type == "swap";

    /// <summary>Whether an option is set.</summary>
    public bool HasOption(string name) => Options.Split(',').Contains(name, StringComparer.Ordinal);
}
