using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>Parses one vif entry: <c>name=value</c> pairs between commas; an empty entry is an adapter with all defaults.</summary>
internal static partial class XenNetworkSpecificationParser
{
    /// <summary>Parses an entry.</summary>
    /// <exception cref="DiagnosticException">XEN006.</exception>
    public static XenNetworkSpecification Parse(string text, string where, XenConfigPosition position)
    {
        var specification = new XenNetworkSpecification { Text = text, Position = position };
        var other = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw XenDiagnostics.BadNetworkAdapter.ToException($"'{part}' is not name=value in '{text}'", where);
            }

            var value = part[(equals + 1)..].Trim();
            switch (part[..equals].Trim())
            {
                case "mac":
                    specification = specification with { MacAddress = NormalizeMac(value) ?? throw XenDiagnostics.BadNetworkAdapter.ToException($"'{value}' is no MAC address in '{text}'", where) };
                    break;
                case "bridge":
                    specification = specification with { Bridge = value };
                    break;
                case "model":
                    specification = specification with { Model = value };
                    break;
                case "type":
                    specification = specification with { Type = value };
                    break;
                case var name:
                    other[name] = value;
                    break;
            }
        }

        return specification with { Other = other.ToImmutable() };
    }

    /// <summary>Brings a MAC address to lower case with colons; null when it is none.</summary>
    internal static string? NormalizeMac(string text)
    {
        var mac = text.Trim().Replace('-', ':').ToLowerInvariant();
        return Mac().IsMatch(mac) ? mac : null;
    }

    [GeneratedRegex("^[0-9a-f]{2}(:[0-9a-f]{2}){5}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Mac();
}
