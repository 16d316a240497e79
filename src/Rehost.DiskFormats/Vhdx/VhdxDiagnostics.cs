using Rehost.Model;

namespace Rehost.DiskFormats.Vhdx;

/// <summary>Findings about VHDX images.</summary>
public static class VhdxDiagnostics
{
    private const string Damaged = "The image is damaged: check that it was copied completely while the machine was off, or take it from a backup.";

    /// <summary>No header that can be right.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("VHX001", Severity.Error, FaultKind.Source, "The VHDX header cannot be right", Damaged);

    /// <summary>A region table or a region that cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadRegions = new("VHX002", Severity.Error, FaultKind.Source, "The region table of a VHDX cannot be right", Damaged);

    /// <summary>Metadata that cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadMetadata = new("VHX003", Severity.Error, FaultKind.Source, "The metadata of a VHDX cannot be right", Damaged);

    /// <summary>A version, region or item that is not known and must be.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("VHX004", Severity.Error, FaultKind.Source,
        "The image needs a feature that is not supported", "Convert it with the hypervisor that made it (Hyper-V: Convert-VHD).");

    /// <summary>The block allocation table points to where no block can be.</summary>
    public static readonly DiagnosticDescriptor BadTable = new("VHX005", Severity.Error, FaultKind.Source, "The block table of a VHDX cannot be right", Damaged);

    /// <summary>Two parts of the image share a place in the file.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("VHX006", Severity.Error, FaultKind.Source, "Two parts of a VHDX lie in one place", Damaged);

    /// <summary>A log that cannot be replayed.</summary>
    public static readonly DiagnosticDescriptor BadLog = new("VHX007", Severity.Error, FaultKind.Source,
        "The log of a VHDX cannot be replayed", "The image was not closed and its log is damaged: mount it once where it comes from (Hyper-V: Mount-VHD, Dismount-VHD), then copy it again.");

    /// <summary>A log was replayed in memory.</summary>
    public static readonly DiagnosticDescriptor LogReplayed = new("VHX008", Severity.Warning, FaultKind.Source,
        "The image was not closed", "Its log was replayed in memory and the file was left alone. The guest was probably not shut down either: look at its file systems.");

    /// <summary>A parent that is not the one the image was made on.</summary>
    public static readonly DiagnosticDescriptor WrongParent = new("VHX009", Severity.Error, FaultKind.Source,
        "The parent is not the one that the image was made on", "The parent was exchanged or changed after the image was made: put the right one next to the image, or take both from a backup.");

    /// <summary>A differencing image that does not say where its parent is.</summary>
    public static readonly DiagnosticDescriptor NoParent = new("VHX010", Severity.Error, FaultKind.Source,
        "The image does not say where its parent is", "Merge the checkpoints where the machine runs, or export it again.");

    /// <summary>A disk that is too large to be written.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("VHX011", Severity.Error, FaultKind.Target,
        "The disk is too large for a VHDX", "Write qcow2 or raw instead; a VHDX holds at most 64 TiB.");

    /// <summary>One of two copies is damaged.</summary>
    public static readonly DiagnosticDescriptor CopyDamaged = new("VHX012", Severity.Warning, FaultKind.Source,
        "One of two copies in a VHDX is damaged", "Nothing is lost, the other one was used. Converting the image repairs it.");
}
