using Rehost.Model;

namespace Rehost.Hypervisors.XenServer;

/// <summary>Findings about the ova.xml of XenServer and XCP-ng exports.</summary>
public static class XenServerDiagnostics
{
    /// <summary>Not well-formed, or with a DTD.</summary>
    public static readonly DiagnosticDescriptor BadXml = new("XSO001", Severity.Error, FaultKind.Source,
        "An ova.xml is damaged", "Export the machine again: the description at the head of the export is not as XenServer writes it.");

    /// <summary>A limit that keeps hostile input harmless was passed.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("XSO002", Severity.Error, FaultKind.Source,
        "An ova.xml passes a limit", "Export the machine again; if the message stays, report it with the version of XenServer.");

    /// <summary>The export of an old generation.</summary>
    public static readonly DiagnosticDescriptor OldAppliance = new("XSO003", Severity.Error, FaultKind.Source,
        "An export of XenServer 3", "Import it into a XenServer of 4.1 to 8 and export it again.");

    /// <summary>There is no machine in it.</summary>
    public static readonly DiagnosticDescriptor NoMachine = new("XSO004", Severity.Error, FaultKind.Source,
        "An export holds no machine", "Check that the file is the export of a machine (xe vm-export), not of metadata or a pool.");

    /// <summary>There are several.</summary>
    public static readonly DiagnosticDescriptor SeveralMachines = new("XSO005", Severity.Error, FaultKind.Source,
        "An export holds several machines", "Export the machines one by one (xe vm-export vm=NAME).");

    /// <summary>The machine was suspended.</summary>
    public static readonly DiagnosticDescriptor Suspended = new("XSO006", Severity.Error, FaultKind.Source,
        "A suspended machine cannot be converted", "Its memory cannot be moved to another hypervisor and its disks are in the middle of work: resume it, shut it down properly and export it again.");

    /// <summary>A field has an impossible value.</summary>
    public static readonly DiagnosticDescriptor BadField = new("XSO007", Severity.Error, FaultKind.Source,
        "A field of ova.xml has an unusable value", "Export the machine again; if the message stays, report it with the version of XenServer.");

    /// <summary>No disk to convert.</summary>
    public static readonly DiagnosticDescriptor NoDisk = new("XSO008", Severity.Error, FaultKind.Source,
        "An export has no disk", "Attach the disk to the machine on the old host and export it again.");

    /// <summary>The export is of a template or a snapshot.</summary>
    public static readonly DiagnosticDescriptor NotAMachine = new("XSO009", Severity.Information, FaultKind.Source,
        "The export is of a template or snapshot", "Nothing to do if that was meant: it is converted as if it were a machine.");

    /// <summary>Hosts are stricter than we are.</summary>
    public static readonly DiagnosticDescriptor NotImportable = new("XSO010", Severity.Warning, FaultKind.Source,
        "XenServer does not import this machine", "Rehost reads it all the same. For a host, convert it with --to xenserver, which writes a description with every field that hosts demand.");

    /// <summary>A storage repository without the disk.</summary>
    public static readonly DiagnosticDescriptor NoVdi = new("XSO011", Severity.Error, FaultKind.Usage,
        "The disk is not in the storage repository", "Name one or more of the disks that are there with --vdi, by uuid; xe vm-disk-list on the host tells which machine has which.");
}
