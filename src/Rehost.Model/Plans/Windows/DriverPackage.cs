using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>A driver package that the operator supplied, as its .inf says; the files are named by their hashes.</summary>
public sealed record DriverPackage
{
    /// <summary>Directory in what was supplied, without slash at either end: viostor/w10/amd64.</summary>
    public required string Directory { get; init; }

    /// <summary>File name of the .inf.</summary>
    public required string InfName { get; init; }

    /// <summary>Setup class: SCSIAdapter, Net.</summary>
    public required string ClassName { get; init; }

    /// <summary>Its id, with braces.</summary>
    public required string ClassGuid { get; init; }

    /// <summary>Provider.</summary>
    public string Provider { get; init; } = "";

    /// <summary>Date of DriverVer, month/day/year.</summary>
    public string DriverDate { get; init; } = "";

    /// <summary>Version of DriverVer: 100.93.104.22000.</summary>
    public string DriverVersion { get; init; } = "";

    /// <summary>File name of the catalogue that signs it; null when it names none.</summary>
    public string? CatalogFile { get; init; }

    /// <summary>Digests of the catalogue's signature: SHA-1, SHA-256; none when there is no catalogue.</summary>
    public ImmutableArray<string> CatalogDigests { get; init; } = [];

    /// <summary>Devices it is for, one for each models section that names them.</summary>
    public ImmutableArray<DriverModel> Models { get; init; } = [];

    /// <summary>Files of the directory that belong to it, the .inf first.</summary>
    public ImmutableArray<DriverFile> Files { get; init; } = [];

    /// <summary>Guest architectures that its sections are for: x86, amd64, arm64.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<string> Architectures => Models.Select(model => model.Architecture).Distinct();
}

/// <summary>A file of a driver package.</summary>
/// <param name="Name">File name.</param>
/// <param name="Sha256">SHA-256 of its content.</param>
/// <param name="LengthBytes">Bytes.</param>
public sealed record DriverFile(string Name, string Sha256, long LengthBytes);

/// <summary>A line of a models section with what it installs.</summary>
public sealed record DriverModel
{
    /// <summary>Hardware id: PCI\VEN_1AF4&amp;DEV_1001&amp;SUBSYS_00021AF4&amp;REV_00.</summary>
    public required string HardwareId { get; init; }

    /// <summary>Description, strings replaced.</summary>
    public string Description { get; init; } = "";

    /// <summary>Architecture of the section: x86, amd64, arm64.</summary>
    public required string Architecture { get; init; }

    /// <summary>Oldest version that the section is for; null when it does not say.</summary>
    public WindowsVersion? MinimumVersion { get; init; }

    /// <summary>Product type that the section is for, 1 workstation, 3 server; null for all.</summary>
    public int? ProductType { get; init; }

    /// <summary>Install section, without what the platform adds.</summary>
    public string InstallSection { get; init; } = "";

    /// <summary>The section in effect: with what the platform adds.</summary>
    public string EffectiveSection { get; init; } = "";

    /// <summary>Services, the one of the device first.</summary>
    public ImmutableArray<DriverService> Services { get; init; } = [];

    /// <summary>Files that are copied to system32\drivers.</summary>
    public ImmutableArray<string> DriverFiles { get; init; } = [];
}

/// <summary>A service that a driver package installs.</summary>
public sealed record DriverService
{
    /// <summary>Name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it is the function driver of the device (flag 2 of AddService).</summary>
    public bool IsFunctionDriver { get; init; }

    /// <summary>Display name; null when none.</summary>
    public string? DisplayName { get; init; }

    /// <summary>ServiceType: 1 kernel driver.</summary>
    public uint Type { get; init; } = 1;

    /// <summary>StartType.</summary>
    public uint Start { get; init; } = 3;

    /// <summary>ErrorControl.</summary>
    public uint ErrorControl { get; init; } = 1;

    /// <summary>LoadOrderGroup; null when none.</summary>
    public string? Group { get; init; }

    /// <summary>File name of ServiceBinary, and where it goes below the system root: system32\drivers\viostor.sys.</summary>
    public string Binary { get; init; } = "";

    /// <summary>Values that AddReg puts below the service's key.</summary>
    public ImmutableArray<DriverRegistryValue> Values { get; init; } = [];
}

/// <summary>A value that a driver package sets.</summary>
/// <param name="Key">Key below the service's: Parameters\PnpInterface; empty for the service's own.</param>
/// <param name="Name">Name.</param>
/// <param name="Data">Value.</param>
public sealed record DriverRegistryValue(string Key, string Name, RegistryData Data);
