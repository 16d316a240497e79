using System.Collections.Immutable;

namespace Rehost.Remote.Xapi;

/// <summary>What shall be uploaded, and how.</summary>
/// <param name="Address">The host.</param>
/// <param name="Trust">Whose certificate is believed.</param>
public sealed record UploadRequest(XapiAddress Address, XapiTrust Trust)
{
    /// <summary>Networks of the machine, by name label or bridge, and those of the host that stand for them, by name label or UUID.</summary>
    public ImmutableDictionary<string, string> Networks { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Whether the host gives new UUIDs and MAC addresses, as for a clone; else the machine keeps its own.</summary>
    public bool NewIdentity { get; init; }

    /// <summary>Whether only the checks are made.</summary>
    public bool OnlyCheck { get; init; }
}

/// <summary>What became of an upload.</summary>
/// <param name="Name">Name label of the machine.</param>
/// <param name="Uuid">Its UUID on the host; empty when only checks were made.</param>
/// <param name="Repository">Name label of the storage repository.</param>
/// <param name="Bytes">Bytes sent.</param>
/// <param name="Seconds">What it took.</param>
/// <param name="Adapters">The machine's network adapters.</param>
/// <param name="Disks">The disks on the host.</param>
/// <param name="Findings">What the operator should know.</param>
public sealed record UploadReport(string Name, string Uuid, string Repository, long Bytes, double Seconds, ImmutableArray<UploadedAdapter> Adapters, ImmutableArray<UploadedDisk> Disks, ImmutableArray<Model.Diagnostic> Findings);

/// <summary>A network adapter of an uploaded machine.</summary>
/// <param name="Device">Its number.</param>
/// <param name="MacAddress">Its address.</param>
/// <param name="From">Network or bridge in the XVA.</param>
/// <param name="Network">Name label of the host's network.</param>
public sealed record UploadedAdapter(string Device, string MacAddress, string From, string Network);

/// <summary>A disk of an uploaded machine.</summary>
/// <param name="Name">Its name label.</param>
/// <param name="Uuid">UUID of its VDI.</param>
/// <param name="LengthBytes">Its size.</param>
public sealed record UploadedDisk(string Name, string Uuid, long LengthBytes);
