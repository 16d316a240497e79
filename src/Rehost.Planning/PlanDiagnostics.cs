using Rehost.Model;

namespace Rehost.Planning;

/// <summary>Findings of planning.</summary>
public static class PlanDiagnostics
{
    /// <summary>No kernel that the target can run.</summary>
    public static readonly DiagnosticDescriptor NoUsableKernel = new("PLN001", Severity.Error, FaultKind.Guest,
        "No kernel in the guest can run on the target", "Boot the guest where it runs now, install the distribution's ordinary kernel (Debian: linux-image-amd64, Red Hat: kernel), shut down, and export it again; or give the package with --package FILE.");

    /// <summary>A kernel that will not boot on the target.</summary>
    public static readonly DiagnosticDescriptor KernelNotUsable = new("PLN002", Severity.Warning, FaultKind.Guest,
        "A kernel of the guest cannot run on the target", "Nothing: another kernel is booted. Remove it after the conversion if it is not needed.");

    /// <summary>An initramfs that cannot be extended.</summary>
    public static readonly DiagnosticDescriptor InitramfsNotExtensible = new("PLN003", Severity.Error, FaultKind.Guest,
        "An initramfs lacks the target's drivers and cannot be extended", "Add the drivers in the running guest (initramfs-tools: /etc/initramfs-tools/modules, dracut: add_drivers), rebuild the initramfs, and export the guest again.");

    /// <summary>The same for a kernel that is not the default.</summary>
    public static readonly DiagnosticDescriptor OtherInitramfsNotExtensible = new("PLN004", Severity.Warning, FaultKind.Guest,
        "The initramfs of a kernel that is not the default lacks the target's drivers", "Do not boot this entry on the target before its initramfs was rebuilt there.");

    /// <summary>A line of fstab that means nothing that was found.</summary>
    public static readonly DiagnosticDescriptor MountUnresolved = new("PLN005", Severity.Warning, FaultKind.Guest,
        "A line of fstab names a device that is not among the disks", "If the disk was left out on purpose this is right; otherwise give it too. The line gets nofail, so that the guest boots without it.");

    /// <summary>A disk layout without room for a boot loader.</summary>
    public static readonly DiagnosticDescriptor NoRoomForBootLoader = new("PLN006", Severity.Error, FaultKind.Guest,
        "There is no place for a boot loader on the boot disk", "Give the guest a GPT with a BIOS boot partition of 1 MiB, or an MBR whose first partition starts at 1 MiB.");

    /// <summary>The boot volume has no UUID.</summary>
    public static readonly DiagnosticDescriptor NoUuid = new("PLN007", Severity.Error, FaultKind.Guest,
        "The file system that the guest boots from has no UUID", "Give it one in the guest (tune2fs -U random /dev/…) and export it again.");

    /// <summary>A network adapter without fixed MAC address.</summary>
    public static readonly DiagnosticDescriptor NoMacAddress = new("PLN008", Severity.Information, FaultKind.Source,
        "A network adapter of the source has no fixed MAC address", "The target gets a new one; look for DHCP reservations and licences bound to the old one.");

    /// <summary>A root file system that was not found.</summary>
    public static readonly DiagnosticDescriptor NoRoot = new("PLN009", Severity.Error, FaultKind.Guest,
        "No root file system was found", "Check that all disks of the guest were given; rehost inspect shows what is on them.");

    /// <summary>A file system too large for an MBR.</summary>
    public static readonly DiagnosticDescriptor TooLargeForMbr = new("PLN010", Severity.Error, FaultKind.Guest,
        "The disk is too large for an MBR partition", "Disks over 2 TiB without partition table cannot be made bootable for BIOS yet: move the root file system to a smaller disk.");

    /// <summary>A boot loader that is recognised and not edited.</summary>
    public static readonly DiagnosticDescriptor OtherBootLoader = new("PLN011", Severity.Warning, FaultKind.Guest,
        "A boot loader of the guest is recognised but not edited", "Look at the arguments that it gives the kernel (root=, console=): where they name disks of the old hypervisor, set it up anew in the guest.");

    /// <summary>An environment block without room.</summary>
    public static readonly DiagnosticDescriptor EnvironmentFull = new("PLN012", Severity.Warning, FaultKind.Guest,
        "GRUB's environment block has no room for the new arguments", "Shorten kernelopts in the guest (grub2-editenv) before exporting it; its entries keep the old consoles.");

    /// <summary>pygrub cannot read the boot volume.</summary>
    public static readonly DiagnosticDescriptor PygrubCannotRead = new("PLN013", Severity.Warning, FaultKind.Target,
        "pygrub cannot read the file system that holds the kernel", "Start the guest with kernel= and ramdisk= from dom0 (the plan says which files), or give it an ext4 /boot before exporting it.");

    /// <summary>A network adapter that the guest has no driver for.</summary>
    public static readonly DiagnosticDescriptor NoNetworkDriver = new("PLN014", Severity.Warning, FaultKind.Guest,
        "The guest has no driver for the target's network adapter", "Give the machine an adapter that the guest knows, or install a newer kernel in the guest before exporting it.");

