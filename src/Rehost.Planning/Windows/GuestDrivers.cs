using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>Drivers that the guest has already.</summary>
internal static class GuestDrivers
{
    /// <summary>A file of system32\drivers; null when it is not there.</summary>
    public static WindowsFile? FindFile(WindowsFacts windows, string name) => Find(windows, $"{windows.SystemRoot}/System32/drivers/{name}");

    /// <summary>A file by its guest path, whatever its case; null when it is not there, or no step asked for it.</summary>
    public static WindowsFile? Find(WindowsFacts windows, string path) => windows.Files.FirstOrDefault(file => file.Path.Equals(path, StringComparison.OrdinalIgnoreCase));

    /// <summary>The package of the guest's own driver store that drives a controller; null when there is none whose driver file is still there.</summary>
    public static InstalledDriverPackage? PackageFor(WindowsFacts windows, WindowsBus bus)
        => windows.DriverPackages.FirstOrDefault(package => package.Services.Length > 0 && package.HardwareIds.Any(id => DriverChoice.IsFor(id, bus.HardwareIds)) && package.Files.Any(file => FindFile(windows, file) is not null));
}
