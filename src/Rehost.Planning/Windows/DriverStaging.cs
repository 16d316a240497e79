using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// Puts a supplied package into the guest such that Plug and Play finds it and a later pnputil or upgrade of Windows can handle it. From Windows 8 on that is what `dism /add-driver` leaves: the
/// package in the driver store, oemNN.inf, its catalogue, and its entries in DriverDatabase. Before, the driver store has indexes of an undocumented form; there the package goes to a
/// directory of DevicePath, where Plug and Play looks, and the first start adds it properly.
/// </summary>
internal sealed class DriverStaging(PlanningContext context, WindowsFacts windows, RegistryView registry)
{
    /// <summary>Directory for packages before Windows 8, and for what the first start runs.</summary>
    public const string OwnDirectory = "Rehost";

    private static readonly string[] BothHives = ["SYSTEM", "DRIVERS"];
    private const string CatalogRoot = "System32/CatRoot/{F750E6C3-38EE-11D1-85E5-00C04FC295EE}";
    private const string DevicePathKey = @"SOFTWARE\Microsoft\Windows\CurrentVersion";

    /// <summary>What steps that stage packages read.</summary>
    public static ImmutableArray<string> Reads { get; } =
    [
        @"HKLM\SYSTEM\DriverDatabase", @"HKLM\SYSTEM\DriverDatabase\DriverInfFiles\oem*.inf!", @"HKLM\SYSTEM\DriverDatabase\DriverPackages\*", @"HKLM\SYSTEM\DriverDatabase\DriverFiles\*|oem*",
        @"HKLM\DRIVERS\DriverDatabase", @"HKLM\DRIVERS\DriverDatabase\DriverInfFiles\oem*.inf!", @"HKLM\DRIVERS\DriverDatabase\DriverPackages\*", @"HKLM\DRIVERS\DriverDatabase\DriverFiles\*|oem*",
        @"HKLM\SYSTEM\DriverDatabase\DeviceIds\**|oem*", @"HKLM\DRIVERS\DriverDatabase\DeviceIds\**|oem*",
        @"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion",
        "%SystemRoot%/System32/drivers/*!", "%SystemRoot%/inf/oem*", "%SystemRoot%/" + CatalogRoot + "/oem*", "%SystemRoot%/" + OwnDirectory + "/*!", "%SystemRoot%/" + OwnDirectory + "/Drivers/*/*!",
    ];

    /// <summary>Whether packages go to the driver store with its database.</summary>
    public bool HasDriverDatabase => windows.Version.IsAtLeast(6, 2) && registry.Exists(@"SYSTEM\DriverDatabase");

    /// <summary>Name of the package's directory in the driver store: name, architecture and sixteen digits, which Windows takes from the content, and so do we.</summary>
    public string PackageName(DriverPackage package) => $"{package.InfName.ToLowerInvariant()}_{windows.Architecture}_{package.Files[0].Sha256[..16]}";

    /// <summary>Puts a package in place.</summary>
    /// <param name="chosen">The package with its devices.</param>
    /// <param name="isForBoot">Whether Windows must find it before it can read its disk.</param>
    /// <param name="reason">Why.</param>
    public void Stage(ChosenPackage chosen, bool isForBoot, string reason)
    {
        if (HasDriverDatabase)
        {
            StageInStore(chosen, isForBoot, reason);
        }
        else
        {
            StageInDevicePath(chosen.Package, reason);
        }
    }

    /// <summary>Puts one supplied file in place, unless it is there.</summary>
    public void Place(DriverPackage package, DriverFile file, string path, string reason)
    {
        var existing = GuestDrivers.Find(windows, path);
        if (existing?.Sha256 == file.Sha256)
        {
            return;
        }

        context.Add(new PlaceFile
        {
            StepId = context.Step.Id, Requirements = context.Step.Requirements, Reason = reason, Path = existing?.Path ?? path, From = package.Directory.Length == 0 ? file.Name : $"{package.Directory}/{file.Name}", Sha256 = file.Sha256,
            LengthBytes = file.LengthBytes, BeforeSha256 = existing?.Sha256,
        });
    }

