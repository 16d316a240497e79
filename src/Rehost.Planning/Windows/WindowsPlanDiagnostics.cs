using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>Findings of planning for Windows.</summary>
public static class WindowsPlanDiagnostics
{
    /// <summary>No disk driver for the target.</summary>
    public static readonly DiagnosticDescriptor NoStorageDriver = new("WPL001", Severity.Error, FaultKind.Guest,
        "Windows has no driver for any disk controller of the target", "Give drivers with --virtio-win (the ISO of virtio-win, its directory or RPM tree); for Windows 2000 to 2003, `expand` intelide.sys, pciidex.sys and atapi.sys from driver.cab to system32\\drivers in the guest and export it again.");

    /// <summary>Nothing supplied fits.</summary>
    public static readonly DiagnosticDescriptor DriversDoNotFit = new("WPL002", Severity.Warning, FaultKind.Environment,
        "None of the drivers supplied is for this Windows", "The guest gets a controller and adapter whose drivers come with Windows, which are slower. Give an older virtio-win: 0.1.189 is the last for Windows 7 and 2008 R2, 0.1.102 for XP and 2003.");

    /// <summary>A driver for another version.</summary>
    public static readonly DiagnosticDescriptor DriverOfOtherVersion = new("WPL003", Severity.Warning, FaultKind.Environment,
        "A driver was made for another version of Windows", "It is the nearest that was supplied and its .inf allows this version. Give drivers made for it when there are any.");

    /// <summary>SHA-2 only, and the guest does not know it.</summary>
    public static readonly DiagnosticDescriptor SignatureNotKnown = new("WPL004", Severity.Error, FaultKind.Guest,
        "The driver is signed with SHA-2 alone, which this Windows cannot check: it would stop with 0xc0000428", "Install KB4474419 (or KB3033929) in the guest where it runs now and export it again, or give older drivers signed with SHA-1 (virtio-win 0.1.173 and before).");

    /// <summary>No signature.</summary>
    public static readonly DiagnosticDescriptor NoCatalogue = new("WPL005", Severity.Warning, FaultKind.Environment,
        "A driver package has no catalogue that signs it", "64-bit Windows loads it only in test mode (bcdedit /set testsigning on). Take the signed package of its maker.");

    /// <summary>A class filter of unknown origin.</summary>
    public static readonly DiagnosticDescriptor FilterWithoutDriver = new("WPL006", Severity.Warning, FaultKind.Guest,
        "A class filter names a driver that the guest does not have", "Devices of this class will not start (code 39, or a stop 0x7B for disks). Take the name out of the list in the guest, or with `rehost registry set`.");

    /// <summary>A boot entry points nowhere.</summary>
    public static readonly DiagnosticDescriptor BootEntryNotRepaired = new("WPL007", Severity.Warning, FaultKind.Guest,
        "A boot entry names a partition that is not among the disks", "If it is the entry of an old installation, nothing; otherwise give the missing disk too.");

    /// <summary>No entry starts this Windows.</summary>
    public static readonly DiagnosticDescriptor NoLoaderEntry = new("WPL008", Severity.Error, FaultKind.Guest,
        "No boot entry starts this Windows", "Boot its installation medium where it runs now and run `bcdboot C:\\Windows` (with /s and the letter of the boot partition), then export it again.");

    /// <summary>IDE takes four.</summary>
    public static readonly DiagnosticDescriptor TooManyDisks = new("WPL009", Severity.Error, FaultKind.Guest,
        "The guest has more disks than the controller takes that it has a driver for", "Give drivers with --virtio-win: IDE takes four disks, one of which is usually the CD-ROM drive.");

    /// <summary>Something of the old hypervisor is left.</summary>
    public static readonly DiagnosticDescriptor ToolsLeft = new("WPL010", Severity.Information, FaultKind.Guest,
        "Programs of the old hypervisor stay on the disk", "They are started no more. Remove their directories in the guest when it runs; their entries in the list of programs are gone.");

    /// <summary>An architecture without drivers.</summary>
    public static readonly DiagnosticDescriptor UnknownArchitecture = new("WPL011", Severity.Error, FaultKind.Guest,
        "The guest is made for a processor that the target does not have", "Windows for ARM runs on a KVM host of that architecture: convert with --to kvm or openstack. For Itanium there is no target: move the data to a new installation.");

    /// <summary>Windows without changes.</summary>
    public static readonly DiagnosticDescriptor MustChange = new("WPL013", Severity.Error, FaultKind.Usage,
        "Windows cannot be moved without changing its volumes", "Leave --guest-changes none out: the drivers of the new disk controller must be in its registry. The source is not touched in any case.");

    /// <summary>A static address that could not be moved.</summary>
    public static readonly DiagnosticDescriptor AddressNotMoved = new("WPL012", Severity.Warning, FaultKind.Guest,
        "Static addresses cannot be tied to an adapter of the machine", "Set them by hand at the first start; the plan lists them. A MAC address in the source's description would have told the adapter.");
}
