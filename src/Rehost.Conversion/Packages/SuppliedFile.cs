using Rehost.Archives.Packages;

namespace Rehost.Conversion.Packages;

/// <summary>A package as the operator gave it.</summary>
/// <param name="FileName">Name of the file, without its directory.</param>
/// <param name="Sha256">SHA-256 of the file, in lower-case hex.</param>
/// <param name="Package">The package, open.</param>
public sealed record SuppliedFile(string FileName, string Sha256, SoftwarePackage Package);
