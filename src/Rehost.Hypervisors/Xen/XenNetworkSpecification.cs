using System.Collections.Immutable;

namespace Rehost.Hypervisors.Xen;

/// <summary>One entry of <c>vif = […]</c> (xl-network-configuration(5)).</summary>
public sealed record XenNetworkSpecification
{
    /// <summary>The entry as written, for messages.</summary>
    public required string Text { get; init; }

    /// <summary>Where it stands.</summary>
    public XenConfigPosition Position { get; init; }

    /// <summary>MAC address in lower case with colons, or null.</summary>
    public string? MacAddress { get; init; }

    /// <summary>Bridge, or null for the toolstack's default.</summary>
    public string? Bridge { get; init; }

    /// <summary>Emulated model (rtl8139, e1000), or null.</summary>
    public string? Model { get; init; }

    /// <summary>vif, netfront or ioemu, or null.</summary>
    public string? Type { get; init; }

    /// <summary>Every other parameter: ip, script, vifname, rate, backend …</summary>
    public ImmutableSortedDictionary<string, string> Other { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
