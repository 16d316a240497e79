using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Rehost.Testing.Windows;

/// <summary>A Windows that never was: what a conversion looks at, laid out as the real one has it. Nothing in it is Microsoft's.</summary>
public sealed record PhonyWindows
{
    /// <summary>Product name.</summary>
    public required string Product { get; init; }

    /// <summary>Version of NT: 6.1.</summary>
    public required string Version { get; init; }

    /// <summary>Build.</summary>
    public required int Build { get; init; }

    /// <summary>Whether it is a server.</summary>
    public bool IsServer { get; init; }

    /// <summary>x86, amd64 or arm64.</summary>
    public string Architecture { get; init; } = "amd64";

    /// <summary>Whether it starts from UEFI, with a GPT and an EFI system partition.</summary>
    public bool IsUefi { get; init; }

    /// <summary>Whether a BIOS guest has a System Reserved partition.</summary>
    public bool HasSystemReserved { get; init; }

    /// <summary>What is left in it: "xen" (drivers of XenServer 7 and later), "xen6" (of XenServer 6), "redhat" and "suse" (their drivers for Xen), "vmware", "virtualbox", "parallels".</summary>
    public IReadOnlyList<string> Leftovers { get; init; } = [];

    /// <summary>Whether the boot store names a disk that is not there.</summary>
    public bool HasStaleBootStore { get; init; }

    /// <summary>Lines for SYSTEM beyond the usual, below [HKEY_LOCAL_MACHINE\SYSTEM\….</summary>
    public string MoreSystem { get; init; } = "";

    /// <summary>Lines for SOFTWARE beyond the usual.</summary>
    public string MoreSoftware { get; init; } = "";

    /// <summary>Whether \EFI\BOOT of its EFI system partition holds somebody's file already, and no loader for this machine.</summary>
    public bool HasFilesOfOthers { get; init; }

    /// <summary>Whether hiberfil.sys holds a running system.</summary>
    public bool IsHibernated { get; init; }

    /// <summary>Size of the system volume.</summary>
    public int SystemMebibytes { get; init; } = PhonyDisk.SystemMebibytes;

    /// <summary>A SYSTEM hive instead of the one that would be made up; null for that.</summary>
    public byte[]? SystemHive { get; init; }

    /// <summary>Name of the folder of Windows.</summary>
    public string Folder => Version is "5.0" ? "WINNT" : Version[0] == '5' ? "WINDOWS" : "Windows";

    /// <summary>Whether it has a DriverDatabase.</summary>
    public bool HasDriverDatabase => Version is "6.2" or "6.3" or "10.0";

    /// <summary>Driver packages that its leftovers consist of.</summary>
    public int LeftoverPackages => Leftovers.Sum(leftover => PhonyLeftovers.Packages(leftover).Count);

    /// <summary>Services that its leftovers consist of.</summary>
    public IEnumerable<string> LeftoverServices => Leftovers.SelectMany(PhonyLeftovers.Services);

