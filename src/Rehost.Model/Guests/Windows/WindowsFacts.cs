using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>What is known of a Windows guest, from its registry and files alone.</summary>
public sealed record WindowsFacts
{
    /// <summary>Product as it names itself: Windows Server 2008 R2 Standard.</summary>
    public required string ProductName { get; init; }

    /// <summary>EditionID: ServerStandard, Professional; null before Windows 7.</summary>
    public string? Edition { get; init; }

    /// <summary>Client, Server, Server Core; null when nothing says so.</summary>
    public string? InstallationType { get; init; }

    /// <summary>Version of NT: 5.1, 6.1, 10.0.</summary>
    public required WindowsVersion Version { get; init; }

    /// <summary>Whether it is a server.</summary>
    public bool IsServer { get; init; }

    /// <summary>Architecture in the words of .inf files: x86, amd64, arm64.</summary>
    public required string Architecture { get; init; }

    /// <summary>Guest path of %SystemRoot%, as spelled on disk.</summary>
    public required string SystemRoot { get; init; }

    /// <summary>The drive letter that %SystemRoot% has in the guest: C:.</summary>
    public string SystemDrive { get; init; } = "C:";

    /// <summary>Device name of the volume that holds it.</summary>
    public required string SystemVolume { get; init; }

    /// <summary>Hives that were read.</summary>
    public ImmutableArray<RegistryHiveFacts> Hives { get; init; } = [];

    /// <summary>Control sets that are there, by number.</summary>
    public ImmutableArray<ControlSetFacts> ControlSets { get; init; } = [];

    /// <summary>Drive letters and what they mean.</summary>
    public ImmutableArray<DriveLetterFacts> DriveLetters { get; init; } = [];

    /// <summary>Drivers and services of the current control set that start with the system, or whose start is overridden.</summary>
    public ImmutableArray<WindowsService> Services { get; init; } = [];

    /// <summary>Driver packages that did not come with Windows (oemNN.inf).</summary>
    public ImmutableArray<InstalledDriverPackage> DriverPackages { get; init; } = [];

    /// <summary>Filters of device classes, current control set.</summary>
    public ImmutableArray<ClassFilterFacts> ClassFilters { get; init; } = [];

    /// <summary>Installed programs as "Programs and Features" lists them.</summary>
    public ImmutableArray<InstalledProgram> Programs { get; init; } = [];

    /// <summary>Network adapters with what is configured on them.</summary>
    public ImmutableArray<WindowsNetworkAdapter> NetworkAdapters { get; init; } = [];

    /// <summary>Paging files as configured: C:\pagefile.sys 0 0.</summary>
    public ImmutableArray<string> PagingFiles { get; init; } = [];

    /// <summary>Whether a shutdown hibernates the kernel ("fast startup").</summary>
    public bool FastStartup { get; init; }

    /// <summary>Whether the guest lies hibernated, be it by fast startup.</summary>
    public bool IsHibernated { get; init; }

    /// <summary>Volumes that BitLocker encrypts, by device name.</summary>
    public ImmutableArray<string> BitLockerVolumes { get; init; } = [];

    /// <summary>Signs that an update waits for a restart.</summary>
    public ImmutableArray<string> PendingUpdates { get; init; } = [];

    /// <summary>Retail, OEM, KMS client, volume (MAK); null when not known.</summary>
    public string? ActivationKind { get; init; }

    /// <summary>Whether the hardware clock runs in UTC.</summary>
    public bool ClockIsUtc { get; init; }

    /// <summary>Time zone as Windows names it; null when not known.</summary>
    public string? TimeZone { get; init; }

    /// <summary>Whether the system can check SHA-2 signatures of drivers (Windows 8 and later, or by update).</summary>
    public bool KnowsSha2 { get; init; }

    /// <summary>Boot configuration stores and boot.ini.</summary>
    public ImmutableArray<BootStoreFacts> BootStores { get; init; } = [];

    /// <summary>Registry keys that conversion steps read.</summary>
    public ImmutableArray<RegistryKeyFacts> Registry { get; init; } = [];

    /// <summary>Files that conversion steps ask for, without their content.</summary>
    public ImmutableArray<WindowsFile> Files { get; init; } = [];

