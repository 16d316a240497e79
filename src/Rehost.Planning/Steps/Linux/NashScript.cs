using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>The script of an initramfs of mkinitrd with nash (Red Hat 4 and 5): a literal list of insmod, one line for each module, each with its announcement.</summary>
internal static partial class NashScript
{
    /// <summary>Directory of the modules in such an archive.</summary>
    public const string ModulesDirectory = "lib";

    /// <summary>Disk and controller drivers of real and emulated hardware, which on Xen find nothing to drive and keep xenblk from the names of its disks (S0.14).</summary>
    private static readonly HashSet<string> Hardware = new(StringComparer.Ordinal)
    {
        "scsi_mod", "sd_mod", "sg", "mptbase", "mptscsih", "mptspi", "mptsas", "mptfc", "scsi_transport_spi", "scsi_transport_sas", "scsi_transport_fc", "BusLogic", "sym53c8xx", "libata", "ata_piix", "ahci",
        "vmw_pvscsi", "pvscsi", "virtio_pci", "virtio_blk", "virtio_scsi", "megaraid_sas", "cciss", "aacraid", "3w_9xxx", "qla2xxx", "lpfc",
    };

    private static readonly HashSet<string> Xen = new(StringComparer.Ordinal) { "xenblk", "xennet", "xen_blkfront", "xen_netfront", "xen_vbd", "xen_vnif" };

    /// <summary>The script with the target's modules loaded, in order, before the first of the others, and without those of the other hypervisor.</summary>
    /// <param name="script">The script as it is.</param>
    /// <param name="modules">Module names in the order of loading.</param>
    /// <param name="context">Facts and target.</param>
    public static string Edit(string script, IReadOnlyList<string> modules, PlanningContext context)
    {
        var isXen = context.Target.IsXenNative;
        var drop = isXen ? Hardware : Xen;
        var wanted = modules.ToHashSet(StringComparer.Ordinal);
        var lines = script.TrimEnd('\n').Split('\n').Where(line => ModuleOf(line) is not { } name || (!drop.Contains(name) && !wanted.Contains(name))).Select(line => RewriteDevices(line, context)).ToList();
        var added = modules.SelectMany(name => (string[])[$"echo \"Loading {name}.ko module\"", $"insmod /{ModulesDirectory}/{name}.ko"]);
        lines.InsertRange(Place(lines), added);
        if (isXen)
        {
            lines.RemoveAll(line => ScsiWait().IsMatch(line)); // Without SCSI there is no /proc/scsi/scsi to wait for.
        }

        if (modules.Count > 0)
        {
            MakeNodes(lines);
        }

        return string.Join('\n', lines) + "\n";
    }

    // mkblkdevs makes nodes of the disks that are there when it runs: once more behind the last driver, where the script did without.
    private static void MakeNodes(List<string> lines)
    {
        var last = lines.FindLastIndex(line => ModuleOf(line) is not null);
        if (Array.Find(["mkblkdevs", "/sbin/udevstart"], command => lines.Exists(line => line.Trim() == command)) is { } nodes && last >= 0 && lines.FindIndex(last, line => line.Trim() == nodes) < 0)
        {
            lines.Insert(last + 1, nodes);
        }
    }

    // Before the first module, so that a driver of the file system or the device mapper, which comes later, finds the disk; without modules, before the nodes of devices and the root are made.
    private static int Place(List<string> lines)
    {
        var first = lines.FindIndex(line => ModuleOf(line) is not null);
        return first >= 0 ? first : lines.FindIndex(line => LaterWork().IsMatch(line)) is >= 0 and var work ? work : lines.Count;
    }

    /// <summary>The module that a line announces or loads; null for another line.</summary>
    private static string? ModuleOf(string line)
    {
        var match = ModuleLine().Match(line);
        return match.Success ? match.Groups["name"].Value.Replace('-', '_') : null;
    }

    // "mkrootdev -t ext3 -o defaults,ro sda2", "resume /dev/sda3": nash takes names of the kernel, with or without /dev/.
    private static string RewriteDevices(string line, PlanningContext context) => !DeviceLine().IsMatch(line) ? line : DeviceWord().Replace(line, match =>
    {
        var name = match.Groups["name"].Value;
        return context.Devices.Resolve("/dev/" + name) is { BuiltOn.IsEmpty: true } volume ? match.Groups["head"].Value + context.Devices.TargetName(volume)["/dev/".Length..] : match.Value;
    });

    [GeneratedRegex("""^\s*(echo\s+"?Loading\s+(?<name>\S+?)\.ko\b.*|insmod\s+/lib/(?<name>\S+?)\.ko\b.*)$""", RegexOptions.CultureInvariant)]
    private static partial Regex ModuleLine();

    [GeneratedRegex(@"^\s*(mkblkdevs|/sbin/udevstart|mkdmnod|lvm\s|raidautorun\s|resume\s|mkrootdev\s|echo\s+Creating\s+(block|root)|mount\s.*/sysroot)", RegexOptions.CultureInvariant)]
    private static partial Regex LaterWork();

    [GeneratedRegex(@"^\s*stabilized\s.*/proc/scsi/scsi", RegexOptions.CultureInvariant)]
    private static partial Regex ScsiWait();

    [GeneratedRegex(@"^\s*(mkrootdev|resume|mount)\s", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceLine();

    [GeneratedRegex(@"(?<head>\s(/dev/)?)(?<name>(sd|hd|xvd|vd)[a-z][0-9]{0,3})(?=\s|$)", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceWord();
}
