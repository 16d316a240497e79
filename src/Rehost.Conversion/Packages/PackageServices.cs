using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Conversion.Packages;

/// <summary>What a package's units and init scripts say of when they start: what systemctl enable, chkconfig --add and insserv would read.</summary>
internal static partial class PackageServices
{
    private const int MaximumText = 1 << 20;

    /// <summary>The service of a file; null when it is none, or does not say when it starts.</summary>
    public static PackageService? Read(string path, byte[] content)
    {
        if (content.Length > MaximumText)
        {
            return null;
        }

        if (UnitPath().Match(path) is { Success: true } unit)
        {
            var wanted = WantedBy().Matches(GuestText.Decode(content)).SelectMany(match => match.Groups["targets"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(target => TargetName().IsMatch(target)).Distinct(StringComparer.Ordinal);
            return new PackageService(unit.Groups["name"].Value, path, "unit", [.. wanted], "", 0, 0);
        }

        if (JobPath().Match(path) is { Success: true } job)
        {
            return new PackageService(job.Groups["name"].Value, path, "job", [], "", 0, 0);
        }

        return ScriptPath().Match(path) is { Success: true } script ? Script(script.Groups["name"].Value, path, GuestText.Decode(content)) : null;
    }

    private static PackageService? Script(string name, string path, string text)
    {
        if (Chkconfig().Match(text) is { Success: true } chkconfig)
        {
            var levels = chkconfig.Groups["levels"].Value;
            return levels == "-" ? null : new PackageService(name, path, "script", [], levels, Number(chkconfig.Groups["start"]), Number(chkconfig.Groups["stop"]));
        }

        return DefaultStart().Match(text) is { Success: true } start && start.Groups["levels"].Value.Where(char.IsAsciiDigit).ToArray() is { Length: > 0 } digits
            ? new PackageService(name, path, "script", [], new string(digits), 20, 80) : null;
    }

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(/usr)?/lib/systemd/system/(?<name>[A-Za-z0-9_.-]+)\.service$", RegexOptions.CultureInvariant)]
    private static partial Regex UnitPath();

    [GeneratedRegex(@"^/etc/init/(?<name>[A-Za-z0-9_.-]+)\.conf$", RegexOptions.CultureInvariant)]
    private static partial Regex JobPath();

    [GeneratedRegex(@"^/etc/(rc\.d/)?init\.d/(?<name>[A-Za-z0-9_-]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex ScriptPath();

    [GeneratedRegex(@"^\s*WantedBy=(?<targets>.*)$", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex WantedBy();

    [GeneratedRegex(@"^[A-Za-z0-9_@.-]+\.target$", RegexOptions.CultureInvariant)]
    private static partial Regex TargetName();

    [GeneratedRegex(@"^#\s*chkconfig:\s*(?<levels>-|[0-6]+)\s+(?<start>[0-9]{1,2})\s+(?<stop>[0-9]{1,2})", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex Chkconfig();

    [GeneratedRegex(@"^#\s*Default-Start:(?<levels>[^\n]*)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex DefaultStart();
}
