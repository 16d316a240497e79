using System.Globalization;
using System.Text;

namespace Rehost.Testing.Windows;

/// <summary>What hypervisors leave in a phony Windows.</summary>
internal static class PhonyLeftovers
{
    private const string SystemClass = "{4D36E97D-E325-11CE-BFC1-08002BE10318}";
    private const string HdcClass = "{4D36E96A-E325-11CE-BFC1-08002BE10318}";
    private const string DiskClass = "{4D36E967-E325-11CE-BFC1-08002BE10318}";

    /// <summary>Driver packages: original name, provider, hardware id, service.</summary>
    public static IReadOnlyList<(string Inf, string Provider, string HardwareId, string Service)> Packages(string leftover) => leftover switch
    {
        "xen" => [("xenbus.inf", "Citrix Systems, Inc.", @"PCI\VEN_5853&DEV_0001", "xenbus"), ("xenvbd.inf", "Citrix Systems, Inc.", @"XENBUS\VEN_XSC000&DEV_VBD", "xenvbd"), ("xenvif.inf", "Citrix Systems, Inc.", @"XENBUS\VEN_XSC000&DEV_VIF", "xenvif"), ("xennet.inf", "Citrix Systems, Inc.", @"XENVIF\VEN_XSC000&DEV_NET", "xennet")],
        "xen6" => [("xenevtchn.inf", "Citrix Systems, Inc.", @"ROOT\XENEVTCHN", "xenevtchn"), ("xennet6.inf", "Citrix Systems, Inc.", @"XEN\vif", "xennet6")],
        "vmware" => [("pvscsi.inf", "VMware, Inc.", @"PCI\VEN_15AD&DEV_07C0", "pvscsi"), ("vmxnet3.inf", "VMware, Inc.", @"PCI\VEN_15AD&DEV_07B0", "vmxnet3ndis6"), ("vmci.inf", "VMware, Inc.", @"PCI\VEN_15AD&DEV_0740", "vmci")],
        "redhat" => [("rhelscsi.inf", "Red Hat Inc.", @"XEN\vbd", "rhelscsi"), ("rhelnet.inf", "Red Hat Inc.", @"XEN\vif", "rhelnet")],
        "suse" => [("pvvxblk.inf", "SUSE LLC", @"XEN\TYPE_vbd", "pvvxblk"), ("pvvxbn.inf", "SUSE LLC", @"PCI\VEN_5853&DEV_0001", "pvvxbn")],
        "virtualbox" => [("VBoxGuest.inf", "Oracle Corporation", @"PCI\VEN_80EE&DEV_CAFE", "VBoxGuest"), ("VBoxMouse.inf", "Oracle Corporation", "*PNP0F03", "VBoxMouse")],
        "parallels" => [("prl_strg.inf", "Parallels", @"PCI\VEN_1AB8&DEV_4006", "prl_strg")],
        _ => [],
    };

    /// <summary>Services of a leftover that have a driver file.</summary>
    public static IReadOnlyList<string> Services(string leftover) => leftover switch
    {
        "xen" => ["xenbus", "xenfilt", "xenvbd", "xencrsh", "xendisk", "xenvif", "xennet", "xeniface"],
        "xen6" => ["xenevtchn", "xenvbd", "xennet6"],
        "vmware" => ["vmci", "vsock", "pvscsi", "vmxnet3ndis6", "vmmouse", "vm3dmp", "vmrawdsk"],
        "redhat" => ["rhelscsi", "rhelnet", "rhelfltr"],
        "suse" => ["pvvxblk", "pvvxbn", "xenblk"],
        "virtualbox" => ["VBoxGuest", "VBoxMouse", "VBoxSF", "VBoxVideo"],
        "parallels" => ["prl_strg", "prl_fs", "prl_eth5"],
        _ => [],
    };

