using System.Collections.Immutable;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Inspection.Windows;

/// <summary>Reads services, filters, programs and the state of updates and licences.</summary>
internal sealed class WindowsStateReader(WindowsHives hives, string controlSet, WindowsVersion version)
{
    private static readonly string[] s_uninstall = [@"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall", @"SOFTWARE\Wow6432Node\Microsoft\Windows\CurrentVersion\Uninstall"];

    /// <summary>Services that start with the system (boot, system) and those whose start is overridden.</summary>
    public ImmutableArray<WindowsService> Services()
    {
        var services = ImmutableArray.CreateBuilder<WindowsService>();
        foreach (var key in hives.Find($@"{controlSet}\Services")?.Subkeys ?? [])
        {
            var overrides = key.Find("StartOverride")?.Values.Where(value => value is { Kind: RegistryValueKind.Number, Data.Length: 4 }).ToImmutableSortedDictionary(value => value.Name, value => (uint)value.AsNumber(), StringComparer.Ordinal)
                ?? ImmutableSortedDictionary<string, uint>.Empty;
            if (Number(key, "Start") is { } start && (start <= 1 || !overrides.IsEmpty))
            {
                services.Add(new WindowsService(key.Name, start, Number(key, "Type") ?? 0, Text(key, "Group"), Text(key, "ImagePath"), overrides));
            }
        }

        return services.ToImmutable();
    }

    /// <summary>Classes that have filters.</summary>
    public ImmutableArray<ClassFilterFacts> ClassFilters()
        => [.. (hives.Find($@"{controlSet}\Control\Class")?.Subkeys ?? [])
            .Select(key => new ClassFilterFacts(key.Name, Text(key, "Class"), WindowsHives.TextsOf(key.FindValue("UpperFilters")), WindowsHives.TextsOf(key.FindValue("LowerFilters"))))
            .Where(filters => !filters.Upper.IsEmpty || !filters.Lower.IsEmpty)];

    /// <summary>Programs with a name, of both registry views.</summary>
    public ImmutableArray<InstalledProgram> Programs()
        => [.. s_uninstall
            .SelectMany(parent => (hives.Find(parent)?.Subkeys ?? []).Select(key => (Parent: parent, Key: key)))
            .Where(item => Text(item.Key, "DisplayName") is { Length: > 0 })
            .Select(item => new InstalledProgram($@"{item.Parent}\{item.Key.Name}", Text(item.Key, "DisplayName") ?? "", Text(item.Key, "Publisher"), Text(item.Key, "DisplayVersion")))];

    /// <summary>Signs that something waits for a restart.</summary>
    public ImmutableArray<string> PendingUpdates(GuestReader reader, string systemRoot)
    {
        var signs = ImmutableArray.CreateBuilder<string>();
        if (hives.Find(@"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending") is not null)
        {
            signs.Add("component based servicing waits for a restart (RebootPending)");
        }

        if (hives.Find(@"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired") is not null)
        {
            signs.Add("Windows Update waits for a restart (RebootRequired)");
        }

        if (reader.IsFile($"{systemRoot}/winsxs/pending.xml"))
        {
            signs.Add("operations wait in winsxs\\pending.xml");
        }

        return signs.ToImmutable();
    }

    /// <summary>What kind of licence it is, by channel or product id; null when nothing says it.</summary>
    public string? ActivationKind()
    {
        const string current = @"SOFTWARE\Microsoft\Windows NT\CurrentVersion";
        var protection = current + @"\SoftwareProtectionPlatform";
        if (hives.Text(protection, "KeyManagementServiceName") is { Length: > 0 } server)
        {
            return $"KMS client of {server}";
        }

        // ProductId: 55041-OEM-…, 00371-177-… ; DigitalProductId4 would say more, and is not for plain eyes.
        return hives.Text(current, "ProductId") switch
        {
            null or "" => null,
            var id when id.Contains("OEM", StringComparison.Ordinal) => "OEM",
            var id when id.Length > 6 && id[6..].StartsWith("OEM", StringComparison.Ordinal) => "OEM",
            _ => hives.Text(current, "EditionID")?.StartsWith("Enterprise", StringComparison.Ordinal) == true ? "Volume" : "Retail",
        };
    }

    /// <summary>Whether drivers signed with SHA-2 alone load: from Windows 8 on, before with KB3033929 or KB4474419.</summary>
    public bool KnowsSha2()
        => version.IsAtLeast(6, 2) || (hives.Find(@"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages")?.Subkeys ?? [])
            .Any(key => key.Name.Contains("KB3033929", StringComparison.OrdinalIgnoreCase) || key.Name.Contains("KB4474419", StringComparison.OrdinalIgnoreCase));

    private static uint? Number(RegistryKey key, string name) => key.FindValue(name) is { Kind: RegistryValueKind.Number, Data.Length: 4 } value ? (uint)value.AsNumber() : null;

    private static string? Text(RegistryKey key, string name) => key.FindValue(name) is { Kind: RegistryValueKind.Text or RegistryValueKind.ExpandableText } value ? value.AsText() : null;
}
