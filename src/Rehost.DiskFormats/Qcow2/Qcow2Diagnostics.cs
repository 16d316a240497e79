using Rehost.Model;

namespace Rehost.DiskFormats.Qcow2;

/// <summary>Findings about qcow2 images.</summary>
public static class Qcow2Diagnostics
{
    private const string Damaged = "The image is damaged: run 'qemu-img check' on a copy of it, or take it from a backup.";

    /// <summary>The header cannot be right.</summary>
    public static readonly DiagnosticDescriptor BadHeader = new("QCW001", Severity.Error, FaultKind.Source, "The qcow2 header cannot be right", Damaged);

    /// <summary>A version other than 2 and 3.</summary>
    public static readonly DiagnosticDescriptor UnsupportedVersion = new("QCW002", Severity.Error, FaultKind.Source,
        "A qcow2 version that is not read", "Convert it to version 3 with 'qemu-img convert -O qcow2'.");

    /// <summary>An incompatible feature that is not supported.</summary>
    public static readonly DiagnosticDescriptor UnsupportedFeature = new("QCW003", Severity.Error, FaultKind.Source,
        "The image needs a feature that is not supported", "Convert it to plain qcow2 with 'qemu-img convert -O qcow2'.");

    /// <summary>An encrypted image.</summary>
    public static readonly DiagnosticDescriptor Encrypted = new("QCW004", Severity.Error, FaultKind.Source,
        "The image is encrypted", "Decrypt it with 'qemu-img convert' and its secret first.");

    /// <summary>A backing file or data file that is no plain file of a known format.</summary>
    public static readonly DiagnosticDescriptor Reference = new("QCW005", Severity.Error, FaultKind.Source,
        "The image refers to something that is not opened", "Flatten the chain with 'qemu-img convert -O qcow2' where it was made, or rebase it onto a file with 'qemu-img rebase -u'.");

    /// <summary>A table points to where no table or data can be.</summary>
    public static readonly DiagnosticDescriptor BadTable = new("QCW006", Severity.Error, FaultKind.Source, "A table of the image cannot be right", Damaged);

    /// <summary>A compressed cluster cannot be decompressed.</summary>
    public static readonly DiagnosticDescriptor BadCompressedCluster = new("QCW007", Severity.Error, FaultKind.Source,
        "A compressed cluster cannot be decompressed", Damaged);

    /// <summary>The image was marked corrupt by QEMU.</summary>
    public static readonly DiagnosticDescriptor MarkedCorrupt = new("QCW008", Severity.Error, FaultKind.Source, "The image is marked corrupt", Damaged);

    /// <summary>The image was not closed.</summary>
    public static readonly DiagnosticDescriptor Dirty = new("QCW010", Severity.Warning, FaultKind.Source,
        "The image was not closed cleanly", "Make sure that the machine is shut down and nothing writes to the image; its content is read as it is.");

    /// <summary>A cluster is used more often than the image counts: it may be given away while in use.</summary>
    public static readonly DiagnosticDescriptor CountTooLow = new("QCW011", Severity.Error, FaultKind.Source,
        "A reference count is too low", "Do not start a machine on it: convert it to a new image, which needs no counts, or repair a copy with 'qemu-img check -r all'.");

    /// <summary>A cluster is used less often than the image counts.</summary>
    public static readonly DiagnosticDescriptor Leak = new("QCW012", Severity.Information, FaultKind.Source,
        "A cluster is lost", "Nothing is wrong with the content; 'qemu-img check -r leaks' or a conversion frees the space.");

    /// <summary>Something is stored where something else is.</summary>
    public static readonly DiagnosticDescriptor Overlap = new("QCW013", Severity.Error, FaultKind.Source, "Two things are stored in one place", Damaged);

    /// <summary>The flag that allows writing in place contradicts the count.</summary>
    public static readonly DiagnosticDescriptor CopiedFlag = new("QCW014", Severity.Error, FaultKind.Source,
        "A copied flag contradicts the reference count", "Writing to the image could damage a snapshot: convert it to a new image, or repair a copy with 'qemu-img check -r all'.");

    /// <summary>The tables are larger than any real ones.</summary>
    public static readonly DiagnosticDescriptor NotChecked = new("QCW015", Severity.Error, FaultKind.Source,
        "The image was not checked to the end", "No real image has such tables; take it from a backup, or check it with 'qemu-img check'.");

    /// <summary>A disk that is too large to be written.</summary>
    public static readonly DiagnosticDescriptor TooLarge = new("QCW009", Severity.Error, FaultKind.Target,
        "The disk is too large for qcow2 clusters of this size", "Choose larger clusters, or write a raw image instead.");
}
