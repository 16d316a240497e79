using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Rehost.Remote.Xapi;

namespace Rehost.Pipeline.Sources;

/// <summary>How a host is spoken to. The password is kept out of every record.</summary>
public sealed record RemoteAccess
{
    /// <summary>Password for XAPI.</summary>
    [JsonIgnore]
    public ReadOnlyMemory<byte> Password { get; init; }

    /// <summary>SHA-256 fingerprints of the certificates that are believed; none for what signs them.</summary>
    public ImmutableArray<string> Fingerprints { get; init; } = [];

    /// <summary>PEM file of the authorities that are believed; null for this computer's own.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>The ssh program; ssh unless another stands for it.</summary>
    public string SshProgram { get; init; } = "ssh";

    /// <summary>Directory for what has to be kept while a machine is read; null for the system's.</summary>
    [JsonIgnore]
    public string? ScratchDirectory { get; init; }

    /// <summary>Format of the target's disks, where an export can become the target in place; null where it is only read.</summary>
    [JsonIgnore]
    public string? LandingFormat { get; init; }

    /// <summary>Told the bytes of disks received so far; null for nobody.</summary>
    [JsonIgnore]
    public Action<long>? Report { get; init; }

    internal XapiTrust Trust => new(Fingerprints, AuthorityFile);
}
