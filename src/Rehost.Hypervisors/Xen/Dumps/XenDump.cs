using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen.Dumps;

/// <summary>
/// What Xen's toolstacks print of their guests, in place of a configuration that was lost (S1.2): <c>xl list -l</c> (JSON), <c>xm list --long</c> and xend's own config.sxp
/// (S-expressions), <c>xenstore-ls</c>. Each gives what a configuration says.
/// </summary>
public static class XenDump
{
    private const int MostGuests = 1024;
    private static readonly ImmutableArray<string> s_events = ["on_poweroff", "on_reboot", "on_crash"];

    /// <summary>Whether a text is one of them, by its beginning.</summary>
    public static bool Looks(ReadOnlySpan<char> text)
    {
        text = text.TrimStart("\uFEFF \t\r\n");
        return XlListing.Looks(text) || XendListing.Looks(text) || XenStoreListing.Looks(text);
    }

    /// <summary>Whether a file begins as a saved guest does: xl save, xm save, and libvirt's of Xen.</summary>
    public static bool IsSaved(ReadOnlySpan<char> text) => text.StartsWith("Xen saved domain") || text.StartsWith("LinuxGuestRecord") || text.StartsWith("libvirt-xml\n ");

    /// <summary>Reads a dump.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="where">Name of the file, for messages.</param>
    /// <param name="machine">Name or UUID of the guest; null where there is one only.</param>
    /// <exception cref="DiagnosticException">It is damaged (XEN015), or holds no such guest, or several (XEN016).</exception>
    public static XenConfig Parse(string text, string where, string? machine)
    {
        ArgumentNullException.ThrowIfNull(text);
        var start = text.AsSpan().TrimStart("\uFEFF \t\r\n");
        var guests = XlListing.Looks(start) ? XlListing.Read(text, where) : XendListing.Looks(start) ? XendListing.Read(text, where) : XenStoreListing.Read(text, where);
        if (guests.Count > MostGuests)
        {
            throw XenDiagnostics.TooLarge.ToException($"it tells of {guests.Count} guests", where);
        }

        var found = guests.Where(guest => machine is null || guest.Name == machine || (Guid.TryParse(machine, out var uuid) && guest.Uuid == uuid)).ToImmutableArray();
        return found.Length == 1 ? found[0]
            : throw XenDiagnostics.NotOneGuest.ToException(
                $"{(guests.Count == 0 ? "it tells of no guest but dom0" : $"it tells of {string.Join(", ", guests.Take(20).Select(guest => guest.Name))}")}{(machine is null ? "" : $", and {found.Length} are called '{machine}'")}", where);
    }

    /// <summary>
    /// Kernel and initramfs that a boot loader in dom0 took out of the guest's disk: copies with names of the moment (pygrub: boot_kernel.x in /var/run/xen/pygrub), which say
    /// that there was a boot loader and nothing else.
    /// </summary>
    internal static bool IsExtracted(string? path)
        => path is not null && (path.StartsWith("/var/run/", StringComparison.Ordinal) || path.StartsWith("/run/", StringComparison.Ordinal) || path.StartsWith("/tmp/", StringComparison.Ordinal)
            || path.StartsWith("/var/lib/xen/boot_", StringComparison.Ordinal) || Path.GetFileName(path).StartsWith("boot_kernel.", StringComparison.Ordinal) || Path.GetFileName(path).StartsWith("boot_ramdisk.", StringComparison.Ordinal));

    /// <summary>The on_* keys that a dump has.</summary>
    internal static ImmutableSortedDictionary<string, string> Events(Func<string, string?> value)
        => s_events.Where(key => value(key) is { Length: > 0 }).ToImmutableSortedDictionary(key => key, key => value(key) ?? "", StringComparer.Ordinal);

    /// <summary>A guest, of what every dump says, with the boot settings made whole.</summary>
    internal static XenConfig Finish(XenConfig config)
    {
        var extracted = IsExtracted(config.Kernel) || IsExtracted(config.Ramdisk);
        var isHardware = config.Mode == VirtualizationMode.Hardware;
        return config with
        {
            Kernel = extracted || isHardware ? null : config.Kernel,
            Ramdisk = extracted || isHardware ? null : config.Ramdisk,
            Bootloader = config.Bootloader ?? (!isHardware && (extracted || config.Kernel is null) ? "pygrub" : null),
            CommandLine = extracted ? null : config.CommandLine,
            Disks = [.. config.Disks.OrderBy(disk => XenDeviceName.DiskIndexOf(disk.DeviceName) ?? int.MaxValue).ThenBy(disk => XenDeviceName.PartitionOf(disk.DeviceName))],
            Findings = [.. config.Findings, XenDiagnostics.FromDump.Create($"'{config.Name}'", config.Where)],
        };
    }

    /// <summary>A disk as both xend and the back ends in xenstore tell of it.</summary>
    /// <param name="target">uname, or type and parameters: phy:/dev/vg/web01, tap:aio:/srv/web01.img.</param>
    /// <param name="device">xvda, xvda:disk, 51712.</param>
    /// <param name="mode">r or w.</param>
    /// <param name="where">For messages.</param>
    internal static XenDiskSpecification Disk(string target, string device, string mode, string where)
        => XenDiskSpecificationParser.Parse($"{target},{device},{(mode.StartsWith('r') ? "r" : "w")}", where, default);
}
