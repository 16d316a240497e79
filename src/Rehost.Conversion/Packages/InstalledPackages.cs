using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>What installing packages did.</summary>
/// <param name="Packages">The packages, in the order given.</param>
/// <param name="Prepared">What was made beside their own files.</param>
/// <param name="Findings">What the operator should know.</param>
public sealed record InstalledPackages(ImmutableArray<SuppliedPackage> Packages, ImmutableArray<PreparedFile> Prepared, ImmutableArray<Diagnostic> Findings);