    /// <summary>Windows 2000 to Server 2025, the guests of the tests.</summary>
    public static IReadOnlyDictionary<string, PhonyWindows> All { get; } = new Dictionary<string, PhonyWindows>(StringComparer.Ordinal)
    {
        ["2000"] = new() { Product = "Microsoft Windows 2000", Version = "5.0", Build = 2195, Architecture = "x86", Leftovers = ["vmware"] },
        ["xp"] = new() { Product = "Microsoft Windows XP", Version = "5.1", Build = 2600, Architecture = "x86", Leftovers = ["xen6"] },
        ["2003"] = new() { Product = "Microsoft Windows Server 2003", Version = "5.2", Build = 3790, IsServer = true, Architecture = "x86", Leftovers = ["vmware"] },
        ["2003x64"] = new() { Product = "Microsoft Windows Server 2003", Version = "5.2", Build = 3790, IsServer = true, Leftovers = ["redhat"] },
        ["2008"] = new() { Product = "Windows Server (R) 2008 Standard", Version = "6.0", Build = 6003, IsServer = true, Architecture = "x86", Leftovers = ["suse"] },
        ["2008r2"] = new() { Product = "Windows Server 2008 R2 Standard", Version = "6.1", Build = 7601, IsServer = true, HasSystemReserved = true, HasStaleBootStore = true, Leftovers = ["xen6"] },
        ["7"] = new() { Product = "Windows 7 Professional", Version = "6.1", Build = 7601, Architecture = "x86", Leftovers = ["vmware"] },
        ["7uefi"] = new() { Product = "Windows 7 Professional", Version = "6.1", Build = 7601, IsUefi = true, Leftovers = ["virtualbox"] },
        ["2012r2"] = new() { Product = "Windows Server 2012 R2 Standard", Version = "6.3", Build = 9600, IsServer = true, HasSystemReserved = true, Leftovers = ["xen"] },
        ["10"] = new() { Product = "Windows 10 Pro", Version = "10.0", Build = 19045, IsUefi = true, Leftovers = ["vmware"] },
        ["10bios"] = new() { Product = "Windows 10 Pro", Version = "10.0", Build = 19045, Architecture = "x86", HasSystemReserved = true, Leftovers = ["parallels"] },
        ["2019"] = new() { Product = "Windows Server 2019 Standard", Version = "10.0", Build = 17763, IsServer = true, IsUefi = true, HasStaleBootStore = true, Leftovers = ["xen"] },
        ["2025"] = new() { Product = "Windows Server 2025 Standard", Version = "10.0", Build = 26100, IsServer = true, IsUefi = true },
        ["11arm"] = new() { Product = "Windows 10 Pro", Version = "10.0", Build = 22631, Architecture = "arm64", IsUefi = true },
    };

