using System.Collections.Immutable;
using Rehost.Hypervisors.XenServer;
using Rehost.Model;

namespace Rehost.Remote.Xapi;

/// <summary>The networks of a host, and which of them stands for a network of the machine.</summary>
internal sealed class XapiNetworks
{
    private readonly ImmutableArray<(string Reference, string Name, string Bridge, string Uuid)> _all;
    private readonly ImmutableDictionary<string, string> _mapped;
    private readonly string _host;

    private XapiNetworks(ImmutableArray<(string Reference, string Name, string Bridge, string Uuid)> all, ImmutableDictionary<string, string> mapped, string host)
        => (_all, _mapped, _host) = (all, mapped, host);

    public static XapiNetworks Read(XapiSession session, ImmutableDictionary<string, string> mapped, CancellationToken cancellationToken)
    {
        var records = session.Call("network.get_all_records", cancellationToken) as XmlRpcStruct;
        return new XapiNetworks(
            [.. (records?.Members ?? []).OrderBy(item => item.Value.Text("name_label"), StringComparer.Ordinal)
                .Select(item => (item.Key, item.Value.Text("name_label"), item.Value.Text("bridge"), item.Value.Text("uuid")))],
            mapped, session.Client.Host);
    }

    /// <summary>Name label of a network of the host.</summary>
    public string NameOf(string reference) => _all.FirstOrDefault(network => network.Reference == reference).Name ?? reference;

    /// <summary>The host's network for one of the machine: as the operator says, else by name label, else by bridge. What has none would silently get a new network that leads nowhere (S0.36).</summary>
    /// <exception cref="DiagnosticException">XAP011.</exception>
    public string Find(string? wanted)
    {
        var name = wanted is null ? "" : _mapped.GetValueOrDefault(wanted, wanted);
        foreach (var found in (ReadOnlySpan<ImmutableArray<string>>)
            [
                [.. _all.Where(network => network.Uuid == name).Select(network => network.Reference)],
                [.. _all.Where(network => network.Name == name).Select(network => network.Reference)],
                [.. _all.Where(network => network.Bridge == name).Select(network => network.Reference)],
            ])
        {
            if (found.Length == 1)
            {
                return found[0];
            }

            if (found.Length > 1)
            {
                throw XapiDiagnostics.NoNetwork.ToException($"{found.Length} networks are called '{name}': give the UUID", _host);
            }
        }

        throw XapiDiagnostics.NoNetwork.ToException(
            $"{(wanted is null ? "an adapter without network" : $"'{wanted}'{(name == wanted ? "" : $" (mapped to '{name}')")}")}; the host has {string.Join(", ", _all.Select(network => $"'{network.Name}' ({network.Bridge})"))}", _host);
    }
}
