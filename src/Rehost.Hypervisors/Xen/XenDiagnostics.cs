using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>Findings about xl and xm configurations.</summary>
public static class XenDiagnostics
{
    /// <summary>The text does not follow the syntax of xl.cfg(5).</summary>
    public static readonly DiagnosticDescriptor Syntax = new("XEN001", Severity.Error, FaultKind.Source,
        "A Xen configuration has a syntax error", "Correct the line; 'name = value' with quoted strings, numbers and [lists] is what xl.cfg(5) knows.");

    /// <summary>The text is a Python program, as xm allowed.</summary>
    public static readonly DiagnosticDescriptor Python = new("XEN002", Severity.Error, FaultKind.Source,
        "A Xen configuration holds Python code", "Rehost does not run code from a configuration: replace the statement by the plain value that it computes (on the old host, 'xm create --dryrun' shows it).");

    /// <summary>A limit that keeps hostile input harmless was passed.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("XEN003", Severity.Error, FaultKind.Source,
        "A Xen configuration is too large", "Check that the file is a configuration at all: the ones that xl reads are a few kilobytes.");

    /// <summary>A known key has a value of the wrong kind.</summary>
    public static readonly DiagnosticDescriptor BadValue = new("XEN004", Severity.Error, FaultKind.Source,
        "A Xen setting has an unusable value", "Correct the value; xl.cfg(5) says what the key takes.");

    /// <summary>A disk line cannot be understood.</summary>
    public static readonly DiagnosticDescriptor BadDisk = new("XEN005", Severity.Error, FaultKind.Source,
        "A disk specification is not understood", "Correct the line; xl-disk-configuration(5) describes 'target, format, vdev, access' and 'format=…, vdev=…, access=…, target=…'.");

    /// <summary>A vif line cannot be understood.</summary>
    public static readonly DiagnosticDescriptor BadNetworkAdapter = new("XEN006", Severity.Error, FaultKind.Source,
        "A network adapter specification is not understood", "Correct the line; xl-network-configuration(5) describes 'mac=…,bridge=…'.");

    /// <summary>A disk that the configuration names is not there.</summary>
    public static readonly DiagnosticDescriptor DiskMissing = new("XEN007", Severity.Error, FaultKind.Source,
        "A disk that the configuration names is missing", "Copy the disk to this machine and put its path in that line; a relative path is taken from the directory of the configuration.");

    /// <summary>There is no disk to convert.</summary>
    public static readonly DiagnosticDescriptor NoDisk = new("XEN008", Severity.Error, FaultKind.Source,
        "A machine has no disk", "Rehost converts disks: a guest on NFS or one that only boots a CD has nothing to convert. Add the disk to the configuration.");

    /// <summary>Two disks claim one device name.</summary>
    public static readonly DiagnosticDescriptor DuplicateDevice = new("XEN009", Severity.Error, FaultKind.Source,
        "Two disks have the same device name", "Give every disk of the configuration a device name of its own.");

    /// <summary>A disk is provided by a script or a driver that only the old host has.</summary>
    public static readonly DiagnosticDescriptor RemoteDisk = new("XEN010", Severity.Error, FaultKind.Source,
        "A disk is reached through a driver of the old host", "Copy its content to a file (dd on the old host) and name that file in the configuration.");

    /// <summary>No memory size is given.</summary>
    public static readonly DiagnosticDescriptor NoMemory = new("XEN011", Severity.Warning, FaultKind.Source,
        "A Xen configuration names no memory size", "Set 'memory = MiB' in the configuration if the guest needs another amount.");

    /// <summary>The configuration cannot be read.</summary>
    public static readonly DiagnosticDescriptor Unreadable = new("XEN012", Severity.Error, FaultKind.Source,
        "A Xen configuration cannot be read", "Check the path and its permissions.");

    /// <summary>A setting overrides an earlier one.</summary>
    public static readonly DiagnosticDescriptor SetTwice = new("XEN013", Severity.Information, FaultKind.Source,
        "A Xen setting is given twice", "The last one counts, as in xl; remove the other to be sure.");

    /// <summary>A machine that no configuration can describe.</summary>
    public static readonly DiagnosticDescriptor Unwritable = new("XEN014", Severity.Error, FaultKind.Source,
        "A machine cannot be written as a Xen configuration", "Give the source's configuration what the message says is missing, and convert again.");

    /// <summary>What a toolstack printed cannot be read.</summary>
    public static readonly DiagnosticDescriptor BadDump = new("XEN015", Severity.Error, FaultKind.Source,
        "What Xen's toolstack printed of a guest is not complete", "Print it again to a file, all of it: 'xl list -l', 'xm list --long', or 'xenstore-ls -f' for the whole store.");

    /// <summary>No guest, or several.</summary>
    public static readonly DiagnosticDescriptor NotOneGuest = new("XEN016", Severity.Error, FaultKind.Usage,
        "Which guest is meant is not clear", "Name one of those that the message lists with --machine, or print only that one: xl list -l NAME.");

    /// <summary>The description was taken from a host while the guest may have been running.</summary>
    public static readonly DiagnosticDescriptor FromDump = new("XEN017", Severity.Information, FaultKind.Source,
        "The guest is described by what Xen printed of it", "Shut the guest down before its disks are copied or converted: the toolstacks print running guests, and a disk in use is not whole.");

    /// <summary>A memory image, not a description.</summary>
    public static readonly DiagnosticDescriptor Saved = new("XEN018", Severity.Error, FaultKind.Source,
        "A suspended Xen guest cannot be converted", "Its memory cannot be moved to another hypervisor and its disks are in the middle of work: restore it (xl restore), shut it down properly, and give its configuration.");
}