    /// <summary>Head of a program for the architecture, such that file(1) knows it: MZ and PE headers, no code.</summary>
    public byte[] Program()
    {
        var file = new byte[1024];
        "MZ"u8.CopyTo(file);
        file[0x18] = 0x40; // where relocations would be: beyond the old header, so that a newer one follows
        BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(0x3c), 0x80);
        "PE\0\0"u8.CopyTo(file.AsSpan(0x80));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x84), Architecture switch { "x86" => 0x14c, "arm64" => 0xaa64, _ => 0x8664 });
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x94), (ushort)(Architecture == "x86" ? 0xe0 : 0xf0)); // length of the optional header
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x98), (ushort)(Architecture == "x86" ? 0x10b : 0x20b)); // its kind: PE32, PE32+
        file[0xdc] = 3; // for a console
        return file;
    }

    /// <summary>Drivers that come with this Windows.</summary>
    public IEnumerable<string> InBoxDrivers => Version[0] == '5'
        ? ["disk.sys", "atapi.sys", "intelide.sys", "pciidex.sys", "partmgr.sys", .. Version == "5.2" ? new[] { "symmpi.sys" } : []]
        : ["disk.sys", "atapi.sys", "intelide.sys", "pciidex.sys", "partmgr.sys", "lsi_sas.sys", "fltmgr.sys", HasDriverDatabase ? "storahci.sys" : "msahci.sys"];

    /// <summary>SYSTEM as a .reg file.</summary>
    /// <param name="drives">Values of MountedDevices as .reg lines.</param>
    public string System(string drives)
    {
        var text = new StringBuilder("Windows Registry Editor Version 5.00\n\n");
        Key(text, "Select", "\"Current\"=dword:00000001", "\"Default\"=dword:00000001", "\"Failed\"=dword:00000000", "\"LastKnownGood\"=dword:00000002");
        Key(text, "MountedDevices", drives);
        foreach (var set in (string[])["ControlSet001", "ControlSet002"])
        {
            AddControlSet(text, set);
            foreach (var leftover in Leftovers)
            {
                text.Append(PhonyLeftovers.System(leftover, set, this));
            }
        }

        if (HasDriverDatabase)
        {
            Key(text, "DriverDatabase", "\"Architecture\"=dword:00000009", "\"OemInfMap\"=hex:80,00", "\"Version\"=dword:0a000000");
            Key(text, @"DriverDatabase\DriverInfFiles\disk.inf", "@=hex(7):" + Utf16("disk.inf_amd64_0123456789abcdef\0"), "\"Active\"=\"disk.inf_amd64_0123456789abcdef\"");
            Key(text, @"DriverDatabase\DriverPackages\disk.inf_amd64_0123456789abcdef", "@=\"disk.inf\"", "\"Provider\"=\"Microsoft\"");
            Key(text, @"DriverDatabase\DeviceIds\PCI\CC_010601", "\"mshdc.inf\"=hex:01,ff,00,00");
        }

        return text.Append(MoreSystem).ToString();
    }

    /// <summary>SOFTWARE as a .reg file.</summary>
    public string Software()
    {
        var text = new StringBuilder("Windows Registry Editor Version 5.00\n\n");
        var modern = Version == "10.0" ? "\n\"CurrentMajorVersionNumber\"=dword:0000000a\n\"CurrentMinorVersionNumber\"=dword:00000000" : "";
        SoftwareKey(text, @"Microsoft\Windows NT\CurrentVersion", $"\"ProductName\"=\"{Product}\"", $"\"CurrentVersion\"=\"{(Version == "10.0" ? "6.3" : Version)}\"{modern}", $"\"CurrentBuildNumber\"=\"{Build}\"",
            $"\"SystemRoot\"=\"C:\\\\{Folder}\"", $"\"EditionID\"=\"{(IsServer ? "ServerStandard" : "Professional")}\"", $"\"InstallationType\"=\"{(IsServer ? "Server" : "Client")}\"", "\"ProductId\"=\"00371-177-0000061-85000\"");
        SoftwareKey(text, @"Microsoft\Windows\CurrentVersion", "\"DevicePath\"=hex(2):" + Utf16(@"%SystemRoot%\inf"));
        SoftwareKey(text, @"Microsoft\Windows\CurrentVersion\Uninstall\Other", "\"DisplayName\"=\"An application\"", "\"Publisher\"=\"Somebody\"");
        SoftwareKey(text, @"Microsoft\Windows\CurrentVersion\Run", "\"Other\"=\"C:\\\\other.exe\"");
        foreach (var leftover in Leftovers)
        {
            text.Append(PhonyLeftovers.Software(leftover));
        }

        return text.Append(MoreSoftware).ToString();
    }

    internal static void Key(StringBuilder text, string key, params string[] values) => text.Append(CultureInfo.InvariantCulture, $"[HKEY_LOCAL_MACHINE\\SYSTEM\\{key}]\n{string.Join('\n', values)}\n\n");

    internal static void SoftwareKey(StringBuilder text, string key, params string[] values) => text.Append(CultureInfo.InvariantCulture, $"[HKEY_LOCAL_MACHINE\\SOFTWARE\\{key}]\n{string.Join('\n', values)}\n\n");

    /// <summary>Text as .reg files write REG_EXPAND_SZ and REG_MULTI_SZ.</summary>
    internal static string Utf16(string text) => string.Join(',', Encoding.Unicode.GetBytes(text + "\0").Select(one => one.ToString("x2", CultureInfo.InvariantCulture)));

    internal static string[] Driver(string file, uint start, string group) =>
        ["\"Type\"=dword:00000001", string.Create(CultureInfo.InvariantCulture, $"\"Start\"=dword:{start:x8}"), "\"ErrorControl\"=dword:00000001", $"\"Group\"=\"{group}\"", "\"ImagePath\"=hex(2):" + Utf16($@"system32\drivers\{file}")];

    private void AddControlSet(StringBuilder text, string set)
    {
        Key(text, $@"{set}\Services\disk", Driver("disk.sys", 0, "SCSI Class"));
        Key(text, $@"{set}\Services\partmgr", Driver("partmgr.sys", 0, "Boot Bus Extender"));
        Key(text, $@"{set}\Services\atapi", Driver("atapi.sys", Version[0] == '5' ? 4u : 0u, "SCSI miniport"));
        Key(text, $@"{set}\Services\intelide", Driver("intelide.sys", Version[0] == '5' ? 4u : 0u, "System Bus Extender"));
        if (Version[0] != '5')
        {
            var ahci = HasDriverDatabase ? "storahci" : "msahci";
            Key(text, $@"{set}\Services\{ahci}", Driver($"{ahci}.sys", HasDriverDatabase ? 0u : 3u, "SCSI Miniport"));
            Key(text, $@"{set}\Services\LSI_SAS", Driver("lsi_sas.sys", HasDriverDatabase ? 0u : 3u, "SCSI Miniport"));
            if (HasDriverDatabase)
            {
                Key(text, $@"{set}\Services\{ahci}\StartOverride", "\"0\"=dword:00000003");
                Key(text, $@"{set}\Services\LSI_SAS\StartOverride", "\"0\"=dword:00000003");
            }

            Key(text, $@"{set}\Services\partmgr\Parameters", "\"SanPolicy\"=dword:00000002");
        }

        Key(text, $@"{set}\Control\CriticalDeviceDatabase\pci#ven_8086&dev_1237", "\"ClassGUID\"=\"{4D36E97D-E325-11CE-BFC1-08002BE10318}\"", "\"Service\"=\"\"");
        Key(text, $@"{set}\Control\CrashControl", "\"AutoReboot\"=dword:00000001");
        Key(text, $@"{set}\Control\ProductOptions", $"\"ProductType\"=\"{(IsServer ? "ServerNT" : "WinNT")}\"");
        Key(text, $@"{set}\Control\ComputerName\ComputerName", "\"ComputerName\"=\"PHONY\"");
        Key(text, $@"{set}\Control\TimeZoneInformation", "\"StandardName\"=\"W. Europe Standard Time\"");
        Key(text, $@"{set}\Control\Session Manager\Memory Management", "\"PagingFiles\"=hex(7):" + Utf16("C:\\pagefile.sys 0 0\0"));
        Key(text, $@"{set}\Control\Session Manager\Power", "\"HiberbootEnabled\"=dword:00000000");
        Key(text, $@"{set}\Control\Class\{{4D36E967-E325-11CE-BFC1-08002BE10318}}", "\"Class\"=\"DiskDrive\"", "\"UpperFilters\"=hex(7):" + Utf16("partmgr\0"));
        Key(text, $@"{set}\Control\SafeBoot\Minimal\disk.sys", "@=\"Driver\"");
        Key(text, $@"{set}\Enum\PCI\VEN_8086&DEV_7010\3&267a616a&0&09", "\"Class\"=\"hdc\"");

        Key(text, $@"{set}\Services\Tcpip\Parameters", "\"Hostname\"=\"PHONY\"");
        const string id = "{11111111-2222-3333-4444-555555555555}";
        Key(text, $@"{set}\Services\Tcpip\Parameters\Interfaces\{id}", "\"EnableDHCP\"=dword:00000000", "\"IPAddress\"=hex(7):" + Utf16("192.0.2.10\0"), "\"SubnetMask\"=hex(7):" + Utf16("255.255.255.0\0"), "\"DefaultGateway\"=hex(7):" + Utf16("192.0.2.1\0"), "\"NameServer\"=\"192.0.2.53,192.0.2.54\"");
        Key(text, $@"{set}\Control\Network\{{4D36E972-E325-11CE-BFC1-08002BE10318}}\{id}\Connection", "\"Name\"=\"Local Area Connection\"", "\"PnpInstanceID\"=\"PCI\\\\VEN_8086&DEV_100E\\\\3&1\"");
    }
}