    /// <summary>Geometry in the boot sector of the system volume; null when it is not NTFS.</summary>
    public NtfsGeometry? Geometry { get; init; }
}

/// <summary>A version of Windows NT.</summary>
/// <param name="Major">5 of Windows XP, 10 of Windows 10.</param>
/// <param name="Minor">Minor version.</param>
/// <param name="Build">Build: 7601, 17763.</param>
public sealed record WindowsVersion(int Major, int Minor, int Build) 
{
    /// <summary>Whether this is at least a version.</summary>
    public bool IsAtLeast(int major, int minor = 0, int build = 0) => (Major, Minor, Build).CompareTo((major, minor, build)) >= 0;

    /// <summary>Whether this is at least another.</summary>
    public bool IsAtLeast(WindowsVersion other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return IsAtLeast(other.Major, other.Minor, other.Build);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Major}.{Minor}.{Build}";
}

/// <summary>A registry hive of the guest.</summary>
/// <param name="Name">SYSTEM, SOFTWARE.</param>
/// <param name="Path">Guest path.</param>
/// <param name="ReplayedEntries">Entries of its logs that complete it, as Windows itself would; 0 when it was written completely.</param>
public sealed record RegistryHiveFacts(string Name, string Path, int ReplayedEntries);

/// <summary>A control set.</summary>
/// <param name="Number">Its number: ControlSet001.</param>
/// <param name="Roles">What Select calls it: current, default, lastKnownGood, failed.</param>
public sealed record ControlSetFacts(int Number, ImmutableArray<string> Roles)
{
    /// <summary>Name of its key.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Key => string.Create(System.Globalization.CultureInfo.InvariantCulture, $@"SYSTEM\ControlSet{Number:000}");
}

/// <summary>A drive letter.</summary>
/// <param name="Letter">C:</param>
/// <param name="Means">MBR disk and offset, GPT partition, or a device, in words.</param>
/// <param name="VolumeName">The volume, when it is among the disks.</param>
public sealed record DriveLetterFacts(string Letter, string Means, string? VolumeName);

/// <summary>A driver or service.</summary>
/// <param name="Name">Key name.</param>
/// <param name="Start">0 boot, 1 system, 2 automatic, 3 on demand, 4 disabled.</param>
/// <param name="Type">1 kernel driver, 2 file system, 16 and 32 programs.</param>
/// <param name="Group">Load order group; null when none.</param>
/// <param name="ImagePath">File as the key says; null when it says none.</param>
/// <param name="StartOverride">Values of StartOverride by name, which win over Start from Windows 8 on; empty when there are none.</param>
public sealed record WindowsService(string Name, uint Start, uint Type, string? Group, string? ImagePath, ImmutableSortedDictionary<string, uint> StartOverride);

/// <summary>A driver package in the driver store.</summary>
public sealed record InstalledDriverPackage
{
    /// <summary>Published name: oem3.inf.</summary>
    public required string InfName { get; init; }

    /// <summary>Name that its maker gave it: xenvbd.inf; null when not known.</summary>
    public string? OriginalName { get; init; }

    /// <summary>Provider.</summary>
    public string? Provider { get; init; }

    /// <summary>Setup class.</summary>
    public string? ClassName { get; init; }

    /// <summary>Date and version as the file has them.</summary>
    public string? DriverVersion { get; init; }

    /// <summary>Services that it installs.</summary>
    public ImmutableArray<string> Services { get; init; } = [];

    /// <summary>Hardware ids that it is for.</summary>
    public ImmutableArray<string> HardwareIds { get; init; } = [];

    /// <summary>File names that it installs.</summary>
    public ImmutableArray<string> Files { get; init; } = [];

    /// <summary>Guest paths of oemNN.inf and .pnf.</summary>
    public ImmutableArray<string> InfPaths { get; init; } = [];

    /// <summary>Directory in the driver store; null before Windows Vista or when not found.</summary>
    public string? StorePath { get; init; }

    /// <summary>Files of that directory.</summary>
    public ImmutableArray<string> StoreFiles { get; init; } = [];
}

