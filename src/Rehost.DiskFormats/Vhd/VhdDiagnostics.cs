using Rehost.Model;

namespace Rehost.DiskFormats.Vhd;

/// <summary>Findings about VHD images.</summary>
public static class VhdDiagnostics
{
    private const string Damaged = "The image is damaged: check that it was copied completely, or take it from a backup.";

    /// <summary>No footer that can be right.</summary>
    public static readonly DiagnosticDescriptor BadFooter = new("VHD001", Severity.Error, FaultKind.Source, "The VHD footer cannot be right", Damaged);

    /// <summary>The footer at the end is damaged and its copy at the start was used.</summary>
    public static readonly DiagnosticDescriptor FooterDamaged = new("VHD002", Severity.Warning, FaultKind.Source,
        "The VHD footer is damaged", "What can be checked is right, but the file may be cut off: compare its size with the original's and look at the result.");

    /// <summary>The dynamic header cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("VHD003", Severity.Error, FaultKind.Source, "The header of a dynamic VHD cannot be right", Damaged);

    /// <summary>The block allocation table points to where no block can be.</summary>
    public static readonly DiagnosticDescriptor BadTable = new("VHD004", Severity.Error, FaultKind.Source, "The block table of a VHD cannot be right", Damaged);

    /// <summary>Two blocks share a place in the file.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("VHD005", Severity.Error, FaultKind.Source, "Two parts of a VHD lie in one place", Damaged);

    /// <summary>A kind of VHD that is not read.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("VHD006", Severity.Error, FaultKind.Source,
        "A kind of VHD that is not read", "Convert it to a dynamic VHD with the hypervisor that made it (Hyper-V: Convert-VHD, XenServer: vhd-util).");

    /// <summary>A parent that is not the one the image was made on.</summary>
    public static readonly DiagnosticDescriptor WrongParent = new("VHD007", Severity.Error, FaultKind.Source,
        "The parent is not the one that the image was made on", "Put the parent with the right unique id next to the image; a parent of another id would give wrong data.");

    /// <summary>A differencing image that does not say where its parent is.</summary>
    public static readonly DiagnosticDescriptor NoParent = new("VHD008", Severity.Error, FaultKind.Source,
        "The image does not say where its parent is", "Merge the snapshots where the machine runs, or export it again.");

    /// <summary>A batmap that cannot be used.</summary>
    public static readonly DiagnosticDescriptor BadBatmap = new("VHD009", Severity.Warning, FaultKind.Source,
        "The batmap is damaged", "Nothing is lost: the bitmaps of the blocks say the same and were used instead.");

    /// <summary>A disk that is too large to be written.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("VHD010", Severity.Error, FaultKind.Target,
        "The disk is too large for a VHD", "Write VHDX, qcow2 or raw instead; a VHD holds at most 2040 GiB.");

    /// <summary>Header copy and footer differ.</summary>
    public static readonly DiagnosticDescriptor CopyDiffers = new("VHD011", Severity.Warning, FaultKind.Source,
        "The footer and its copy differ", "The footer at the end counts. A tool that changed only one of them left the image like this; converting it repairs it.");
}
