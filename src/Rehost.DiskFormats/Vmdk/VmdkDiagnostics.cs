using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>Findings about VMDK images.</summary>
public static class VmdkDiagnostics
{
    private const string Damaged = "The image is damaged or was not copied completely: compare its size and hash with the original, and export or copy it again.";

    /// <summary>A header that cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("VMD001", Severity.Error, FaultKind.Source, "The VMDK header cannot be right", Damaged);

    /// <summary>A version of sparse extents that is not known.</summary>
    public static readonly DiagnosticDescriptor UnsupportedVersion = new("VMD002", Severity.Error, FaultKind.Source,
        "A VMDK version that is not read", "Convert it with 'vmkfstools -i' or 'vmware-vdiskmanager -r' to a plain disk and take that.");

    /// <summary>A feature or kind of extent that is not supported.</summary>
    public static readonly DiagnosticDescriptor UnsupportedFeature = new("VMD003", Severity.Error, FaultKind.Source,
        "The image is of a kind or needs a feature that is not supported", "Convert it with 'vmkfstools -i' or 'vmware-vdiskmanager -r' to a plain disk and take that; a raw device is copied as itself.");

    /// <summary>An encrypted disk.</summary>
    public static readonly DiagnosticDescriptor Encrypted = new("VMD004", Severity.Error, FaultKind.Source,
        "The disk is encrypted", "Decrypt the virtual machine in VMware (edit its storage policy, or remove the encryption) and export it again.");

    /// <summary>A descriptor that cannot be understood.</summary>
    public static readonly DiagnosticDescriptor BadDescriptor = new("VMD005", Severity.Error, FaultKind.Source,
        "The VMDK descriptor cannot be right", "Look at the descriptor, which is text; VMware's knowledge base tells how to make a new one for existing extents.");

    /// <summary>A table points to where no table or data can be.</summary>
    public static readonly DiagnosticDescriptor BadTable = new("VMD006", Severity.Error, FaultKind.Source, "A grain table cannot be right", Damaged);

    /// <summary>A compressed grain that does not decompress to a grain.</summary>
    public static readonly DiagnosticDescriptor BadGrain = new("VMD007", Severity.Error, FaultKind.Source, "A compressed grain is damaged", Damaged);

    /// <summary>The parent has changed, or is another disk.</summary>
    public static readonly DiagnosticDescriptor ParentMismatch = new("VMD008", Severity.Error, FaultKind.Source,
        "The parent is not the one that the disk was made upon", "Put the parent with this CID beside the disk; if the parent was started or changed after the snapshot, the chain is broken: take a backup.");

    /// <summary>An extent shorter than the descriptor says.</summary>
    public static readonly DiagnosticDescriptor ShortExtent = new("VMD009", Severity.Error, FaultKind.Source, "An extent is shorter than its disk says", Damaged);

    /// <summary>A single extent of a disk.</summary>
    public static readonly DiagnosticDescriptor OnlyAnExtent = new("VMD010", Severity.Error, FaultKind.Source,
        "The file is an extent of a disk, not a disk", "Name the descriptor instead: the small text file without -s001, -flat, -delta or -sesparse in its name.");

    /// <summary>A stream that ends in the middle.</summary>
    public static readonly DiagnosticDescriptor CutOff = new("VMD011", Severity.Error, FaultKind.Source, "The streamOptimized image is cut off", Damaged);

    /// <summary>A disk that the format cannot hold.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("VMD012", Severity.Error, FaultKind.Usage,
        "The disk is too large for this VMDK kind", "Write another format, or streamOptimized, which stores only what is not zero.");

    /// <summary>The redundant tables were used.</summary>
    public static readonly DiagnosticDescriptor RedundantUsed = new("VMD013", Severity.Warning, FaultKind.Source,
        "The grain tables are damaged, their redundant copies were used", "Check the machine's data after the conversion, and take no further copies of this image.");

    /// <summary>The footer or directory of a stream is damaged.</summary>
    public static readonly DiagnosticDescriptor FooterLost = new("VMD014", Severity.Warning, FaultKind.Source,
        "The footer of the stream is damaged; all its grains were found by their markers", "Check the machine's data after the conversion, and export it again if you can.");

    /// <summary>A region that the disk does not give access to.</summary>
    public static readonly DiagnosticDescriptor NoAccess = new("VMD015", Severity.Warning, FaultKind.Source,
        "A region of the disk is marked NOACCESS and reads as zeros", "Nothing, if the machine never used that region, which is how such disks are made.");

    /// <summary>The image was not closed.</summary>
    public static readonly DiagnosticDescriptor UncleanShutdown = new("VMD016", Severity.Warning, FaultKind.Source,
        "The image was in use when it was copied, or its host crashed", "Shut the machine down and copy the disk again, unless it is known to be idle.");

    /// <summary>Two grains lie in the same place.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("VMD017", Severity.Error, FaultKind.Source, "Two grains overlap", Damaged);

    /// <summary>The copies of the tables differ.</summary>
    public static readonly DiagnosticDescriptor TablesDiffer = new("VMD018", Severity.Warning, FaultKind.Source,
        "A grain table and its redundant copy differ", "The first is what VMware reads; check the machine's data, and let 'vmware-vdiskmanager -R' repair the image.");
}
