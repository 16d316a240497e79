using Rehost.Model;

namespace Rehost.Hypervisors.Vmware;

/// <summary>Findings about VMware configurations (.vmx).</summary>
public static class VmxDiagnostics
{
    /// <summary>Not a configuration, or past a limit.</summary>
    public static readonly DiagnosticDescriptor BadFile = new("VMX001", Severity.Error, FaultKind.Source,
        "A .vmx file cannot be read", "Copy it again from the datastore; it is a text of lines like memSize = \"1024\".");

    /// <summary>A field has an impossible value.</summary>
    public static readonly DiagnosticDescriptor BadField = new("VMX002", Severity.Error, FaultKind.Source,
        "A field of a .vmx file has an unusable value", "Mend the line with an editor, or copy the file again from the datastore.");

    /// <summary>No disk.</summary>
    public static readonly DiagnosticDescriptor NoDisk = new("VMX003", Severity.Error, FaultKind.Source,
        "A .vmx file has no disk", "Attach the disk to the machine on the old host, or convert its .vmdk on its own.");

    /// <summary>The machine is suspended.</summary>
    public static readonly DiagnosticDescriptor Suspended = new("VMX004", Severity.Error, FaultKind.Source,
        "A suspended machine cannot be converted", "Its memory cannot be moved to another hypervisor and its disks are in the middle of work: resume it, shut it down properly and copy it again.");

    /// <summary>A disk was found under its name alone.</summary>
    public static readonly DiagnosticDescriptor DiskMoved = new("VMX005", Severity.Information, FaultKind.Source,
        "A disk was found beside the .vmx file", "Nothing to do if the machine was copied to here: the path that the file has is that of the old host.");
}
