using Rehost.Model;

namespace Rehost.Archives.Packages;

/// <summary>Findings about rpm and deb packages that the operator supplies.</summary>
public static class PackageDiagnostics
{
    private const string Again = "Fetch the package again from the distribution's archive, and compare its checksum with the one that is published there.";

    /// <summary>A file that is no package.</summary>
    public static readonly DiagnosticDescriptor NotAPackage = new("PKG001", Severity.Error, FaultKind.Usage,
        "The file is neither an rpm nor a deb package", "Give binary packages as the distribution has them: kernel-xen-….x86_64.rpm, linux-image-…_amd64.deb.");

    /// <summary>A package that ends too early.</summary>
    public static readonly DiagnosticDescriptor Truncated = new("PKG002", Severity.Error, FaultKind.Usage, "A package ends too early", Again);

    /// <summary>A package that breaks its format.</summary>
    public static readonly DiagnosticDescriptor Corrupt = new("PKG003", Severity.Error, FaultKind.Usage, "A package is damaged", Again);

    /// <summary>Something that this code does not read.</summary>
    public static readonly DiagnosticDescriptor Unsupported = new("PKG004", Severity.Error, FaultKind.Usage,
        "A package uses a feature that is not supported", "Give the distribution's ordinary binary package; source packages and delta packages cannot be installed.");

    /// <summary>A package beyond all reason.</summary>
    public static readonly DiagnosticDescriptor Limit = new("PKG005", Severity.Error, FaultKind.Usage, "A package is beyond all reason", "Look at it with rpm2cpio or dpkg-deb --contents before going on.");

    /// <summary>A path that leads out of the guest.</summary>
    public static readonly DiagnosticDescriptor BadPath = new("PKG006", Severity.Error, FaultKind.Usage, "A package has a file with an impossible path", Again);
}
