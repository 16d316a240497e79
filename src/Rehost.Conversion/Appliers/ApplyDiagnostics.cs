using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Findings of applying a plan.</summary>
public static class ApplyDiagnostics
{
    private const string PlanAgain = "The guest changed since the plan was made, or the plan is for another guest: make the plan again from this source.";

    /// <summary>A file's content differs from what the plan saw.</summary>
    public static readonly DiagnosticDescriptor NotAsSeen = new("CNV001", Severity.Error, FaultKind.Guest, "A guest file is not as the plan saw it", PlanAgain);

    /// <summary>A file to be made is there already.</summary>
    public static readonly DiagnosticDescriptor AlreadyThere = new("CNV002", Severity.Error, FaultKind.Guest, "A guest file that the plan makes is there already", PlanAgain);

    /// <summary>A file to be changed or removed is missing.</summary>
    public static readonly DiagnosticDescriptor Missing = new("CNV003", Severity.Error, FaultKind.Guest, "A guest file that the plan changes is missing", PlanAgain);

    /// <summary>Something of another kind is in the way.</summary>
    public static readonly DiagnosticDescriptor WrongKind = new("CNV004", Severity.Error, FaultKind.Guest, "A guest path is of another kind than the plan needs", PlanAgain);

    /// <summary>A disk of the plan is not among those given.</summary>
    public static readonly DiagnosticDescriptor UnknownDisk = new("CNV005", Severity.Error, FaultKind.Source, "The plan names a disk that the machine does not have", PlanAgain);

    /// <summary>A disk is not divided as the plan saw it.</summary>
    public static readonly DiagnosticDescriptor LayoutNotAsSeen = new("CNV006", Severity.Error, FaultKind.Source, "A disk is not divided as the plan saw it", PlanAgain);

    /// <summary>The layout asked for does not fit.</summary>
    public static readonly DiagnosticDescriptor LayoutImpossible = new("CNV007", Severity.Error, FaultKind.Target, "A disk layout of the plan is impossible",
        "Make the plan again; if it was edited by hand, check offsets and lengths (whole sectors, target at least as long as its parts).");

    /// <summary>The partition table has no free entry.</summary>
    public static readonly DiagnosticDescriptor TableFull = new("CNV008", Severity.Error, FaultKind.Guest, "The partition table has no free entry",
        "Remove a partition that is not used from the guest's disk, and export it again.");

    /// <summary>A kernel module cannot be read.</summary>
    public static readonly DiagnosticDescriptor BadModule = new("CNV009", Severity.Error, FaultKind.Guest, "A kernel module of the guest cannot be used",
        "Reinstall the kernel package in the guest and export it again.");

    /// <summary>A plan that contradicts itself.</summary>
    public static readonly DiagnosticDescriptor Contradiction = new("CNV010", Severity.Error, FaultKind.Usage, "The plan contradicts itself",
        "Make the plan again; if it was not edited by hand, this is a fault of Rehost: please report it with the plan.");

    /// <summary>An initramfs of a generator for which no hook is known.</summary>
    public static readonly DiagnosticDescriptor UnsupportedGenerator = new("CNV011", Severity.Error, FaultKind.Guest, "An initramfs cannot be extended",
        "Make an initramfs with the virtio drivers in the guest before exporting it (mkinitcpio, mkinitrd: add virtio_pci and virtio_blk to the modules).");

    /// <summary>An initramfs whose content cannot be changed as planned.</summary>
    public static readonly DiagnosticDescriptor InitramfsNotAsSeen = new("CNV012", Severity.Error, FaultKind.Guest, "The archive in an initramfs is not as the plan saw it",
        "Make the plan again from this source; when it stays so, make the initramfs anew in the guest before exporting it.");

    /// <summary>A file that the operator supplied when the plan was made.</summary>
    public static readonly DiagnosticDescriptor NotSupplied = new("CNV013", Severity.Error, FaultKind.Environment, "A driver or installer of the plan was not supplied",
        "Give the same --virtio-win and --first-boot-install as when the plan was made, or make the plan again.");

    /// <summary>A mark in the place of a secret that the guest does not have.</summary>
    public static readonly DiagnosticDescriptor UnknownSecret = new("CNV019", Severity.Error, FaultKind.Guest, "The plan refers to a secret that is not in the guest",
        "Plan again: the file that the mark names has changed, or the mark was edited in the plan. Marks ⟦hidden:…⟧ stand for secrets that plans do not show, and must stay as they are.");

    /// <summary>A package that the plan has and the conversion has not.</summary>
    public static readonly DiagnosticDescriptor PackageMissing = new("CNV020", Severity.Error, FaultKind.Usage, "A package of the plan was not given", "Give the same files with --package as when the plan was made.");

    /// <summary>A package for another kind of guest.</summary>
    public static readonly DiagnosticDescriptor PackageNotForGuest = new("CNV021", Severity.Error, FaultKind.Usage, "A package is not for this guest", "Give the package of the guest's own distribution, release and architecture.");

    /// <summary>A kernel for which no initramfs can be made.</summary>
    public static readonly DiagnosticDescriptor NoModelInitramfs = new("CNV022", Severity.Warning, FaultKind.Guest, "No initramfs can be made for a kernel of a package",
        "Without one, the kernel starts only where drivers of disk and file system are built in. Build the initramfs in the guest, or give a package that holds one.");
}