    public static string System(string leftover, string set, PhonyWindows windows)
    {
        var text = new StringBuilder();
        foreach (var service in Services(leftover))
        {
            PhonyWindows.Key(text, $@"{set}\Services\{service}", PhonyWindows.Driver($"{service}.sys", 0, "SCSI miniport"));
        }

        switch (leftover)
        {
            case "xen":
                PhonyWindows.Key(text, $@"{set}\Services\XEN\Unplug", "\"DISKS\"=dword:00000001", "\"NICS\"=dword:00000001");
                PhonyWindows.Key(text, $@"{set}\Services\xenbus\StartOverride", "\"0\"=dword:00000000");
                PhonyWindows.Key(text, $@"{set}\Control\Class\{SystemClass}", "\"Class\"=\"System\"", "\"UpperFilters\"=hex(7):" + PhonyWindows.Utf16("XENFILT\0"));
                PhonyWindows.Key(text, $@"{set}\Control\Class\{HdcClass}", "\"Class\"=\"hdc\"", "\"UpperFilters\"=hex(7):" + PhonyWindows.Utf16("XENFILT\0other\0"));
                PhonyWindows.Key(text, $@"{set}\Enum\XENBUS\VEN_XSC000&DEV_VBD\_", "\"Service\"=\"xenvbd\"");
                PhonyWindows.Key(text, $@"{set}\Enum\XENVIF\VEN_XSC000&DEV_NET\0", "\"Service\"=\"xennet\"");
                PhonyWindows.Key(text, $@"{set}\Enum\PCI\VEN_5853&DEV_0001&SUBSYS_00015853\3&267a616a&0&10", "\"Service\"=\"xenbus\"");
                PhonyWindows.Key(text, $@"{set}\Services\other", PhonyWindows.Driver("other.sys", 3, "Filter"));
                break;
            case "xen6":
                PhonyWindows.Key(text, $@"{set}\Control\CriticalDeviceDatabase\xen#vbd", "\"ClassGUID\"=\"{4D36E97B-E325-11CE-BFC1-08002BE10318}\"", "\"Service\"=\"xenvbd\"");
                PhonyWindows.Key(text, $@"{set}\Control\Class\{DiskClass}", "\"UpperFilters\"=hex(7):" + PhonyWindows.Utf16("partmgr\0xenvbd\0"));
                PhonyWindows.Key(text, $@"{set}\Enum\ROOT\XENEVTCHN\0000", "\"Service\"=\"xenevtchn\"");
                PhonyWindows.Key(text, $@"{set}\Control\SafeBoot\Minimal\xenevtchn.sys", "@=\"Driver\"");
                break;
            case "vmware":
                PhonyWindows.Key(text, $@"{set}\Services\VMTools", "\"Type\"=dword:00000010", "\"Start\"=dword:00000002", "\"ImagePath\"=hex(2):" + PhonyWindows.Utf16("\"C:\\Program Files\\VMware\\VMware Tools\\vmtoolsd.exe\""));
                PhonyWindows.Key(text, $@"{set}\Enum\PCI\VEN_15AD&DEV_07B0&SUBSYS_07B015AD\4&1", "\"Service\"=\"vmxnet3ndis6\"");
                break;
            case "redhat":
                PhonyWindows.Key(text, $@"{set}\Control\Class\{HdcClass}", "\"Class\"=\"hdc\"", "\"UpperFilters\"=hex(7):" + PhonyWindows.Utf16("rhelfltr\0"));
                PhonyWindows.Key(text, $@"{set}\Enum\XEN\vbd\4&1", "\"Service\"=\"rhelscsi\"");
                break;
            case "suse":
                PhonyWindows.Key(text, $@"{set}\Control\CriticalDeviceDatabase\pci#ven_5853&dev_0001", "\"ClassGUID\"=\"{4D36E97D-E325-11CE-BFC1-08002BE10318}\"", "\"Service\"=\"pvvxbn\"");
                break;
            case "virtualbox":
                // The mouse keeps Windows' own driver; the filter above it and the package that put it there go.
                PhonyWindows.Key(text, $@"{set}\Services\i8042prt", PhonyWindows.Driver("i8042prt.sys", 1, "Keyboard Port"));
                PhonyWindows.Key(text, $@"{set}\Enum\ACPI\PNP0F03\4&1", "\"Service\"=\"i8042prt\"", "\"UpperFilters\"=hex(7):" + PhonyWindows.Utf16("VBoxMouse\0"));
                PhonyWindows.Key(text, $@"{set}\Control\NetworkProvider\Order", "\"ProviderOrder\"=\"RDPNP,LanmanWorkstation,VBoxSF\"");
                break;
            case "parallels":
                PhonyWindows.Key(text, $@"{set}\Control\Class\{DiskClass}", "\"LowerFilters\"=hex(7):" + PhonyWindows.Utf16("prl_strg\0"));
                break;
            default:
                break;
        }

        if (set == "ControlSet001" && windows.HasDriverDatabase)
        {
            AddDatabase(text, leftover, windows);
        }

        return text.ToString();
    }

