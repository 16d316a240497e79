using System.Text.RegularExpressions;

namespace Rehost.Planning.Network;

/// <summary>
/// Lines of network configuration that find an adapter by its MAC address. Where the adapter gets another address, the line does too; a line with an address that no adapter has is commented
/// out, because it would keep a name from the adapter that is there, or its interface down.
/// </summary>
internal static partial class AddressBindings
{
    /// <summary>Files that may hold such lines.</summary>
    public static readonly string[] Reads =
    [
        "/etc/udev/rules.d/*net*.rules", "/etc/systemd/network/*.link", "/etc/systemd/network/*.network", "/etc/sysconfig/network-scripts/ifcfg-*", "/etc/sysconfig/network/ifcfg-*",
        "/etc/NetworkManager/system-connections/*", "/etc/netplan/*.yaml", "/etc/network/interfaces", "/etc/network/interfaces.d/*", "/etc/mactab", "/etc/iftab", "/etc/conf.d/net",
        "/etc/wicked/ifconfig/*.xml",
    ];

    /// <summary>Edits all of them.</summary>
    public static void Rewrite(PlanningContext context)
    {
        foreach (var path in context.Facts.Files.Keys.Where(path => Kind(path) is not null && !IsBackup(path)).ToList())
        {
            if (context.Text(path) is not { } text || Kind(path) is not { } line)
            {
                continue;
            }

            var isCommented = false;
            var edited = Lines.Map(text, one => Edit(one, line, path, context, ref isCommented));
            context.SetText(path, edited, isCommented
                ? "No adapter of the machine has this address: the line would keep a name from the adapter that is there, or its interface down."
                : "The adapter has another address on the target.");
            RenameByAddress(path, edited, context);
        }
    }

    /// <summary>Whether a file ties a name to an address that the target will have, by what stays in effect there.</summary>
    public static string? FileThatTies(PlanningContext context, string name, string mac)
    {
        foreach (var path in context.Facts.Files.Keys.Where(path => Kind(path) is not null && !IsBackup(path)))
        {
            var isRule = path.EndsWith(".rules", StringComparison.Ordinal);
            if (context.Text(path) is not { } text || !(isRule || path.EndsWith(".link", StringComparison.Ordinal) || path is "/etc/mactab" or "/etc/iftab"))
            {
                continue;
            }

            var active = Lines.Of(text).Where(line => line.Length > 0 && line[0] != '#').ToList();
            if (isRule || path is "/etc/mactab" or "/etc/iftab"
                ? active.Exists(line => line.Contains(mac, StringComparison.OrdinalIgnoreCase) && Word(line, name))
                : active.Exists(line => line.StartsWith("MACAddress", StringComparison.Ordinal) | line.StartsWith("PermanentMACAddress", StringComparison.Ordinal) && line.Contains(mac, StringComparison.OrdinalIgnoreCase)) && active.Exists(line => line.Trim() == "Name=" + name))
            {
                return path;
            }
        }

        return null;
    }

    /// <summary>Path of an ifcfg file whose HWADDR has an address; null when none has.</summary>
    public static string? IfcfgWith(PlanningContext context, string mac) => context.FilesIn("/etc/sysconfig/network-scripts").Select(file => file.Path)
        .FirstOrDefault(path => Lines.Of(context.Text(path) ?? "").Any(line => HardwareAddress().Match(line) is { Success: true } match && Normal(match.Groups["mac"].Value) == mac));

    /// <summary>Whether an ifcfg file names an address.</summary>
    public static bool HasHardwareAddress(string text) => Lines.Of(text).Any(line => HardwareAddress().IsMatch(line));

    private static string? Edit(string line, Regex binding, string path, PlanningContext context, ref bool isCommented)
    {
        if (binding.Match(line) is not { Success: true } match)
        {
            return line;
        }

        var group = match.Groups["mac"];
        var mac = Normal(group.Value);
        if (context.Addresses.Of(mac) is { } target)
        {
            return target == mac ? line : line[..group.Index] + LikeIn(group.Value, target) + line[(group.Index + group.Length)..];
        }

        // A netplan match, an element of wicked or a .network file without its address would match every adapter or none; what is commented out there is left to a person.
        if (path.EndsWith(".yaml", StringComparison.Ordinal) || path.EndsWith(".xml", StringComparison.Ordinal) || path.EndsWith(".network", StringComparison.Ordinal) || path == "/etc/conf.d/net" || path.Contains("/network/interfaces", StringComparison.Ordinal))
        {
            if (!match.Groups["sets"].Success)
            {
                context.Report(PlanDiagnostics.InterfaceWithoutAdapter.Create($"the address {mac} is none of {string.Join(", ", context.Facts.Machine.NetworkAdapters.Select(adapter => adapter.MacAddress ?? "unknown"))}", path));
            }

            return line;
        }

        isCommented = true;
        return "#" + line;
    }

