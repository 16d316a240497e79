using System.Collections.Immutable;
using System.Globalization;
using Rehost.Model;

namespace Rehost.Inspection.Windows.Drivers;

/// <summary>Reads what an .inf installs: devices by their decorated sections, services, files, registry values. Nothing is guessed from file names.</summary>
internal sealed class InfPackageReader(InfFile inf)
{
    private const int MaximumModels = 4096;

    /// <summary>Registry values of a service, and files of an installation: a line can name one section a thousand times.</summary>
    private const int MaximumEntries = 4096;
    private const int MaximumServices = 64;

    /// <summary>What an install section makes: thousands of models share one.</summary>
    private readonly Dictionary<(string Install, string Architecture), (ImmutableArray<DriverService> Services, ImmutableArray<string> Files)> _installations = [];

    /// <summary>Reads a package; files and catalogue are the caller's.</summary>
    public DriverPackage Read(string directory, string infName)
    {
        var version = inf.Lines("Version").FirstOrDefault(line => Is(line.Key, "DriverVer"));
        return new DriverPackage
        {
            Directory = directory,
            InfName = infName,
            ClassName = inf.Value("Version", "Class") ?? "",
            ClassGuid = (inf.Value("Version", "ClassGuid") ?? "").ToLowerInvariant(),
            Provider = inf.Value("Version", "Provider") ?? "",
            DriverDate = version?[0] ?? "",
            DriverVersion = version?[1] ?? "",
            CatalogFile = Catalogs().FirstOrDefault(),
            Models = [.. Models().Take(MaximumModels)],
        };
    }

    /// <summary>Catalogues that the file names, for any platform.</summary>
    public IEnumerable<string> Catalogs()
        => inf.Lines("Version").Where(line => line.Key?.StartsWith("CatalogFile", StringComparison.OrdinalIgnoreCase) == true && line[0].Length > 0).Select(line => line[0]).Distinct(StringComparer.OrdinalIgnoreCase);

    /// <summary>Files that the package's media list names.</summary>
    public IEnumerable<string> SourceFiles()
        => inf.Sections.Where(section => Is(section, "SourceDisksFiles") || section.StartsWith("SourceDisksFiles.", StringComparison.OrdinalIgnoreCase)).ToList()
            .SelectMany(section => inf.Lines(section)).Select(line => line.Key ?? "").Where(name => name.Length > 0);

    private IEnumerable<DriverModel> Models()
    {
        foreach (var manufacturer in inf.Lines("Manufacturer"))
        {
            var section = manufacturer[0].Length > 0 ? manufacturer[0] : manufacturer.Key ?? "";
            foreach (var decoration in manufacturer.Values.Skip(1).Prepend(""))
            {
                var name = decoration.Length == 0 ? section : $"{section}.{decoration}";
                if (!inf.Has(name) || InfDecoration.Parse(decoration) is not { } platform)
                {
                    continue;
                }

                foreach (var line in inf.Lines(name).Where(line => line.Values.Count >= 2))
                {
                    foreach (var hardwareId in line.Values.Skip(1).Where(id => id.Length > 0))
                    {
                        yield return ReadModel(line, hardwareId, platform);
                    }
                }
            }
        }
    }

    private DriverModel ReadModel(InfLine line, string hardwareId, InfDecoration platform)
    {
        var install = line[0];
        var effective = Effective(install, platform.Architecture, "");
        if (!_installations.TryGetValue((install, platform.Architecture), out var made))
        {
            var services = Effective(install, platform.Architecture, ".Services");
            made = (
                services is null ? [] : [.. inf.Lines(services).Where(entry => Is(entry.Key, "AddService") && entry[0].Length > 0 && entry.Values.Count >= 3).Take(MaximumServices).Select(ReadService).OrderByDescending(service => service.IsFunctionDriver)],
                effective is null ? [] : [.. CopiedToDrivers(effective).Take(MaximumEntries).Distinct(StringComparer.OrdinalIgnoreCase)]);
            _installations[(install, platform.Architecture)] = made;
        }

        return new DriverModel
        {
            HardwareId = hardwareId,
            Description = line.Key ?? "",
            Architecture = platform.Architecture,
            MinimumVersion = platform.Minimum,
            ProductType = platform.ProductType,
            InstallSection = install,
            EffectiveSection = effective ?? install,
            Services = made.Services,
            DriverFiles = made.Files,
        };
    }

