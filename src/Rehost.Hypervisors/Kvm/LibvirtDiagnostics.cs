using Rehost.Model;

namespace Rehost.Hypervisors.Kvm;

/// <summary>Findings about libvirt domain XML.</summary>
public static class LibvirtDiagnostics
{
    /// <summary>Not well-formed, or with a DTD.</summary>
    public static readonly DiagnosticDescriptor BadXml = new("LVX001", Severity.Error, FaultKind.Source,
        "A libvirt domain description is damaged", "Write it again (virsh dumpxml NAME, or rehost convert).");

    /// <summary>Some other XML.</summary>
    public static readonly DiagnosticDescriptor NotADomain = new("LVX002", Severity.Error, FaultKind.Source,
        "The XML is no libvirt domain", "Give the file whose first element is <domain>.");

    /// <summary>A value makes no sense.</summary>
    public static readonly DiagnosticDescriptor BadValue = new("LVX003", Severity.Error, FaultKind.Source,
        "A libvirt domain description has an unusable value", "Correct the value; the libvirt documentation (formatdomain) says what is allowed.");

    /// <summary>Too large.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("LVX004", Severity.Error, FaultKind.Source,
        "A libvirt domain description is too large", "Check that the file is a domain description at all.");

    /// <summary>Cannot be read.</summary>
    public static readonly DiagnosticDescriptor Unreadable = new("LVX005", Severity.Error, FaultKind.Source,
        "A libvirt domain description cannot be read", "Check the path and its permissions.");

    /// <summary>The machine cannot be described for libvirt.</summary>
    public static readonly DiagnosticDescriptor Unwritable = new("LVX006", Severity.Error, FaultKind.Target,
        "A machine cannot be described for libvirt", "Give the machine another name or fewer devices; the message says what stands in the way.");
}
