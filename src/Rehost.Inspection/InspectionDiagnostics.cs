using Rehost.Model;

namespace Rehost.Inspection;

/// <summary>Findings of inspection.</summary>
public static class InspectionDiagnostics
{
    /// <summary>No volume looks like the root of an operating system.</summary>
    public static readonly DiagnosticDescriptor NoRoot = new("INS001", Severity.Error, FaultKind.Guest,
        "No root file system was found", "Check that the disk with the operating system is among the machine's disks and that it was copied completely.");

    /// <summary>The root is probably on something that is not supported yet.</summary>
    public static readonly DiagnosticDescriptor RootNotReadable = new("INS002", Severity.Error, FaultKind.Guest,
        "The root file system is on storage that Rehost does not read yet", "Move the root to ext2, ext3 or ext4 directly on a disk or partition, or convert this machine another way.");

    /// <summary>Several volumes could be the root.</summary>
    public static readonly DiagnosticDescriptor AmbiguousRoot = new("INS003", Severity.Error, FaultKind.Guest,
        "Several volumes could be the root", "Mark the disk to boot from in the machine's description, or leave the others out.");

    /// <summary>The guest holds no kernel.</summary>
    public static readonly DiagnosticDescriptor NoKernel = new("INS004", Severity.Error, FaultKind.Guest,
        "The guest holds no kernel", "Give a kernel package of the guest's distribution with --package (Debian: linux-image-…, Red Hat: kernel), or install one in the guest while it still runs and export it again.");

    /// <summary>No boot loader configuration.</summary>
    public static readonly DiagnosticDescriptor NoBootConfiguration = new("INS005", Severity.Warning, FaultKind.Guest,
        "The guest has no boot loader configuration that Rehost knows", "Nothing to do: entries are made from the kernels found. Check the kernel arguments in the plan.");

    /// <summary>A journal was replayed on the overlay.</summary>
    public static readonly DiagnosticDescriptor JournalReplayed = new("INS006", Severity.Warning, FaultKind.Guest,
        "A file system was not unmounted cleanly", "Its journal was replayed on the copy, as the guest itself would do. Shut the guest down before exporting it when it holds a database.");

    /// <summary>An unknown distribution.</summary>
    public static readonly DiagnosticDescriptor UnknownDistribution = new("INS007", Severity.Warning, FaultKind.Guest,
        "The distribution is not known", "The guest is handled by what it has. Check the plan before converting.");

    /// <summary>Little room for a larger initramfs.</summary>
    public static readonly DiagnosticDescriptor LowSpace = new("INS008", Severity.Warning, FaultKind.Guest,
        "Little free space where the kernels are", "Remove old kernels in the guest: the initramfs of each kernel grows by a few hundred kilobytes.");

    /// <summary>A line of fstab that means no volume.</summary>
    public static readonly DiagnosticDescriptor UnresolvedMount = new("INS009", Severity.Warning, FaultKind.Guest,
        "A line of fstab names a device that was not found", "Add the missing disk to the machine, or take the line out of fstab: the guest may wait for it while booting.");

    /// <summary>A volume whose file system could not be opened.</summary>
    public static readonly DiagnosticDescriptor VolumeNotOpened = new("INS010", Severity.Warning, FaultKind.Guest,
        "A file system could not be opened", "Its content is copied as it is. Check it in the guest (fsck) when it matters for booting.");

    /// <summary>A file system could not be mounted where fstab says.</summary>
    public static readonly DiagnosticDescriptor NotMounted = new("INS011", Severity.Warning, FaultKind.Guest,
        "A file system could not be put in its place", "Check the line in fstab and the directory that it names.");

    /// <summary>An initramfs that could not be read.</summary>
    public static readonly DiagnosticDescriptor InitramfsUnreadable = new("INS012", Severity.Warning, FaultKind.Guest,
        "The content of an initramfs could not be listed", "It can be extended all the same when the program that made it is known; check after the first boot, or make it anew in the guest.");

    /// <summary>A kernel that needs Xen.</summary>
    public static readonly DiagnosticDescriptor KernelRequiresXen = new("INS013", Severity.Warning, FaultKind.Guest,
        "A kernel runs only under Xen", "Install the distribution's ordinary kernel beside it before exporting; this one cannot start on another hypervisor.");

    /// <summary>A disk is named xvda and the guest calls its content xvda1.</summary>
    public static readonly DiagnosticDescriptor NameResolvedByEvidence = new("INS014", Severity.Information, FaultKind.Guest,
        "A device name was understood from the circumstances", "Nothing to do when the volume named is the right one.");

    /// <summary>A guest file cannot be read.</summary>
    public static readonly DiagnosticDescriptor FileSkipped = new("INS015", Severity.Warning, FaultKind.Guest,
        "A guest file was left out", "Look at the file in the guest.");

    /// <summary>A boot entry without its kernel.</summary>
    public static readonly DiagnosticDescriptor EntryLeadsNowhere = new("INS016", Severity.Warning, FaultKind.Guest,
        "A boot entry names a kernel that is not there", "Nothing to do when the entry is an old one; it is not used.");

    /// <summary>The root cannot be edited.</summary>
    public static readonly DiagnosticDescriptor RootReadOnly = new("INS017", Severity.Warning, FaultKind.Guest,
        "The root file system can be read but not edited", "The guest's volumes travel as they are, and a helper partition holds what it needs. The message names the feature in the way, should the guest be changed after all.");

    /// <summary>Network settings in a form that is read only in part.</summary>
    public static readonly DiagnosticDescriptor NetworkReadInPart = new("INS018", Severity.Information, FaultKind.Guest,
        "Network settings were read only in part", "Check the guest's addresses after the first boot.");

    /// <summary>The root cannot be read, and /boot can.</summary>
    public static readonly DiagnosticDescriptor RootSealed = new("INS030", Severity.Warning, FaultKind.Guest,
        "The root file system cannot be read; what starts it can", "The guest is converted without a change of its volumes. Names of interfaces cannot be kept: look at the network after the first boot. With its key (--key) an encrypted guest is converted as any other.");

    /// <summary>The root is encrypted, and so is the kernel.</summary>
    public static readonly DiagnosticDescriptor RootEncrypted = new("INS031", Severity.Error, FaultKind.Guest,
        "The kernel is on an encrypted volume", "Give the key: --key file:PATH or --key prompt. Without it, nothing can be put into the guest or taken out of it that starts on the target.");
}
