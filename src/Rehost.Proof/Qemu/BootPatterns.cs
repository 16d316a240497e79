using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>
/// What consoles say at each stage, and when a start fails. The expressions do not backtrack: the text is the guest's, and it shall not be able to make
/// the proof hang. They see lines with control sequences removed.
/// </summary>
internal static class BootPatterns
{
    /// <summary>Stages and the lines that show them; the first match counts.</summary>
    public static readonly ImmutableArray<(BootMilestone Milestone, Regex Pattern)> Milestones =
    [
        // A prompt has no end of line, and kernel messages may follow it on the same one.
        (BootMilestone.Login, Make(@"^(\S+ )*\S* ?login: ?($|\[ *[0-9]+\.[0-9]+\])")),
        (BootMilestone.Init, Make(@"systemd\[1\]:|INIT: version [0-9]|^Welcome to \S|systemd [0-9]+.* running in system mode|init: .* main process|^\[ *(OK|ok) *\] |OpenRC [0-9]|Entering runlevel|Entering non-interactive startup")),
        (BootMilestone.RootMounted, Make(@"(EXT[234]-fs|XFS|BTRFS)\b.*(mounted filesystem|Mounting|Ending clean mount|first mount)|VFS: Mounted root|Begin: Running /scripts/(local-bottom|init-bottom)|kjournald starting|Run /sbin/init as init process|Switching root|Switch Root|systemd\[1\]: (Mounted|Reached target) .*(sysroot|initrd-root-fs|Root File System)")),
        (BootMilestone.Kernel, Make(@"Linux version [0-9]|^(\[ *[0-9]+\.[0-9]+\] )?Command line: |Decompressing Linux|Booting the kernel")),
        (BootMilestone.BootLoader, Make(@"GNU GRUB|pyGRUB +version|Using <class 'grub\.|GRUB loading|Welcome to GRUB|GRUB Loading stage|\bgrub( rescue)?>|Booting `|Booting '|Loading Linux |Loading initial ramdisk|SYSLINUX [0-9]|ISOLINUX|LILO|error: .*file `.*' not found|Press any key to continue|BdsDxe: starting Boot")),
        (BootMilestone.Firmware, Make(@"SeaBIOS|iPXE|Booting from Hard Disk|Booting from|No bootable device|BdsDxe|UEFI Interactive Shell|TianoCore")),
    ];

    /// <summary>Lines after which the guest will not start any more, most telling first.</summary>
    public static readonly ImmutableArray<(DiagnosticDescriptor Cause, Regex Pattern)> Failures =
    [
        (QemuDiagnostics.RootNotMounted, Make(@"Kernel panic - not syncing: VFS|Kernel panic.*[Uu]nable to mount root|VFS: Cannot open root device|Cannot open root device|[Ss]witchroot: mount failed|switch_root: failed to mount|Failed to mount /sysroot|mount: .* on /root failed")),
        (QemuDiagnostics.RootDeviceMissing, Make(@"Gave up waiting for (root|suspend/resume)?.*root.*device|Gave up waiting for root|ALERT! .* does not exist\.|Could not boot\.|dracut-initqueue.*timeout.*starting timeout scripts.*|Warning: /dev/\S+ does not exist|mkrootdev: .*not found|ERROR: device '.*' not found|You are being dropped (in)?to a recovery shell|^\(initramfs\)|dracut:/#|Unable to find root device")),
        (QemuDiagnostics.KernelPanic, Make(@"Kernel panic - not syncing|Kernel panic: ")),
        (QemuDiagnostics.WrongProcessor, Make(@"This kernel requires an? .*CPU|This kernel requires the following features not present|kernel requires an x86-64 CPU")),
        (QemuDiagnostics.BootLoaderRescue, Make(@"grub rescue>|^grub> ?$|GRUB (Hard Disk|Read|Geom) Error|GRUB Error [0-9]+|Entering rescue mode|ERR: ?Fail|Error 1[0-9]: |Error 2[0-9]: ")),
        (QemuDiagnostics.KernelNotLoaded, Make(@"error: .*you need to load the kernel first|error: .*invalid magic number|error: .*file `/\S*(vmlinu|initrd|initramfs)\S*' not found|Could not find kernel image")),
        (QemuDiagnostics.NothingBootable, Make(@"No bootable device|Boot failed: not a bootable disk|Boot failed: could not read the boot disk|Operating system not found|Missing operating system|FATAL: No bootable medium|BdsDxe: No bootable option|UEFI Interactive Shell")),
        (QemuDiagnostics.EmergencyMode, Make(@"You are in emergency mode|Welcome to emergency mode|Entering emergency mode|Give root password for (maintenance|system maintenance)|\(or (type|press) Control-D to continue\)|Cannot open access to console, the root account is locked|Started Emergency Shell|FSCK.*FAILED|An error occurred during the file system check")),
    ];

    /// <summary>Prompts: lines that wait for input and so have no end.</summary>
    public static readonly Regex Prompt = Make(@"login: ?($|\[)|^\(initramfs\) ?$|grub( rescue)?> ?$|dracut:/# ?$|Control-D to continue\): ?$|continue\) ?$|# ?$|[Pp]assword.*: ?$");

    /// <summary>The stage that a line shows, or null.</summary>
    public static BootMilestone? MilestoneOf(string line)
    {
        foreach (var (milestone, pattern) in Milestones)
        {
            if (pattern.IsMatch(line) && !IsDeceptive(milestone, line))
            {
                return milestone;
            }
        }

        return null;
    }

    // "Last login: …" greets someone who has logged in already; "Welcome to GRUB!" is not what a distribution's init says.
    private static bool IsDeceptive(BootMilestone milestone, string line) =>
        (milestone == BootMilestone.Login && line.Contains("Last login", StringComparison.Ordinal))
        || (milestone == BootMilestone.Init && line.Contains("Welcome to GRUB", StringComparison.Ordinal));

    /// <summary>The cause of failure that a line shows, or null.</summary>
    public static DiagnosticDescriptor? FailureOf(string line)
    {
        foreach (var (cause, pattern) in Failures)
        {
            if (pattern.IsMatch(line))
            {
                return cause;
            }
        }

        return null;
    }

    private static Regex Make(string pattern) => new(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
}
