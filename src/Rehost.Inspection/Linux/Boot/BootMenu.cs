namespace Rehost.Inspection.Linux.Boot;

/// <summary>An entry of a boot menu as its file spells it.</summary>
/// <param name="Title">Title.</param>
/// <param name="Id">Identifier of GRUB 2 or label of extlinux; null when none.</param>
/// <param name="KernelPath">Kernel path, a device in parentheses before it taken away.</param>
/// <param name="InitramfsPaths">Paths of the initramfs files, in order.</param>
/// <param name="Arguments">Kernel arguments.</param>
internal sealed record BootMenuEntry(string Title, string? Id, string KernelPath, IReadOnlyList<string> InitramfsPaths, string Arguments);

/// <summary>What a boot loader's configuration file says.</summary>
/// <param name="Entries">Entries that start a Linux kernel, submenus flattened.</param>
/// <param name="DefaultIndex">The one that is booted by default; 0 when the file does not say or means none of these.</param>
internal sealed record BootMenu(IReadOnlyList<BootMenuEntry> Entries, int DefaultIndex)
{
    /// <summary>A path without the device that GRUB may have before it: (hd0,0)/vmlinuz, ($root)/boot/vmlinuz.</summary>
    public static string StripDevice(string path)
    {
        var close = path.StartsWith('(') ? path.IndexOf(')', StringComparison.Ordinal) : -1;
        return close < 0 ? path : path[(close + 1)..];
    }
}
