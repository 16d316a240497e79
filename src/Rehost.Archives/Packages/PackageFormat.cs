namespace Rehost.Archives.Packages;

/// <summary>The formats of packages.</summary>
public enum PackageFormat
{
    /// <summary>RPM of Red Hat, SUSE, Mageia.</summary>
    Rpm,

    /// <summary>deb of Debian and Ubuntu.</summary>
    Deb,
}
