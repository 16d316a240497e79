using Rehost.Model;

namespace Rehost.Proof.Xen;

/// <summary>Findings of boot proofs under a real Xen: what keeps them from running, and why a guest was not started.</summary>
public static class XenLabDiagnostics
{
    /// <summary>There is no laboratory.</summary>
    public static readonly DiagnosticDescriptor NoLaboratory = new("XLB001", Severity.Error, FaultKind.Environment,
        "The Xen laboratory is missing", "Build it once with build/fixtures/xen-lab.sh of Rehost's sources, and name its directory with --xen-lab or in REHOST_XEN_LAB.");

    /// <summary>The laboratory cannot start this kind of guest.</summary>
    public static readonly DiagnosticDescriptor NotStartable = new("XLB002", Severity.Error, FaultKind.Usage,
        "The Xen laboratory does not start this guest", "Guests with firmware (HVM) need hardware virtualization, which the emulated machine of the laboratory does not give them: rehost boot --hypervisor kvm starts the same disks in QEMU alone, with the devices that Xen emulates.");

    /// <summary>dom0 did not come up.</summary>
    public static readonly DiagnosticDescriptor NoDom0 = new("XLB003", Severity.Error, FaultKind.Environment,
        "dom0 of the Xen laboratory did not come up", "Look at dom0.log and qemu.txt in the evidence directory, and build the laboratory anew with build/fixtures/xen-lab.sh.");

    /// <summary>xl gave up.</summary>
    public static readonly DiagnosticDescriptor NotCreated = new("XLB004", Severity.Error, FaultKind.Proof,
        "Xen's toolstack did not start the guest", "Read what xl said; a boot loader that finds no kernel means a menu or a file system that pygrub does not read.");
}
