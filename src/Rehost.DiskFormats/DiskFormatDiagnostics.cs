using Rehost.Model;

namespace Rehost.DiskFormats;

/// <summary>Findings about the choice of a disk format.</summary>
public static class DiskFormatDiagnostics
{
    /// <summary>A name that no format has.</summary>
    public static readonly DiagnosticDescriptor UnknownFormat = new("DSK001", Severity.Error, FaultKind.Usage,
        "An unknown disk format", "Give one of the formats that are listed.");

    /// <summary>A container of several disks was opened without saying which.</summary>
    public static readonly DiagnosticDescriptor DiskNotChosen = new("DSK002", Severity.Error, FaultKind.Usage,
        "The container holds several disks", "Say which disk is meant.");

    /// <summary>A format that is only read, or an option it does not have.</summary>
    public static readonly DiagnosticDescriptor CannotWrite = new("DSK003", Severity.Error, FaultKind.Usage,
        "The image cannot be written like this", "Choose another target format or leave the option out.");

    /// <summary>An image of guessed format refers to another file.</summary>
    public static readonly DiagnosticDescriptor ReferenceOfGuess = new("DSK005", Severity.Error, FaultKind.Source,
        "A reference that is not followed", "A guest can write such a header into its own disk. If the image really is of this format, say so with --format.");

    /// <summary>A chain of images that is too long, or a loop.</summary>
    public static readonly DiagnosticDescriptor ChainTooDeep = new("DSK006", Severity.Error, FaultKind.Source,
        "Too many images stand on each other", "Look at the chain with 'rehost image info'; merge snapshots where the machine runs before exporting it.");

    /// <summary>A format without structures of its own.</summary>
    public static readonly DiagnosticDescriptor NothingToCheck = new("DSK007", Severity.Error, FaultKind.Usage,
        "The format has nothing to check", "A disk without a container has no structures that could be wrong; compare it with another image instead.");

    /// <summary>An internal snapshot that the image does not have.</summary>
    public static readonly DiagnosticDescriptor NoSnapshot = new("DSK008", Severity.Error, FaultKind.Usage,
        "No such snapshot", "'rehost image info' lists the snapshots that an image holds; only qcow2 has internal ones.");

    /// <summary>Compressed content that is larger than what it is said to hold.</summary>
    public static readonly DiagnosticDescriptor ContentTooLarge = new("DSK010", Severity.Error, FaultKind.Source,
        "Compressed content is larger than announced", "This looks like a decompression bomb: look at the file with 'gzip -l' before going on.");

    /// <summary>A system library is missing.</summary>
    public static readonly DiagnosticDescriptor LibraryMissing = new("DSK004", Severity.Error, FaultKind.Environment,
        "A compression library is missing", "Install it (Debian: zlib1g, libzstd1; RHEL: zlib, libzstd) or write the target uncompressed.");
}