    // SLES 9 and 10 name the file itself by the address: ifcfg-eth-id-00:50:56:01:02:03.
    private static void RenameByAddress(string path, string content, PlanningContext context)
    {
        const string start = "/etc/sysconfig/network/ifcfg-eth-id-";
        if (path.StartsWith(start, StringComparison.Ordinal) && Normal(path[start.Length..]) is var mac && context.Addresses.Of(mac) is { } target && target != mac && !context.Exists(start + target))
        {
            const string reason = "The file is found by the adapter's address, which is another one on the target.";
            context.SetText(start + target, content, reason);
            context.Delete(path, reason);
        }
    }

    private static Regex? Kind(string path) => path switch
    {
        _ when path.StartsWith("/etc/udev/rules.d/", StringComparison.Ordinal) && path.EndsWith(".rules", StringComparison.Ordinal) => RuleAddress(),
        _ when path.StartsWith("/etc/systemd/network/", StringComparison.Ordinal) && (path.EndsWith(".link", StringComparison.Ordinal) || path.EndsWith(".network", StringComparison.Ordinal)) => NetworkdAddress(),
        _ when path.StartsWith("/etc/sysconfig/network", StringComparison.Ordinal) => HardwareAddress(),
        _ when path.StartsWith("/etc/NetworkManager/system-connections/", StringComparison.Ordinal) => KeyfileAddress(),
        _ when path.StartsWith("/etc/netplan/", StringComparison.Ordinal) => NetplanAddress(),
        "/etc/mactab" or "/etc/iftab" => TableAddress(),
        _ when path.StartsWith("/etc/wicked/", StringComparison.Ordinal) => WickedAddress(),
        _ when path == "/etc/conf.d/net" || path.StartsWith("/etc/network/interfaces", StringComparison.Ordinal) => AnyAddress(),
        _ => null,
    };

    private static bool IsBackup(string path) => path.EndsWith(".bak", StringComparison.Ordinal) || path.EndsWith('~') || path.EndsWith(".rpmsave", StringComparison.Ordinal) || path.EndsWith(".rpmnew", StringComparison.Ordinal) || path.EndsWith(".orig", StringComparison.Ordinal);

    private static bool Word(string line, string name) => line.Contains($"\"{name}\"", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal) || line.StartsWith(name + "\t", StringComparison.Ordinal);

    internal static string Normal(string mac) => mac.ToLowerInvariant().Replace('-', ':');

    private static string LikeIn(string old, string mac)
    {
        var form = old.Contains('-', StringComparison.Ordinal) ? mac.Replace(':', '-') : mac;
        return old.Any(char.IsAsciiLetterUpper) ? form.ToUpperInvariant() : form;
    }

    [GeneratedRegex("""^[^#]*(ATTR|ATTRS|SYSFS)\{address\}=="(?<mac>[0-9a-fA-F:]{17})".*""", RegexOptions.CultureInvariant)]
    private static partial Regex RuleAddress();

    [GeneratedRegex("""^\s*HWADDR=["']?(?<mac>[0-9a-fA-F:-]{17})["']?""", RegexOptions.CultureInvariant)]
    private static partial Regex HardwareAddress();

    [GeneratedRegex("""^\s*(Permanent)?MACAddress=(?<mac>[0-9a-fA-F:-]{17})\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex NetworkdAddress();

    [GeneratedRegex("""^\s*mac-address=(?<mac>[0-9a-fA-F:-]{17})\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex KeyfileAddress();

    [GeneratedRegex("""^[^#]*macaddress:\s*["']?(?<mac>[0-9a-fA-F:-]{17})["']?""", RegexOptions.CultureInvariant)]
    private static partial Regex NetplanAddress();

    [GeneratedRegex("""<permanent-address>\s*(?<mac>[0-9a-fA-F:-]{17})\s*</permanent-address>""", RegexOptions.CultureInvariant)]
    private static partial Regex WickedAddress();

    [GeneratedRegex("""^[^#]*\s(?<mac>[0-9a-fA-F:-]{17})\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex TableAddress();

    [GeneratedRegex("""^[^#]*?((?<sets>hwaddress\s+(ether\s+)?|mac_[a-z0-9]+=["']?)|\b)(?<mac>([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})\b""", RegexOptions.CultureInvariant)]
    private static partial Regex AnyAddress();
}
