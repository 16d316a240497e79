using Rehost.Model;

namespace Rehost.Archives.Iso9660;

/// <summary>Findings about ISO 9660 images.</summary>
public static class IsoDiagnostics
{
    /// <summary>Not an ISO image.</summary>
    public static readonly DiagnosticDescriptor NotAnIso = new("ISO001", Severity.Error, FaultKind.Environment,
        "The file is no ISO 9660 image", "Give an .iso file, or a directory with what is in it.");

    /// <summary>A damaged image.</summary>
    public static readonly DiagnosticDescriptor Damaged = new("ISO002", Severity.Error, FaultKind.Environment,
        "The ISO 9660 image is damaged or cut short", "Download it again and compare its checksum with the maker's.");
}
