using System.Collections.Immutable;
using Rehost.Model;
using OperatingSystem = Rehost.Model.OperatingSystem;

namespace Rehost.Planning.Tests.Windows;

/// <summary>Facts of Windows guests as inspection finds them.</summary>
internal static class WindowsFactsSample
{
    public static GuestFacts Guest(string version, bool isServer = false, string architecture = "amd64", Func<WindowsFacts, WindowsFacts>? change = null, int disks = 1)
    {
        var parts = version.Split('.').Select(int.Parse).ToArray();
        var number = new WindowsVersion(parts[0], parts[1], parts.Length > 2 ? parts[2] : 0);
        var windows = new WindowsFacts
        {
            ProductName = "Windows",
            Version = number,
            IsServer = isServer,
            Architecture = architecture,
            SystemRoot = "/Windows",
            SystemVolume = "sda1",
            Hives = [new RegistryHiveFacts("SYSTEM", "/Windows/System32/config/SYSTEM", 0), new RegistryHiveFacts("SOFTWARE", "/Windows/System32/config/SOFTWARE", 0)],
            ControlSets = [new ControlSetFacts(1, ["current", "default"]), new ControlSetFacts(2, ["lastKnownGood"])],
            KnowsSha2 = number.IsAtLeast(6, 2),
            Registry =
            [
                .. new[] { 1, 2 }.SelectMany(set => new[]
                {
                    Key($@"SYSTEM\ControlSet00{set}\Services\disk", ("Start", RegistryData.OfNumber(0))),
                    Key($@"SYSTEM\ControlSet00{set}\Services\storahci", ("Start", RegistryData.OfNumber(0))),
                    Key($@"SYSTEM\ControlSet00{set}\Services\storahci\StartOverride", ("0", RegistryData.OfNumber(3))),
                    Key($@"SYSTEM\ControlSet00{set}\Services\partmgr", ("Start", RegistryData.OfNumber(0))),
                    Key($@"SYSTEM\ControlSet00{set}\Control\CrashControl", ("AutoReboot", RegistryData.OfNumber(1))),
                }),
                .. number.IsAtLeast(6, 2) ? new[] { Key(@"SYSTEM\DriverDatabase", ("OemInfMap", RegistryData.OfBytes([0xc0, 0]))), Key(@"SYSTEM\DriverDatabase\DriverInfFiles\oem0.inf"), Key(@"SYSTEM\DriverDatabase\DriverInfFiles\oem1.inf") } : [],
            ],
            Files = [.. InBox(number).Select(name => new WindowsFile($"/Windows/System32/drivers/{name}", 1, new string('0', 64)))],
        };
        return new GuestFacts
        {
            Machine = new VirtualMachine
            {
                Name = "win", Hypervisor = Hypervisor.XenServer, Mode = VirtualizationMode.Hardware, Firmware = Firmware.Bios, MemoryBytes = 1L << 30, Disks = [.. Enumerable.Range(0, disks).Select(i => new VirtualDisk { Id = $"disk{i}", DeviceName = $"sd{(char)('a' + i)}", LengthBytes = 40L << 30 })],
                NetworkAdapters = [new NetworkAdapter { MacAddress = "52:54:00:00:00:01" }],
            },
            Disks = [.. Enumerable.Range(0, disks).Select(i => new DiskFacts { DiskId = $"disk{i}", DeviceName = $"sd{(char)('a' + i)}", LengthBytes = 40L << 30, Scheme = PartitionScheme.Mbr, TableId = $"0000000{i}" })],
            Volumes = [new VolumeFacts { DeviceName = "sda1", DiskId = "disk0", PartitionNumber = 1, Offset = 1 << 20, LengthBytes = 30L << 30, Content = VolumeContent.FileSystem, Type = "ntfs", MountPath = "/" }],
            OperatingSystem = new OperatingSystem { Id = "windows", Name = "Windows", Version = version, Architecture = "x86_64" },
            Windows = change is null ? windows : change(windows),
        };
    }

    public static RegistryKeyFacts Key(string path, params (string Name, RegistryData Data)[] values) => new() { Path = path, Values = values.ToImmutableSortedDictionary(value => value.Name, value => value.Data, StringComparer.OrdinalIgnoreCase) };

    /// <summary>A package for viostor in a directory, for versions from one on.</summary>
    public static DriverPackage Package(string directory, string? from, string architecture = "amd64", string id = @"PCI\VEN_1AF4&DEV_1001", string service = "viostor", params string[] digests)
    {
        var minimum = from?.Split('.').Select(int.Parse).ToArray();
        return new DriverPackage
        {
            Directory = directory,
            InfName = service + ".inf",
            ClassName = "SCSIAdapter",
            ClassGuid = "{4d36e97b-e325-11ce-bfc1-08002be10318}",
            CatalogFile = service + ".cat",
            CatalogDigests = digests.Length == 0 ? ["SHA-1", "SHA-256"] : [.. digests],
            DriverDate = "04/14/2021",
            DriverVersion = "1.2.3.4",
            Files = [new DriverFile(service + ".inf", new string('a', 64), 10), new DriverFile(service + ".sys", new string('b', 64), 20), new DriverFile(service + ".cat", new string('c', 64), 30)],
            Models =
            [
                new DriverModel
                {
                    HardwareId = id, Architecture = architecture, InstallSection = "inst", EffectiveSection = "inst", DriverFiles = [service + ".sys"],
                    MinimumVersion = minimum is null ? null : new WindowsVersion(minimum[0], minimum[1], minimum.Length > 2 ? minimum[2] : 0),
                    Services = [new DriverService { Name = service, IsFunctionDriver = true, Start = 0, Group = "SCSI miniport", Binary = $@"system32\drivers\{service}.sys" }],
                },
            ],
        };
    }

    private static string[] InBox(WindowsVersion version) => version.Major == 5 ? ["disk.sys", "intelide.sys", "atapi.sys"]
        : version.IsAtLeast(6, 2) ? ["disk.sys", "intelide.sys", "atapi.sys", "storahci.sys", "lsi_sas.sys"] : ["disk.sys", "intelide.sys", "atapi.sys", "msahci.sys", "lsi_sas.sys"];
}
