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

    /// <summary>A system library is missing.</summary>
    public static readonly DiagnosticDescriptor LibraryMissing = new("DSK004", Severity.Error, FaultKind.Environment,
        "A compression library is missing", "Install it (Debian: zlib1g, libzstd1; RHEL: zlib, libzstd) or write the target uncompressed.");
}
