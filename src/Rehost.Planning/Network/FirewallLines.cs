using System.Globalization;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Network;

/// <summary>
/// Rules of a firewall that name an interface. Names are kept, so that nothing is edited; of an interface whose name cannot be kept, a person must know where else it stands: a rule for a name that is gone lets
/// nothing in, or everything.
/// </summary>
internal static partial class FirewallLines
{
    private const int Listed = 8;

    /// <summary>Saved rules of iptables and nftables, and what Shorewall, firewalld, ufw and SuSEfirewall2 make theirs from.</summary>
    public static readonly string[] Reads =
    [
        "/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables", "/etc/iptables/rules.v4", "/etc/iptables/rules.v6", "/etc/iptables.rules", "/etc/nftables.conf", "/etc/sysconfig/nftables.conf",
        "/etc/shorewall/interfaces", "/etc/shorewall6/interfaces", "/etc/firewalld/zones/*.xml", "/etc/ufw/*.rules", "/etc/sysconfig/SuSEfirewall2",
    ];

    /// <summary>Lines that name an interface: path, number and text, in the order of the files.</summary>
    public static IReadOnlyList<string> Naming(PlanningContext context, string name)
    {
        var word = new Regex($@"(?<![A-Za-z0-9_.-]){Regex.Escape(name)}(?![A-Za-z0-9_.-])", RegexOptions.CultureInvariant);
        var found = new List<string>();
        foreach (var path in context.Facts.Files.Keys.Where(path => IsFirewall().IsMatch(path)))
        {
            var lines = Lines.Of(context.Text(path) ?? "").Select((line, index) => (Text: line.Trim(), Number: index + 1)).Where(line => line.Text.Length > 0 && line.Text[0] != '#' && word.IsMatch(line.Text));
            found.AddRange(lines.Select(line => string.Create(CultureInfo.InvariantCulture, $"{path} line {line.Number}: {line.Text[..Math.Min(line.Text.Length, 120)]}")));
        }

        return found.Count <= Listed ? found : [.. found.Take(Listed), string.Create(CultureInfo.InvariantCulture, $"and {found.Count - Listed} more")];
    }

    [GeneratedRegex(@"^/etc/(sysconfig/(ip6?tables|nftables\.conf|SuSEfirewall2)|iptables(/rules\.v[46]|\.rules)|nftables\.conf|shorewall6?/interfaces|firewalld/zones/[^/]+\.xml|ufw/[^/]+\.rules)$", RegexOptions.CultureInvariant)]
    private static partial Regex IsFirewall();
}
