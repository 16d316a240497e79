using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>A network interface before and after, for the table of a plan.</summary>
public sealed record InterfacePlan
{
    /// <summary>Name that the guest's configuration uses and that stays: eth0, ens192; the pattern where it uses one.</summary>
    public required string Name { get; init; }

    /// <summary>Guest path of the file that configures it; null when none does.</summary>
    public string? ConfiguredIn { get; init; }

    /// <summary>static, dhcp …, as the file says.</summary>
    public string? Method { get; init; }

    /// <summary>Addresses as written; they do not change.</summary>
    public ImmutableArray<string> Addresses { get; init; } = [];

    /// <summary>Adapter on the source: "vmxnet3 00:50:56:01:02:03"; "bond over ens192, ens224"; "unknown".</summary>
    public required string Before { get; init; }

    /// <summary>Adapter on the target, in the same words.</summary>
    public required string After { get; init; }

    /// <summary>What makes the name hold on the target.</summary>
    public required string HeldBy { get; init; }
}