    /// <summary>A configured interface whose adapter is not known.</summary>
    public static readonly DiagnosticDescriptor InterfaceWithoutAdapter = new("PLN015", Severity.Warning, FaultKind.Guest,
        "An interface that the guest configures cannot be tied to an adapter", "Look at its name after the first boot; a .link file or udev rule with the adapter's MAC address makes the name hold.");

    /// <summary>Nothing in the guest is changed because the operator said so.</summary>
    public static readonly DiagnosticDescriptor UntouchedAsAsked = new("PLN020", Severity.Information, FaultKind.Guest,
        "The guest is converted without a change of its volumes", "Read what is to be checked by hand: kernel updates in the guest do not reach the helper partition.");

    /// <summary>Nothing in the guest is changed because it cannot be.</summary>
    public static readonly DiagnosticDescriptor UntouchedByNeed = new("PLN021", Severity.Warning, FaultKind.Guest,
        "The guest is converted without a change of its volumes, because one cannot be written", "Kernel updates in the guest do not reach the helper partition; where that matters, make the file system writable (the message names what is in the way) and convert again.");

    /// <summary>A target without firmware cannot start from a helper partition.</summary>
    public static readonly DiagnosticDescriptor UntouchedNeedsFirmware = new("PLN022", Severity.Error, FaultKind.Target,
        "pygrub cannot start a guest whose volumes are not changed", "Leave --xen-boot out: dom0 then hands out kernel and initramfs; or allow changes of the guest.");

    /// <summary>No free entry for a helper partition.</summary>
    public static readonly DiagnosticDescriptor NoFreePartition = new("PLN023", Severity.Error, FaultKind.Guest,
        "The partition table has no room for one more partition", "An MBR holds four primary partitions: delete one in the guest that is not used, or let the conversion change the guest (no --guest-changes none, the firmware that it has).");

    /// <summary>No boot loader for UEFI can start the guest's kernels.</summary>
    public static readonly DiagnosticDescriptor NotForUefi = new("PLN024", Severity.Error, FaultKind.Guest,
        "No kernel of the guest starts from UEFI", "Convert with --firmware bios: a 32-bit kernel, or one that is older than Linux 2.6.30, expects a BIOS.");

    /// <summary>A machine that is started by its host cannot choose a firmware.</summary>
    public static readonly DiagnosticDescriptor NoFirmwareThere = new("PLN025", Severity.Error, FaultKind.Usage,
        "The target has no firmware to choose", "Leave --firmware out: Xen PV guests are started by their host.");

    /// <summary>The machine gets emulated devices.</summary>
    public static readonly DiagnosticDescriptor EmulatedDevices = new("PLN026", Severity.Information, FaultKind.Guest,
        "The machine gets emulated devices, which are slower", "Install a kernel with virtio (2.6.25 and later) in the guest, and convert again, if speed matters.");

    /// <summary>A guest from UEFI without a boot loader for it.</summary>
    public static readonly DiagnosticDescriptor NoEfiProgram = new("PLN027", Severity.Warning, FaultKind.Guest,
        "No boot loader for UEFI was found in the guest", "Check that the EFI system partition is among the disks and in fstab; or convert with --firmware bios, which installs a boot loader of its own.");

    /// <summary>Packages, and nothing that they may be put into.</summary>
    public static readonly DiagnosticDescriptor UntouchedWithPackages = new("PLN029", Severity.Error, FaultKind.Usage,
        "Packages cannot be put into a guest whose volumes are not changed", "Leave --package or --guest-changes none out; where a file system cannot be written, install the package in the running guest before exporting it.");

    /// <summary>UEFI would start the guest's own boot loader instead of ours.</summary>
    public static readonly DiagnosticDescriptor UntouchedBesideEfi = new("PLN030", Severity.Error, FaultKind.Usage,
        "UEFI starts the guest's own boot loader before that of a helper partition", "Leave --firmware out: a guest whose volumes are not changed then starts from a BIOS, whatever firmware it had.");

    /// <summary>A unified image that does not fit the target, without systemd-boot beside it.</summary>
    public static readonly DiagnosticDescriptor UnifiedImageStartedByFirmware = new("PLN028", Severity.Error, FaultKind.Guest,
        "A unified kernel image that the firmware starts by itself does not fit the target", "Convert with --firmware bios, which takes the kernel out of it; or build it anew in the guest with the drivers and arguments of the target before exporting it.");

    /// <summary>A table that counts in sectors that the target's disks do not have.</summary>
    public static readonly DiagnosticDescriptor LargeSectors = new("PLN031", Severity.Error, FaultKind.Guest,
        "A partition table counts in sectors of 4096 bytes, and the disks of the target have 512", "The guest would find no partition there. Copy its file systems, in the guest or with rehost files, onto a disk with sectors of 512 bytes, and convert that.");
}
