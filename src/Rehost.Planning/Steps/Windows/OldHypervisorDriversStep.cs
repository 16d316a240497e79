using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>Removes the old hypervisor's drivers, as `dism /remove-driver` would, and what it leaves.</summary>
internal sealed class OldHypervisorDriversStep : WindowsStep
{
    private static readonly string[] FilterLists = ["UpperFilters", "LowerFilters"];

    public override string Id => "windows-old-drivers";

    public override string Title => "Drivers of the old hypervisor";

    public override string Description =>
        "Drivers of Xen (Citrix, XenServer, XCP-ng, GPLPV, Red Hat, SUSE), VMware, VirtualBox and Parallels stop Windows elsewhere, even in safe mode, and uninstalling their tools in the guest often leaves them. Their services go from every control set, " +
        "their names from the UpperFilters and LowerFilters of classes and devices (a filter without driver stops the whole class), their devices from Enum, their entries from CriticalDeviceDatabase and SafeBoot, oemNN.inf with its package in " +
        "the driver store and its entries in DriverDatabase, their files, their entries among programs. What the target's own bus needs, what comes with Windows, and Hyper-V's drivers stay.";

    public override ImmutableArray<string> Requirements => ["S3.11", "S3.12", "S3.13", "S3.14", "S3.15"];

