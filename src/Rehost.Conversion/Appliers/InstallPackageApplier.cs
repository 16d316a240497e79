using Rehost.Model;

namespace Rehost.Conversion.Appliers;

/// <summary>Packages are unpacked before inspection, see <see cref="Packages.PackageInstaller"/>: what is left is to refuse a plan of other packages than those.</summary>
internal sealed class InstallPackageApplier() : ChangeApplier<InstallPackage>(ApplyPhase.Files)
{
    protected override void Check(InstallPackage change, ApplyContext context)
    {
        if (!context.InstalledPackages.Contains(change.Package.Sha256))
        {
            throw ApplyDiagnostics.PackageMissing.ToException($"the plan has {change.Package.Name} {change.Package.Version} with SHA-256 {change.Package.Sha256}", change.Package.FileName);
        }
    }

    protected override void Apply(InstallPackage change, ApplyContext context, CancellationToken cancellationToken)
    {
    }
}