    /// <summary>Directory of a package in DevicePath, below the system root.</summary>
    public static string DevicePathDirectory(DriverPackage package) => $"{OwnDirectory}/Drivers/{package.InfName[..package.InfName.LastIndexOf('.')].ToLowerInvariant()}";

    /// <summary>Notes that the number of a published name is in use no more.</summary>
    public static void Release(RegistryView registry, string database, string infName, string reason)
    {
        if (infName.StartsWith("oem", StringComparison.OrdinalIgnoreCase) && int.TryParse(infName.AsSpan(3, infName.LastIndexOf('.') - 3), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && registry.Value(database, "OemInfMap") is { Type: "REG_BINARY" } map && number / 8 < map.Bytes.Count)
        {
            var bits = map.Bytes.ToArray();
            bits[number / 8] &= (byte)(0xff ^ (0x80 >> (number % 8)));
            registry.Set(database, "OemInfMap", RegistryData.OfBytes(bits), reason);
        }
    }

    private void StageInDevicePath(DriverPackage package, string reason)
    {
        var directory = DevicePathDirectory(package);
        foreach (var file in package.Files)
        {
            Place(package, file, $"{windows.SystemRoot}/{directory}/{file.Name}", reason);
        }

        var entry = $@"%SystemRoot%\{directory.Replace('/', '\\')}";
        var before = registry.Value(DevicePathKey, "DevicePath");
        var paths = (before?.Text ?? @"%SystemRoot%\inf").Split(';', StringSplitOptions.RemoveEmptyEntries);
        if (!paths.Contains(entry, StringComparer.OrdinalIgnoreCase))
        {
            registry.Set(DevicePathKey, "DevicePath", RegistryData.OfExpandableText(string.Join(';', paths.Append(entry))), "Plug and Play looks for drivers in these directories.");
        }
    }

    private void StageInStore(ChosenPackage chosen, bool isForBoot, string reason)
    {
        var package = chosen.Package;
        var name = PackageName(package);

        // What disks need is in SYSTEM, which the boot loader reads; all else is in DRIVERS where there is one.
        var database = (isForBoot || !registry.HasHive("DRIVERS") ? "SYSTEM" : "DRIVERS") + @"\DriverDatabase";
        if (PublishedName(name) is not null)
        {
            return;
        }

        var number = FreeNumber();
        var published = string.Create(CultureInfo.InvariantCulture, $"oem{number}.inf");
        var store = $"{windows.SystemRoot}/System32/DriverStore/FileRepository/{name}";
        foreach (var file in package.Files)
        {
            Place(package, file, $"{store}/{file.Name}", reason);
        }

        Place(package, package.Files[0], $"{windows.SystemRoot}/INF/{published}", reason);
        if (package.CatalogFile is { } catalog && package.Files.FirstOrDefault(file => file.Name.Equals(catalog, StringComparison.OrdinalIgnoreCase)) is { } signed)
        {
            Place(package, signed, $"{windows.SystemRoot}/{CatalogRoot}/{published[..^4]}.cat", "The catalogue is what vouches for the driver's files.");
        }

        var sections = package.Models.Where(model => chosen.Models[0].MinimumVersion == model.MinimumVersion && chosen.Models[0].ProductType == model.ProductType).ToList();
        var inf = $@"{database}\DriverInfFiles\{published}";
        registry.Set(inf, "", RegistryData.OfTexts(name), reason);
        registry.Set(inf, "Active", RegistryData.OfText(name), reason);
        registry.Set(inf, "Configurations", RegistryData.OfTexts(sections.Select(model => model.EffectiveSection).Distinct(StringComparer.OrdinalIgnoreCase)), reason);
        StagePackage(database, package, sections, name, published, reason);
        foreach (var model in sections.DistinctBy(model => model.HardwareId.ToUpperInvariant()))
        {
            registry.Set($@"{database}\DeviceIds\{model.HardwareId}", published, RegistryData.OfBytes([1, 0xff, 0, 0]), reason);
        }

        registry.Set($@"{database}\DeviceIds\{package.ClassGuid}", published, new RegistryData("REG_NONE", "hex:"), reason);
        NoteNumber(database, number, reason);
    }

    private void StagePackage(string database, DriverPackage package, List<DriverModel> models, string name, string published, string reason)
    {
        const uint signed = 0x0d000003; // signed for hardware by Microsoft or by a publisher that is trusted
        const uint unsigned = 0x80000000;
        const uint statusOfImported = 0x116; // as every package of a real driver database has it
        var key = $@"{database}\DriverPackages\{name}";
        registry.Set(key, "", RegistryData.OfText(published), reason);
        registry.Set(key, "Version", RegistryData.OfBytes(PackageVersion.Encode(package)), reason);
        registry.Set(key, "Provider", RegistryData.OfText(package.Provider), reason);
        registry.Set(key, "InfName", RegistryData.OfText(package.InfName), reason);
        registry.Set(key, "SignerScore", RegistryData.OfNumber(package.CatalogDigests.IsEmpty ? unsigned : signed), reason);
        registry.Set(key, "StatusFlags", RegistryData.OfNumber(statusOfImported), reason);
        if (package.CatalogFile is { } catalog)
        {
            registry.Set(key, "Catalog", RegistryData.OfText(catalog), reason);
        }

        foreach (var model in models.DistinctBy(model => model.EffectiveSection.ToUpperInvariant()))
        {
            var configuration = $@"{key}\Configurations\{model.EffectiveSection}";
            registry.Set(configuration, "ConfigFlags", RegistryData.OfNumber(0), reason);
            if (model.Services is [var service, ..])
            {
                registry.Set(configuration, "Service", RegistryData.OfText(service.Name), reason);
                registry.Create($@"{configuration}\Services\{service.Name}", reason);
                foreach (var value in service.Values)
                {
                    registry.Set($@"{configuration}\Services\{service.Name}\{value.Key}".TrimEnd('\\'), value.Name, value.Data, reason);
                }
            }
        }

        foreach (var model in models.DistinctBy(model => model.HardwareId.ToUpperInvariant()))
        {
            var descriptor = $@"{key}\Descriptors\{model.HardwareId}";
            registry.Set(descriptor, "Configuration", RegistryData.OfText(model.EffectiveSection), reason);
            registry.Set(descriptor, "Description", RegistryData.OfText(model.Description), reason);
            registry.Set(descriptor, "Manufacturer", RegistryData.OfText(package.Provider), reason);
        }
    }

    /// <summary>Published name of a package that is in the driver store; null when it is not.</summary>
    private string? PublishedName(string package)
        => Databases().SelectMany(database => registry.Subkeys($@"{database}\DriverInfFiles").Where(inf => string.Equals(registry.Text($@"{database}\DriverInfFiles\{inf}", "Active"), package, StringComparison.OrdinalIgnoreCase))).FirstOrDefault();

    private IEnumerable<string> Databases() => BothHives.Where(registry.HasHive).Select(hive => hive + @"\DriverDatabase");

    private int FreeNumber()
    {
        var taken = Databases().SelectMany(database => registry.Subkeys($@"{database}\DriverInfFiles")).Concat(windows.Files.Select(file => file.Path[(file.Path.LastIndexOf('/') + 1)..]))
            .Concat(context.PlannedPaths.Select(path => path[(path.LastIndexOf('/') + 1)..])).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return Enumerable.Range(0, 100_000).First(number => !taken.Contains(string.Create(CultureInfo.InvariantCulture, $"oem{number}.inf")) && !taken.Contains(string.Create(CultureInfo.InvariantCulture, $"oem{number}.cat")));
    }

    // OemInfMap has a bit for each number in use, the highest bit of the first byte for oem0.inf: so it is in real hives.
    private void NoteNumber(string database, int number, string reason)
    {
        if (registry.Value(database, "OemInfMap") is not { Type: "REG_BINARY" } map)
        {
            return;
        }

        var bits = map.Bytes.ToArray();
        if (number / 8 >= bits.Length)
        {
            bits = [.. bits, .. new byte[(number / 8) + 1 - bits.Length]];
        }

        bits[number / 8] |= (byte)(0x80 >> (number % 8));
        registry.Set(database, "OemInfMap", RegistryData.OfBytes(bits), reason);
    }
}