    public static string Software(string leftover)
    {
        var text = new StringBuilder();
        var (name, run) = leftover switch
        {
            "xen" or "xen6" => ("Citrix XenServer Tools Installer", @"C:\\Program Files\\Citrix\\XenTools\\xentray.exe"),
            "vmware" => ("VMware Tools", @"C:\\Program Files\\VMware\\VMware Tools\\vmtoolsd.exe -n vmusr"),
            "redhat" => ("Red Hat Paravirtualized Xen Drivers for Windows(R)", @"C:\\other.exe"),
            "suse" => ("Virtual Machine Driver Pack", @"C:\\other.exe"),
            "virtualbox" => ("Oracle VM VirtualBox Guest Additions 6.1.0", @"C:\\other.exe"),
            "parallels" => ("Parallels Tools", @"C:\\other.exe"),
            _ => (null, null),
        };
        if (name is not null)
        {
            PhonyWindows.SoftwareKey(text, $@"Microsoft\Windows\CurrentVersion\Uninstall\{{{leftover}}}", $"\"DisplayName\"=\"{name}\"", "\"DisplayVersion\"=\"1.2.3\"", "\"UninstallString\"=\"msiexec.exe /I{0}\"");
            PhonyWindows.SoftwareKey(text, @"Microsoft\Windows\CurrentVersion\Run", $"\"{(leftover switch { "vmware" => "VMware User Process", "xen" or "xen6" => "Citrix XenServer Tray", _ => "Other" })}\"=\"{run}\"");
        }

        return text.ToString();
    }

    /// <summary>An .inf as makers write them, for one device and one service.</summary>
    public static string Inf(string provider, string hardwareId, string service, string architecture) => $"""
        ; made up
        [Version]
        Signature="$WINDOWS NT$"
        Class=System
        ClassGuid=%ClassGuid%
        Provider=%Provider%
        CatalogFile={service}.cat
        DriverVer=03/04/2015,7.2.0.1

        [Manufacturer]
        %Provider%=Inst,NT{architecture}

        [Inst.NT{architecture}]
        %Name%=Device,{hardwareId}

        [Device]
        CopyFiles=Files

        [Device.Services]
        {(hardwareId[0] == '*' ? $"AddService=i8042prt,%SPSVCINST_ASSOCSERVICE%,InBox_Inst\n        AddService={service},,Service_Inst" : $"AddService={service},%SPSVCINST_ASSOCSERVICE%,Service_Inst")}

        [InBox_Inst]
        ServiceType=1
        StartType=1
        ErrorControl=1
        ServiceBinary=%12%\i8042prt.sys

        [Service_Inst]
        ServiceType=%SERVICE_KERNEL_DRIVER%
        StartType=0
        ErrorControl=1
        ServiceBinary=%12%\{service}.sys

        [Files]
        {service}.sys

        [DestinationDirs]
        DefaultDestDir=12

        [SourceDisksNames]
        0=%Name%

        [SourceDisksFiles]
        {service}.sys=0

        [Strings]
        Provider="{provider}"
        Name="A device"
        ClassGuid="{SystemClass}"
        SPSVCINST_ASSOCSERVICE=0x00000002
        SERVICE_KERNEL_DRIVER=1
        """.Replace("\n", "\r\n", StringComparison.Ordinal);

    private static void AddDatabase(StringBuilder text, string leftover, PhonyWindows windows)
    {
        var number = 0;
        foreach (var package in Packages(leftover))
        {
            var published = string.Create(CultureInfo.InvariantCulture, $"oem{number++}.inf");
            var name = $"{package.Inf}_{windows.Architecture}_00112233445566{number:00}";
            PhonyWindows.Key(text, $@"DriverDatabase\DriverInfFiles\{published}", "@=hex(7):" + PhonyWindows.Utf16(name + "\0"), $"\"Active\"=\"{name}\"");
            PhonyWindows.Key(text, $@"DriverDatabase\DriverPackages\{name}\Descriptors", "\"x\"=\"y\"");
            PhonyWindows.Key(text, $@"DriverDatabase\DriverPackages\{name}", $"@=\"{published}\"", $"\"Provider\"=\"{package.Provider}\"");
            PhonyWindows.Key(text, $@"DriverDatabase\DeviceIds\{package.HardwareId}", $"\"{published}\"=hex:01,ff,00,00");
        }
    }
}
