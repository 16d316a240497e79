using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Makes the driver of the target's disk controller start with the boot.</summary>
internal sealed class StorageDriverStep : WindowsStep
{
    private const string ScsiClass = "{4d36e97b-e325-11ce-bfc1-08002be10318}";

    public override string Id => "windows-storage-driver";

    public override string Title => "Driver of the disk controller";

    public override string Description =>
        "Windows stops with 0x7B when the driver of its disk does not start with the boot. The driver that was supplied (viostor, vioscsi) goes to system32\\drivers and the driver store, its service starts at boot in every " +
        "control set, and Windows is told which device it is for: CriticalDeviceDatabase before Windows 8, DriverDatabase from then on. Where none was supplied, the in-box driver of a bus that the target can give is switched on. " +
        "StartOverride, by which Windows switches off boot drivers that it did not need, is cleared. Directories are taken in this order: the guest's own system, the same kernel of the other product, older ones.";

    public override ImmutableArray<string> Requirements => ["S3.8", "S3.10", "S3.16"];

    public override ImmutableArray<string> Reads =>
    [
        .. ServiceKeys, @"HKLM\SYSTEM\ControlSet*\Services\*\Parameters", @"HKLM\SYSTEM\ControlSet*\Services\*\Parameters\PnpInterface", @"HKLM\SYSTEM\ControlSet*\Services\vio*\**", @"HKLM\SYSTEM\ControlSet*\Services\vrtio*\**",
        @"HKLM\SYSTEM\ControlSet*\Control\CriticalDeviceDatabase\*!", .. DriverStaging.Reads,
    ];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var bus = WindowsTargetFit.ChooseBus(windows, context.Target.Hypervisor, context.Options);
        if (bus is null)
        {
            context.Report(WindowsPlanDiagnostics.NoStorageDriver.Create($"looked for {string.Join(", ", WindowsBus.Of(context.Target.Hypervisor).Select(one => one.Model))}; system32\\drivers has none of their drivers, and {Supplied(context.Options)}"));
            return;
        }

        if (bus.Model == "ide" && context.Facts.Disks.Length > 4)
        {
            context.Report(WindowsPlanDiagnostics.TooManyDisks.Create($"{context.Facts.Disks.Length} disks"));
        }

        if (!context.Options.Drivers.IsEmpty && bus.InBox.Length > 0 && !NetworkDriverStep.XenPackages(context, windows).Any())
        {
            context.Report(WindowsPlanDiagnostics.DriversDoNotFit.Create($"Windows {windows.Version}, {windows.Architecture}: {Supplied(context.Options)}; looked in directories named {string.Join(", ", DriverChoice.DirectoryOrder(windows))}"));
        }

        if (DriverChoice.Choose(windows, context.Options.Drivers, bus.HardwareIds) is { } chosen)
        {
            Report(context, windows, chosen);
            Install(context, windows, registry, bus, chosen);
        }
        else if (GuestDrivers.PackageFor(windows, bus) is { } own)
        {
            foreach (var service in own.Services.Where(service => windows.ControlSets.Any(set => registry.Exists($@"{set.Key}\Services\{service}"))))
            {
                SwitchOn(registry, windows, service, $"The guest has {own.InfName} for {bus.Model} already; it must start with the boot.");
                Tie(registry, windows, service, [.. own.HardwareIds.Where(id => DriverChoice.IsFor(id, bus.HardwareIds)), .. bus.HardwareIds], ScsiClass, null);
            }
        }
        else
        {
            foreach (var driver in bus.InBoxOf(windows))
            {
                var reason = $"No driver for a faster controller was supplied, so the disks are on {bus.Model}; {driver.File} comes with Windows and must start with the boot.";
                foreach (var set in windows.ControlSets.Where(set => !registry.Exists($@"{set.Key}\Services\{driver.Service}")))
                {
                    WriteService(registry, $@"{set.Key}\Services\{driver.Service}", 1, driver.Group, 1, $@"system32\drivers\{driver.File}", reason);
                }

                SwitchOn(registry, windows, driver.Service, reason);
                Tie(registry, windows, driver.Service, driver.DeviceIds, driver.ClassGuid, null);
            }
        }

