using System.Globalization;
using Rehost.Model;

namespace Rehost.Cli.Output;

/// <summary>Facts of a Windows guest for people.</summary>
internal static class WindowsPrinter
{
    public static void Print(Action<string> line, GuestFacts facts, WindowsFacts windows)
    {
        line($"{windows.ProductName} {windows.Version}, {windows.Architecture}{Optional(", edition ", windows.Edition)}{Optional(", ", windows.InstallationType)}{Optional(", host name ", facts.OperatingSystem.HostName)}");
        line($"  {windows.SystemRoot} is {windows.SystemDrive}\\{windows.SystemRoot.TrimStart('/')} on {windows.SystemVolume}; clock in {(windows.ClockIsUtc ? "UTC" : "local time")}{Optional(", ", windows.TimeZone)}{Optional("; licence: ", windows.ActivationKind)}");
        foreach (var hive in windows.Hives)
        {
            line($"  hive {hive.Path}{(hive.ReplayedEntries == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", completed by {hive.ReplayedEntries} entries of its logs"))}");
        }

        line($"  control sets: {string.Join(", ", windows.ControlSets.Select(set => string.Create(CultureInfo.InvariantCulture, $"{set.Number:000}{(set.Roles.IsEmpty ? "" : $" ({string.Join(", ", set.Roles)})")}")))}");
        foreach (var letter in windows.DriveLetters)
        {
            line($"  drive {letter.Letter} {letter.VolumeName ?? letter.Means}");
        }

        foreach (var store in windows.BootStores)
        {
            line($"  boot store {store.Path} on {store.VolumeName}{Optional(", default ", store.DefaultEntry)}{(store.TimeoutSeconds is { } seconds ? string.Create(CultureInfo.InvariantCulture, $", timeout {seconds} s") : "")}");
            foreach (var element in store.Elements)
            {
                line($"    {element.ObjectId} {element.Name} {element.Text}{(element.DiskTableId is null ? "" : element.VolumeName is null ? " (NOT THERE)" : $" = {element.VolumeName}")}");
            }
        }

        line($"  boot drivers: {string.Join(", ", windows.Services.Where(service => service.Start == 0).Select(service => service.Name + (service.StartOverride.Any(one => one.Value != 0) ? " (overridden)" : "")))}");
        foreach (var package in windows.DriverPackages)
        {
            line($"  driver {package.InfName} ({package.OriginalName ?? "?"}) of {package.Provider}, {package.ClassName}, {package.DriverVersion}: services {string.Join(", ", package.Services)}");
        }

        foreach (var filter in windows.ClassFilters)
        {
            line($"  filters of class {filter.ClassName ?? filter.ClassGuid}: {string.Join(", ", filter.Upper.Select(name => name + " (upper)").Concat(filter.Lower.Select(name => name + " (lower)")))}");
        }

        foreach (var adapter in windows.NetworkAdapters)
        {
            line($"  adapter \"{adapter.Name ?? adapter.InterfaceId}\" {adapter.Description}: {(adapter.UsesDhcp ? "DHCP" : string.Join(' ', adapter.Addresses))}{(adapter.Gateways.IsEmpty ? "" : $", gateway {string.Join(' ', adapter.Gateways)}")}{(adapter.NameServers.IsEmpty ? "" : $", name servers {string.Join(' ', adapter.NameServers)}")}");
        }

        foreach (var program in windows.Programs)
        {
            line($"  program {program.Name}{Optional(" ", program.Version)}{Optional(" of ", program.Publisher)}");
        }

        line($"  paging files: {(windows.PagingFiles.IsEmpty ? "none" : string.Join(", ", windows.PagingFiles))}; fast startup {(windows.FastStartup ? "on" : "off")}; SHA-2 signatures of drivers {(windows.KnowsSha2 ? "known" : "not known")}");
    }

    private static string Optional(string before, string? value) => string.IsNullOrEmpty(value) ? "" : before + value;
}
