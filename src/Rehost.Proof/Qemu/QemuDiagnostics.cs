using Rehost.Model;

namespace Rehost.Proof.Qemu;

/// <summary>Findings of the boot proof: what keeps it from running, and why a guest did not reach its login prompt.</summary>
public static class QemuDiagnostics
{
    /// <summary>QEMU is not installed.</summary>
    public static readonly DiagnosticDescriptor NoQemu = new("QEM001", Severity.Error, FaultKind.Environment,
        "QEMU is missing", "Install qemu-system-x86 (Debian, Ubuntu) or qemu-kvm (RHEL, Fedora), or name the program.");

    /// <summary>QEMU did not start or died.</summary>
    public static readonly DiagnosticDescriptor QemuFailed = new("QEM002", Severity.Error, FaultKind.Environment,
        "QEMU could not run the guest", "Look at qemu.txt in the evidence directory: it has the command line and what QEMU said.");

    /// <summary>UEFI firmware is missing.</summary>
    public static readonly DiagnosticDescriptor NoFirmware = new("QEM003", Severity.Error, FaultKind.Environment,
        "UEFI firmware is missing", "Install ovmf (Debian, Ubuntu) or edk2-ovmf (RHEL, Fedora).");

    /// <summary>A disk refers to another file.</summary>
    public static readonly DiagnosticDescriptor RefersElsewhere = new("QEM004", Severity.Error, FaultKind.Proof,
        "A disk image refers to another file", "Rehost boots only images that stand alone: flatten it first (qemu-img convert).");

    /// <summary>A disk is missing or unreadable.</summary>
    public static readonly DiagnosticDescriptor DiskUnreadable = new("QEM005", Severity.Error, FaultKind.Proof,
        "A disk of the machine cannot be read", "Check the path in the domain description and its permissions.");

    /// <summary>Evidence cannot be written.</summary>
    public static readonly DiagnosticDescriptor EvidenceUnwritable = new("QEM006", Severity.Error, FaultKind.Target,
        "The evidence cannot be written", "Choose another directory, or free some space.");

    /// <summary>Kernel cannot mount root.</summary>
    public static readonly DiagnosticDescriptor RootNotMounted = new("QEM020", Severity.Error, FaultKind.Proof,
        "The kernel could not mount the root file system", "The initramfs lacks the driver of the disk or was not loaded, or root= names a device that does not exist: compare the kernel's arguments and the drivers that rehost inspect lists.");

    /// <summary>Kernel panic.</summary>
    public static readonly DiagnosticDescriptor KernelPanic = new("QEM021", Severity.Error, FaultKind.Proof,
        "The kernel panicked", "Read the lines before the panic in serial.log; an init that cannot run (missing libraries, wrong architecture) shows there.");

    /// <summary>The initramfs waited for root in vain.</summary>
    public static readonly DiagnosticDescriptor RootDeviceMissing = new("QEM022", Severity.Error, FaultKind.Proof,
        "The initramfs did not find the root device", "The disk's driver (virtio_blk, virtio_pci) is missing in the initramfs, or root= names a device by its old name: compare the kernel's arguments with the guest's file system UUID.");

    /// <summary>GRUB did not find its files.</summary>
    public static readonly DiagnosticDescriptor BootLoaderRescue = new("QEM023", Severity.Error, FaultKind.Proof,
        "The boot loader did not find its files", "GRUB's prefix or the file system UUID in its core image does not fit the disk, or it has no module for the file system.");

    /// <summary>Nothing to boot.</summary>
    public static readonly DiagnosticDescriptor NothingBootable = new("QEM024", Severity.Error, FaultKind.Proof,
        "The firmware found nothing to boot", "The first disk has no boot loader for this firmware: check that it was converted for BIOS or UEFI as the domain says, and that it is the first in the boot order.");

    /// <summary>systemd emergency mode.</summary>
    public static readonly DiagnosticDescriptor EmergencyMode = new("QEM025", Severity.Error, FaultKind.Proof,
        "The guest stopped in emergency mode", "A file system of /etc/fstab could not be checked or mounted, probably under its old device name: see the lines before in serial.log.");

    /// <summary>A kernel file is missing or unusable for the boot loader.</summary>
    public static readonly DiagnosticDescriptor KernelNotLoaded = new("QEM026", Severity.Error, FaultKind.Proof,
        "The boot loader could not load the kernel", "The menu entry names a file that is not there, or a kernel that does not run without Xen: check the entries that rehost inspect lists.");

    /// <summary>The guest ended early.</summary>
    public static readonly DiagnosticDescriptor EndedEarly = new("QEM027", Severity.Error, FaultKind.Proof,
        "The guest restarted or turned itself off before the login prompt", "Read the end of serial.log; a triple fault right after the kernel starts means a kernel that cannot run on this machine.");

    /// <summary>Nothing on the serial console.</summary>
    public static readonly DiagnosticDescriptor SilentConsole = new("QEM028", Severity.Error, FaultKind.Proof,
        "The guest wrote nothing on the serial console", "Look at screen.png. If it ends with the firmware's 'Booting from Hard Disk', the boot sector holds no working boot loader; otherwise the guest uses only the graphical console, and console=ttyS0 in its kernel arguments brings it to the serial one.");

    /// <summary>Time is up.</summary>
    public static readonly DiagnosticDescriptor TimedOut = new("QEM029", Severity.Error, FaultKind.Proof,
        "No login prompt within the time allowed", "Look at serial.log and screen.png for the place where it stopped; with software emulation on a busy machine, allow more time.");

    /// <summary>Boots but no getty on serial.</summary>
    public static readonly DiagnosticDescriptor NoGetty = new("QEM030", Severity.Error, FaultKind.Proof,
        "The guest's init ran but no login prompt came on the serial console", "A getty on ttyS0 is missing (inittab, systemd's serial-getty@ttyS0), or a service blocks the start: see the end of serial.log.");

    /// <summary>No processor feature.</summary>
    public static readonly DiagnosticDescriptor WrongProcessor = new("QEM031", Severity.Error, FaultKind.Proof,
        "The guest's kernel does not run on the emulated processor", "The kernel needs a processor feature that the emulation lacks, or the guest is 64-bit on a 32-bit processor.");

    /// <summary>Hardware that QEMU does not emulate.</summary>
    public static readonly DiagnosticDescriptor NoSuchDevice = new("QEM032", Severity.Error, FaultKind.Proof,
        "QEMU has no such device", "This machine cannot be proved here; convert it with another controller, or start it on its own hypervisor.");

    /// <summary>Nothing was to be read anywhere.</summary>
    public static readonly DiagnosticDescriptor SilentScreen = new("QEM033", Severity.Error, FaultKind.Proof,
        "The guest wrote nothing that could be read on its screen", "The machine has no serial line, and text is read from a VGA screen in text mode only: look at screen.png for what it shows.");
}