        context.Skip($"the driver for {bus.Model} starts with the boot already");
    }

    /// <summary>Findings about a package that is used.</summary>
    internal static void Report(PlanningContext context, WindowsFacts windows, ChosenPackage chosen)
    {
        if (chosen.Fallback is { } fallback)
        {
            context.Report(WindowsPlanDiagnostics.DriverOfOtherVersion.Create(fallback, chosen.Package.InfName));
        }

        if (chosen.Package.CatalogDigests.IsEmpty && windows.Version.IsAtLeast(6, 0))
        {
            context.Report(WindowsPlanDiagnostics.NoCatalogue.Create($"{chosen.Package.Directory} has no {chosen.Package.CatalogFile ?? "catalogue"}", chosen.Package.InfName));
        }

        if (!windows.KnowsSha2 && windows.Version.IsAtLeast(6, 0) && chosen.Package.CatalogDigests is ["SHA-256"])
        {
            context.Report(WindowsPlanDiagnostics.SignatureNotKnown.Create($"{chosen.Package.CatalogFile} has SHA-256 only, and neither KB3033929 nor KB4474419 is installed", chosen.Package.InfName));
        }
    }

    private static void Install(PlanningContext context, WindowsFacts windows, RegistryView registry, WindowsBus bus, ChosenPackage chosen)
    {
        var staging = new DriverStaging(context, windows, registry);
        var service = chosen.Service;
        var reason = $"The disks are on {bus.Model}, which {chosen.Package.InfName} of {chosen.Package.Provider} {chosen.Package.DriverVersion} drives.";
        var binary = service.Binary.Split('\\')[^1];
        foreach (var name in chosen.Models.SelectMany(model => model.DriverFiles).Append(binary).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            if (chosen.Package.Files.FirstOrDefault(file => file.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } file)
            {
                staging.Place(chosen.Package, file, $"{windows.SystemRoot}/System32/drivers/{file.Name}", reason);
            }
        }

        staging.Stage(chosen, isForBoot: true, reason);
        foreach (var set in windows.ControlSets)
        {
            var key = $@"{set.Key}\Services\{service.Name}";
            WriteService(registry, key, service.Type, service.Group ?? "SCSI miniport", service.ErrorControl, $@"system32\drivers\{binary}", reason);
            if (staging.HasDriverDatabase)
            {
                registry.Set(key, "Owners", RegistryData.OfTexts(Owner(registry, staging.PackageName(chosen.Package)) ?? chosen.Package.InfName), reason);
            }

            foreach (var value in service.Values)
            {
                registry.Set(value.Key.Length == 0 ? key : $@"{key}\{value.Key}", value.Name, value.Data, reason);
            }
        }

        SwitchOn(registry, windows, service.Name, reason);
        Tie(registry, windows, service.Name, [.. chosen.Models.Select(model => model.HardwareId), .. bus.HardwareIds], chosen.Package.ClassGuid, staging);
    }

    private static string? Owner(RegistryView registry, string package)
        => registry.Subkeys(@"SYSTEM\DriverDatabase\DriverInfFiles").FirstOrDefault(inf => registry.Text($@"SYSTEM\DriverDatabase\DriverInfFiles\{inf}", "Active") == package);

    private static void WriteService(RegistryView registry, string key, uint type, string group, uint errorControl, string imagePath, string reason)
    {
        registry.Set(key, "Type", RegistryData.OfNumber(type), reason);
        registry.Set(key, "Start", RegistryData.OfNumber(0), reason);
        registry.Set(key, "ErrorControl", RegistryData.OfNumber(errorControl), reason);
        registry.Set(key, "Group", RegistryData.OfText(group), reason);
        registry.Set(key, "ImagePath", RegistryData.OfExpandableText(imagePath), reason);
    }

    /// <summary>Start at boot in every control set; a StartOverride of anything but 0 wins over Start and is removed.</summary>
    private static void SwitchOn(RegistryView registry, WindowsFacts windows, string service, string reason)
    {
        foreach (var set in windows.ControlSets.Where(set => registry.Exists($@"{set.Key}\Services\{service}")))
        {
            var key = $@"{set.Key}\Services\{service}";
            registry.Set(key, "Start", RegistryData.OfNumber(0), reason);
            foreach (var name in registry.Values($@"{key}\StartOverride").Where(value => value.Value.Number != 0).Select(value => value.Key).Order(StringComparer.Ordinal).ToList())
            {
                registry.RemoveValue($@"{key}\StartOverride", name, "Windows switched this driver off because it did not need it on the old hardware; the override would win over Start.");
            }
        }
    }

    /// <summary>Ties device ids to a service where the boot decides by CriticalDeviceDatabase: before Windows 8.</summary>
    private static void Tie(RegistryView registry, WindowsFacts windows, string service, IEnumerable<string> ids, string classGuid, DriverStaging? staging)
    {
        if (staging?.HasDriverDatabase == true || windows.Version.IsAtLeast(6, 2))
        {
            return;
        }

        foreach (var set in windows.ControlSets)
        {
            foreach (var id in ids.Distinct(StringComparer.OrdinalIgnoreCase))
            {
                var key = $@"{set.Key}\Control\CriticalDeviceDatabase\{id.Replace('\\', '#').ToLowerInvariant()}";
                const string reason = "Before Windows 8, the boot looks up here which service drives a device that it sees for the first time.";
                registry.Set(key, "ClassGUID", RegistryData.OfText(classGuid.ToUpperInvariant()), reason);
                registry.Set(key, "Service", RegistryData.OfText(service), reason);
            }
        }
    }

    private static string Supplied(ConversionOptions options)
        => options.Drivers.IsEmpty ? "no drivers were supplied" : string.Create(CultureInfo.InvariantCulture, $"{options.Drivers.Length} packages were supplied, in {string.Join(", ", options.Drivers.Select(package => package.Directory).Take(8))}{(options.Drivers.Length > 8 ? " …" : "")}");
}