/// <summary>Filters of a device class.</summary>
/// <param name="ClassGuid">Key name, with braces.</param>
/// <param name="ClassName">Class.</param>
/// <param name="Upper">UpperFilters.</param>
/// <param name="Lower">LowerFilters.</param>
public sealed record ClassFilterFacts(string ClassGuid, string? ClassName, ImmutableArray<string> Upper, ImmutableArray<string> Lower);

/// <summary>An installed program.</summary>
/// <param name="Key">Its key: SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\….</param>
/// <param name="Name">Name.</param>
/// <param name="Publisher">Publisher; null when not said.</param>
/// <param name="Version">Version; null when not said.</param>
public sealed record InstalledProgram(string Key, string Name, string? Publisher, string? Version);

/// <summary>A network adapter that Windows has configured.</summary>
public sealed record WindowsNetworkAdapter
{
    /// <summary>Interface id, with braces: key below Tcpip\Parameters\Interfaces.</summary>
    public required string InterfaceId { get; init; }

    /// <summary>Name of the connection: Local Area Connection; null when not known.</summary>
    public string? Name { get; init; }

    /// <summary>Description of the adapter.</summary>
    public string? Description { get; init; }

    /// <summary>Device instance: XENVIF\VEN_…; null when not known.</summary>
    public string? DeviceInstance { get; init; }

    /// <summary>Whether its addresses come by DHCP.</summary>
    public bool UsesDhcp { get; init; }

    /// <summary>Static IPv4 addresses with prefix length: 192.0.2.10/24.</summary>
    public ImmutableArray<string> Addresses { get; init; } = [];

    /// <summary>Gateways.</summary>
    public ImmutableArray<string> Gateways { get; init; } = [];

    /// <summary>Name servers set by hand.</summary>
    public ImmutableArray<string> NameServers { get; init; } = [];
}

/// <summary>A boot configuration store, or a boot.ini.</summary>
public sealed record BootStoreFacts
{
    /// <summary>Guest path.</summary>
    public required string Path { get; init; }

    /// <summary>Device name of the volume that holds it.</summary>
    public required string VolumeName { get; init; }

    /// <summary>Id of the default entry; null when none, or for boot.ini.</summary>
    public string? DefaultEntry { get; init; }

    /// <summary>Seconds that the menu is shown; null when not said.</summary>
    public long? TimeoutSeconds { get; init; }

    /// <summary>Elements of entries that name a device, and what the loaders load.</summary>
    public ImmutableArray<BootElementFacts> Elements { get; init; } = [];
}

/// <summary>An element of a boot configuration store.</summary>
public sealed record BootElementFacts
{
    /// <summary>Id of the object, with braces.</summary>
    public required string ObjectId { get; init; }

    /// <summary>Type of the object: 0x10200003 a loader of Windows.</summary>
    public required uint ObjectType { get; init; }

    /// <summary>Type of the element.</summary>
    public required uint ElementType { get; init; }

    /// <summary>Its name as bcdedit calls it.</summary>
    public required string Name { get; init; }

    /// <summary>Its value in words.</summary>
    public required string Text { get; init; }

    /// <summary>Disk that a device names: MBR signature as 8 hex digits or GPT disk id; null when it names no partition.</summary>
    public string? DiskTableId { get; init; }

    /// <summary>Partition that a device names: first byte (MBR) or partition id (GPT).</summary>
    public string? PartitionId { get; init; }

    /// <summary>Device name of the volume that is meant; null when it is not among the disks, or none is named.</summary>
    public string? VolumeName { get; init; }
}

/// <summary>A file of the guest.</summary>
/// <param name="Path">Guest path, as spelled on disk.</param>
/// <param name="LengthBytes">Bytes.</param>
/// <param name="Sha256">SHA-256 in lower-case hex; null where it was not read.</param>
public sealed record WindowsFile(string Path, long LengthBytes, string? Sha256);

/// <summary>Geometry of an NTFS boot sector, which boot code of Windows 2000 to 2003 reads the first files by.</summary>
/// <param name="SectorsPerTrack">Word at 0x18.</param>
/// <param name="Heads">Word at 0x1A.</param>
/// <param name="HiddenSectors">Double word at 0x1C: sectors before the volume.</param>
public sealed record NtfsGeometry(int SectorsPerTrack, int Heads, long HiddenSectors);
