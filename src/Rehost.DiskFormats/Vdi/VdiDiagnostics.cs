using Rehost.Model;

namespace Rehost.DiskFormats.Vdi;

/// <summary>Findings about VDI images.</summary>
public static class VdiDiagnostics
{
    private const string Damaged = "The image is damaged: check that it was copied completely, or take it from a backup.";

    /// <summary>The header cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("VDI001", Severity.Error, FaultKind.Source, "The VDI header cannot be right", Damaged);

    /// <summary>A version or kind that is not read.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("VDI002", Severity.Error, FaultKind.Source,
        "A kind of VDI that is not read", "Clone it with VirtualBox ('VBoxManage clonemedium'), which writes the present version.");

    /// <summary>The block table points to where no block can be.</summary>
    public static readonly DiagnosticDescriptor BadTable = new("VDI003", Severity.Error, FaultKind.Source, "The block table of a VDI cannot be right", Damaged);

    /// <summary>Two blocks share a place in the file.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("VDI004", Severity.Error, FaultKind.Source, "Two blocks of a VDI lie in one place", Damaged);

    /// <summary>The parent is not among the files.</summary>
    public static readonly DiagnosticDescriptor NoParent = new("VDI005", Severity.Error, FaultKind.Source,
        "The parent of a VDI is missing", "A VDI names its parent only by UUID: put the parent into the same directory, or allow the directory it is in with --allow-path (VirtualBox keeps snapshots in 'Snapshots' below it).");

    /// <summary>The parent was changed after the child was made.</summary>
    public static readonly DiagnosticDescriptor ParentChanged = new("VDI006", Severity.Error, FaultKind.Source,
        "The parent of a VDI was changed", "What the child holds fits the parent as it was: take the parent from the time of the snapshot, or the whole machine from a backup.");

    /// <summary>A disk that is too large to be written.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("VDI007", Severity.Error, FaultKind.Target,
        "The disk is too large for a VDI", "Write raw, qcow2 or VHDX instead.");

    /// <summary>The header counts other blocks than the table has.</summary>
    public static readonly DiagnosticDescriptor WrongCount = new("VDI008", Severity.Warning, FaultKind.Source,
        "The header counts the blocks wrongly", "Nothing is lost: the table counts. Converting the image repairs it.");
}
