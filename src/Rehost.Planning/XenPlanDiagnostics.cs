using Rehost.Model;

namespace Rehost.Planning;

/// <summary>Findings about how a guest starts on Xen.</summary>
public static class XenPlanDiagnostics
{
    /// <summary>The kernel is handed out by dom0.</summary>
    public static readonly DiagnosticDescriptor KernelFromDom0 = new("XPN001", Severity.Information, FaultKind.Target,
        "dom0 hands out the guest's kernel", "Copy kernel and initramfs, which lie beside the configuration, to dom0 with it; after each kernel update of the guest copy the new ones out of it.");

    /// <summary>Not PV, although that is the default.</summary>
    public static readonly DiagnosticDescriptor ChosenForm = new("XPN002", Severity.Information, FaultKind.Target,
        "The guest does not start as a PV guest on this target", "Nothing is to be done; --xen-boot asks for another form.");

    /// <summary>The form asked for is not possible.</summary>
    public static readonly DiagnosticDescriptor FormImpossible = new("XPN003", Severity.Error, FaultKind.Guest,
        "The guest cannot start on Xen in the form that was asked for", "Leave --xen-boot away: the plan then takes the first form that guest and target both can.");

    /// <summary>A release that does not take UEFI guests.</summary>
    public static readonly DiagnosticDescriptor NoUefi = new("XPN004", Severity.Error, FaultKind.Target,
        "The target's release starts no machines from UEFI", "Choose a newer release with --xenserver-version, or plain Xen.");

    /// <summary>The boot disk is not a device of its own.</summary>
    public static readonly DiagnosticDescriptor LayoutImpossible = new("XPN005", Severity.Error, FaultKind.Usage,
        "Partitions cannot become devices of their own on this target", "Use --disk-layout partitions with --to xen and a PV or PVH guest, or leave the option away.");
}