    /// <summary>The section that counts on a platform: the one decorated for it, the one for NT, the plain one.</summary>
    private string? Effective(string section, string architecture, string suffix)
        => new[] { $"{section}.NT{architecture}{suffix}", $"{section}.NT{suffix}", $"{section}{suffix}" }.FirstOrDefault(inf.Has);

    private DriverService ReadService(InfLine line)
    {
        var section = line[2];
        return new DriverService
        {
            Name = line[0],
            IsFunctionDriver = (Number(line[1]) & 2) != 0,
            DisplayName = inf.Value(section, "DisplayName"),
            Type = Number(inf.Value(section, "ServiceType")) ?? 1,
            Start = Number(inf.Value(section, "StartType")) ?? 3,
            ErrorControl = Number(inf.Value(section, "ErrorControl")) ?? 1,
            Group = inf.Value(section, "LoadOrderGroup"),
            Binary = Directory(inf.Value(section, "ServiceBinary") ?? ""),
            Values = [.. AddReg(section).Where(entry => Is(entry[0], "HKR")).Select(RegistryValueOf)],
        };
    }

    private IEnumerable<InfLine> AddReg(string section)
        => inf.Lines(section).Where(line => Is(line.Key, "AddReg")).SelectMany(line => line.Values).Where(name => name.Length > 0).SelectMany(inf.Lines).Take(MaximumEntries);

    // INF AddReg Directive: flags' high half is the type, bit 0 of the low half says bytes.
    private static DriverRegistryValue RegistryValueOf(InfLine line)
    {
        var flags = Number(line[3]) ?? 0;
        var data = (flags & 0xffff0001) switch
        {
            0x00010001 => RegistryData.OfNumber(Number(line[4]) ?? 0),
            0x00010000 => RegistryData.OfTexts(line.Values.Skip(4).Where(text => text.Length > 0)),
            0x00020000 => RegistryData.OfExpandableText(line[4]),
            1 => RegistryData.OfBytes([.. line.Values.Skip(4).Select(text => byte.TryParse(text.Replace("0x", "", StringComparison.OrdinalIgnoreCase), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var one) ? one : (byte)0)]),
            _ => RegistryData.OfText(line[4]),
        };
        return new DriverRegistryValue(line[1].Trim('\\'), line[2], data);
    }

    private IEnumerable<string> CopiedToDrivers(string section)
    {
        foreach (var name in inf.Lines(section).Where(line => Is(line.Key, "CopyFiles")).SelectMany(line => line.Values))
        {
            if (name.StartsWith('@'))
            {
                if (IsDriversDirectory("DefaultDestDir"))
                {
                    yield return name[1..];
                }

                continue;
            }

            if (!IsDriversDirectory(inf.Value("DestinationDirs", name) is null ? "DefaultDestDir" : name))
            {
                continue;
            }

            foreach (var line in inf.Lines(name).Where(line => line[0].Length > 0))
            {
                yield return line[0];
            }
        }
    }

    private bool IsDriversDirectory(string entry)
        => inf.Lines("DestinationDirs").FirstOrDefault(line => Is(line.Key, entry)) is { } line
        && (line[0] == "12" || (line[0] == "10" && Is(line[1].Trim('\\'), @"system32\drivers")) || (line[0] == "11" && Is(line[1].Trim('\\'), "drivers")));

    // Dirids: 10 is the system root, 11 system32, 12 system32\drivers, 13 the package's directory in the driver store (Windows 8.1 and later).
    private static string Directory(string binary) => binary
        .Replace("%12%", @"system32\drivers", StringComparison.Ordinal).Replace("%11%", "system32", StringComparison.Ordinal)
        .Replace(@"%10%\", "", StringComparison.Ordinal).Trim('\\');

    private static uint? Number(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var isHexadecimal = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return uint.TryParse(isHexadecimal ? text[2..] : text, isHexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static bool Is(string? text, string word) => string.Equals(text, word, StringComparison.OrdinalIgnoreCase);
}
