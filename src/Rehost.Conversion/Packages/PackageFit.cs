using Rehost.Archives.Packages;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>Whether a package is for a guest: its format is that of the guest's package manager, and its programs are of the guest's architecture.</summary>
internal static class PackageFit
{
    private static readonly string[] Anywhere = ["noarch", "all"];

    /// <summary>Why a package cannot be installed; null when it can.</summary>
    public static string? WhyNot(SoftwarePackage package, Model.OperatingSystem system)
    {
        var wanted = system.Family switch
        {
            DistributionFamily.Debian => PackageFormat.Deb,
            DistributionFamily.RedHat or DistributionFamily.Suse or DistributionFamily.Mageia => PackageFormat.Rpm,
            _ => (PackageFormat?)null,
        };
        return wanted is not null && package.Format != wanted ? $"it is {Article(package.Format)}, and {system.Name} takes {Article(wanted.GetValueOrDefault())}"
            : IsFor(package.Architecture, system.Architecture) ? null
            : $"{package.Name} is built for {package.Architecture}, and the guest's programs are for {system.Architecture}";
    }

    private static string Article(PackageFormat format) => format == PackageFormat.Rpm ? "an rpm" : "a deb";

    private static bool IsFor(string package, string guest) => Anywhere.Contains(package) || guest switch
    {
        "x86_64" => package is "x86_64" or "amd64" or "ia32e" or "x86_64_v2",
        "i386" or "i486" or "i586" or "i686" => package is "i386" or "i486" or "i586" or "i686" or "athlon",
        "aarch64" => package is "aarch64" or "arm64",
        _ => package == guest,
    };
}