    public override ImmutableArray<string> Reads =>
    [
        .. ServiceKeys, @"HKLM\SYSTEM\ControlSet*\Control\Class\*", @"HKLM\SYSTEM\ControlSet*\Control\CriticalDeviceDatabase\*!", @"HKLM\SYSTEM\ControlSet*\Control\SafeBoot\*\*!", @"HKLM\SYSTEM\ControlSet*\Control\NetworkProvider\*",
        @"HKLM\SYSTEM\ControlSet*\Enum\*!", @"HKLM\SYSTEM\ControlSet*\Enum\*\*!", @"HKLM\SYSTEM\ControlSet*\Enum\*\*\*",
        @"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*!", @"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*!",
        @"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run", @"HKLM\SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Run",
        @"HKLM\SYSTEM\DriverDatabase\DriverPackages\*!", @"HKLM\DRIVERS\DriverDatabase\DriverPackages\*!", .. DriverStaging.Reads,
    ];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        var removed = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var known in HypervisorDrivers.All.Where(known => !known.Hypervisors.Contains(context.Target.Hypervisor)))
        {
            Remove(context, windows, registry, known, removed);
        }

        foreach (var filter in windows.ClassFilters)
        {
            NoteDanglingFilters(context, windows, registry, filter, removed);
        }

        context.Skip("nothing of another hypervisor was found");
    }

    private static void Remove(PlanningContext context, WindowsFacts windows, RegistryView registry, HypervisorDrivers known, HashSet<string> allRemoved)
    {
        var packages = windows.DriverPackages.Where(known.Owns).ToList();
        var services = windows.ControlSets.SelectMany(set => registry.Subkeys($@"{set.Key}\Services")).Where(known.IsService)
            .Concat(packages.SelectMany(package => package.Services.Where(service => IsBrought(windows, registry, service, package) && !IsInBox(windows, registry, service, packages)))).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var reason = $"{known.Name} work only on their own hypervisor, and stop Windows elsewhere.";
        var files = FilesOf(windows, registry, services, packages);
        foreach (var set in windows.ControlSets)
        {
            RemoveFromControlSet(registry, set.Key, services, known, reason);
        }

        foreach (var package in packages)
        {
            RemovePackage(context, windows, registry, package, $"{package.InfName} ({package.OriginalName ?? package.Provider}) is a driver of {known.Name}: dism /remove-driver would remove it.");
        }

        foreach (var file in files)
        {
            context.Delete(file.Path, reason);
        }

        foreach (var program in windows.Programs.Where(program => known.Programs.Any(word => program.Name.Contains(word, StringComparison.OrdinalIgnoreCase))))
        {
            registry.RemoveKey(program.Key, $"{program.Name} is not installed any more; its own program to remove it fails on another hypervisor.");
            context.Report(WindowsPlanDiagnostics.ToolsLeft.Create($"{program.Name} {program.Version}".TrimEnd()));
        }

        foreach (var run in (string[])[@"SOFTWARE\Microsoft\Windows\CurrentVersion\Run", @"SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Run"])
        {
            foreach (var (name, _) in registry.Values(run).Where(value => known.Programs.Any(word => value.Value.Text.Contains($@"\{word}\", StringComparison.OrdinalIgnoreCase) || value.Key.Contains(word, StringComparison.OrdinalIgnoreCase))).ToList())
            {
                registry.RemoveValue(run, name, reason);
            }
        }

        allRemoved.UnionWith(services);
    }

    private static void RemoveFromControlSet(RegistryView registry, string set, HashSet<string> services, HypervisorDrivers known, string reason)
    {
        // Filters first: a list that names a service which is gone stops every device of its class.
        foreach (var key in registry.Subkeys($@"{set}\Control\Class").Select(name => $@"{set}\Control\Class\{name}").Concat(Instances(registry, set)))
        {
            foreach (var list in FilterLists)
            {
                Filter(registry, key, list, services, $"A filter whose driver is removed would stop the devices of its class. {reason}");
            }
        }

        foreach (var service in services.Order(StringComparer.OrdinalIgnoreCase))
        {
            registry.RemoveKey($@"{set}\Services\{service}", reason);
        }

        foreach (var device in registry.Subkeys($@"{set}\Control\CriticalDeviceDatabase").Where(device => registry.Text($@"{set}\Control\CriticalDeviceDatabase\{device}", "Service") is { } service && services.Contains(service)))
        {
            registry.RemoveKey($@"{set}\Control\CriticalDeviceDatabase\{device}", reason);
        }

        foreach (var mode in registry.Subkeys($@"{set}\Control\SafeBoot"))
        {
            foreach (var entry in registry.Subkeys($@"{set}\Control\SafeBoot\{mode}").Where(entry => services.Contains(entry) || (entry.EndsWith(".sys", StringComparison.OrdinalIgnoreCase) && services.Contains(entry[..^4]))))
            {
                registry.RemoveKey($@"{set}\Control\SafeBoot\{mode}\{entry}", reason);
            }
        }

        foreach (var order in (string[])[$@"{set}\Control\NetworkProvider\Order", $@"{set}\Control\NetworkProvider\HwOrder"])
        {
            if (registry.Value(order, "ProviderOrder") is { Type: "REG_SZ" } providers && providers.Text.Split(',') is var names && names.Any(name => services.Contains(name.Trim())))
            {
                registry.Set(order, "ProviderOrder", RegistryData.OfText(string.Join(',', names.Where(name => !services.Contains(name.Trim())))), $"Windows asks these for names of the network. {reason}");
            }
        }

        RemoveDevices(registry, set, known);
    }

    private static void RemoveDevices(RegistryView registry, string set, HypervisorDrivers known)
    {
        var reason = $"Devices of {known.Name}'s hypervisor are not on the target.";
        foreach (var enumerator in registry.Subkeys($@"{set}\Enum"))
        {
            if (known.Enumerators.Contains(enumerator, StringComparer.OrdinalIgnoreCase))
            {
                registry.RemoveKey($@"{set}\Enum\{enumerator}", reason);
                continue;
            }

            foreach (var device in registry.Subkeys($@"{set}\Enum\{enumerator}").Where(device => known.IsDevice($@"{enumerator}\{device}")))
            {
                registry.RemoveKey($@"{set}\Enum\{enumerator}\{device}", reason);
            }
        }
    }

    private static IEnumerable<string> Instances(RegistryView registry, string set)
        => registry.Subkeys($@"{set}\Enum").SelectMany(bus => registry.Subkeys($@"{set}\Enum\{bus}").SelectMany(device => registry.Subkeys($@"{set}\Enum\{bus}\{device}").Select(instance => $@"{set}\Enum\{bus}\{device}\{instance}")));

    private static void Filter(RegistryView registry, string key, string list, HashSet<string> services, string reason)
    {
        if (registry.Value(key, list) is not { Texts: { Count: > 0 } names } || !names.Any(services.Contains))
        {
            return;
        }

        var left = names.Where(name => !services.Contains(name)).ToList();
        if (left.Count == 0)
        {
            registry.RemoveValue(key, list, reason);
        }
        else
        {
            registry.Set(key, list, RegistryData.OfTexts(left), reason);
        }
    }

    private static void RemovePackage(PlanningContext context, WindowsFacts windows, RegistryView registry, InstalledDriverPackage package, string reason)
    {
        foreach (var path in package.InfPaths.Concat(package.StoreFiles))
        {
            context.Delete(path, reason);
        }

        if (package.StorePath is { } store)
        {
            context.Add(new DeleteDirectory { StepId = context.Step.Id, Requirements = context.Step.Requirements, Reason = reason, Path = store });
        }

        var catalog = $"/{package.InfName[..^4]}.cat";
        foreach (var file in windows.Files.Where(file => file.Path.EndsWith(catalog, StringComparison.OrdinalIgnoreCase) && file.Path.Contains("/CatRoot/", StringComparison.OrdinalIgnoreCase)))
        {
            context.Delete(file.Path, reason);
        }

        foreach (var database in (string[])[@"SYSTEM\DriverDatabase", @"DRIVERS\DriverDatabase"])
        {
            var inf = $@"{database}\DriverInfFiles\{package.InfName}";
            foreach (var name in registry.Value(inf, "")?.Texts ?? [])
            {
                registry.RemoveKey($@"{database}\DriverPackages\{name}", reason);
            }

            registry.RemoveKey(inf, reason);
            DriverStaging.Release(registry, database, package.InfName, reason);
            foreach (var key in windows.Registry.Where(key => key.Path.StartsWith(database + @"\DeviceIds\", StringComparison.OrdinalIgnoreCase) || key.Path.StartsWith(database + @"\DriverFiles\", StringComparison.OrdinalIgnoreCase)))
            {
                if (registry.Value(key.Path, package.InfName) is null)
                {
                    continue;
                }

                registry.RemoveValue(key.Path, package.InfName, reason);
                if (registry.Values(key.Path).Count == 0 && registry.Subkeys(key.Path).Count == 0)
                {
                    registry.RemoveKey(key.Path, reason); // an id that no package is for any more
                }
            }
        }
    }

    /// <summary>Driver files that nothing else uses any more.</summary>
    private static List<WindowsFile> FilesOf(WindowsFacts windows, RegistryView registry, HashSet<string> services, List<InstalledDriverPackage> packages)
    {
        var drivers = $"{windows.SystemRoot}/System32/drivers/";
        var used = windows.ControlSets.SelectMany(set => registry.Subkeys($@"{set.Key}\Services").Where(name => !services.Contains(name)).Select(name => FileName(registry.Text($@"{set.Key}\Services\{name}", "ImagePath")) ?? name + ".sys"))
            .Concat(windows.DriverPackages.Except(packages).SelectMany(package => package.Files)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var theirs = windows.ControlSets.SelectMany(set => services.Select(name => FileName(registry.Text($@"{set.Key}\Services\{name}", "ImagePath")) ?? name + ".sys"))
            .Concat(services.Select(name => name + ".sys")).Concat(packages.SelectMany(package => package.Files)).Where(name => name.EndsWith(".sys", StringComparison.OrdinalIgnoreCase)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. windows.Files.Where(file => file.Path.StartsWith(drivers, StringComparison.OrdinalIgnoreCase) && theirs.Contains(file.Path[drivers.Length..]) && !used.Contains(file.Path[drivers.Length..]))];
    }

    private static string? FileName(string? imagePath) => imagePath?.Trim('"').Split('\\')[^1];

    // A package for a mouse names mouhid or i8042prt as its driver and only adds a filter; what it does not bring itself comes with Windows.
    private static bool IsBrought(WindowsFacts windows, RegistryView registry, string service, InstalledDriverPackage package)
        => windows.ControlSets.Any(set => registry.Exists($@"{set.Key}\Services\{service}") && package.Files.Contains(FileName(registry.Text($@"{set.Key}\Services\{service}", "ImagePath")) ?? service + ".sys", StringComparer.OrdinalIgnoreCase));

    // A package for VMware's devices may lean on a driver that comes with Windows; what other packages or Windows itself need stays.
    private static bool IsInBox(WindowsFacts windows, RegistryView registry, string service, List<InstalledDriverPackage> packages)
        => windows.DriverPackages.Except(packages).Any(package => package.Services.Contains(service, StringComparer.OrdinalIgnoreCase))
        || windows.ControlSets.Any(set => registry.Value($@"{set.Key}\Services\{service}", "Owners")?.Texts.Any(owner => !owner.StartsWith("oem", StringComparison.OrdinalIgnoreCase)) == true)
        || service.Equals("disk", StringComparison.OrdinalIgnoreCase) || service.Equals("storport", StringComparison.OrdinalIgnoreCase) || WindowsBus.Of(Hypervisor.Vmware).Concat(WindowsBus.Of(Hypervisor.Kvm)).Any(bus => bus.InBox.Any(driver => driver.Service.Equals(service, StringComparison.OrdinalIgnoreCase)));

    private static void NoteDanglingFilters(PlanningContext context, WindowsFacts windows, RegistryView registry, ClassFilterFacts filter, HashSet<string> removed)
    {
        var current = windows.ControlSets.FirstOrDefault(set => set.Roles.Contains("current"));
        foreach (var name in filter.Upper.Concat(filter.Lower).Where(name => current is not null && !removed.Contains(name) && !registry.Exists($@"{current.Key}\Services\{name}")))
        {
            context.Report(WindowsPlanDiagnostics.FilterWithoutDriver.Create($"class {filter.ClassName ?? filter.ClassGuid} has the filter {name}, and there is no such service"));
        }
    }
}
