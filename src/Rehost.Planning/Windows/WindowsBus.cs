using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>A disk controller that a hypervisor can give a Windows guest, and the drivers that Windows has for it.</summary>
/// <param name="Model">Name in the target's words: virtio, scsi (virtio-scsi), sata, ide, pvscsi, lsilogicsas, lsilogic.</param>
/// <param name="DiskPrefix">Prefix of disk names on the target.</param>
/// <param name="HardwareIds">Ids of the controller, as a PCI bus reports them, without subsystem and revision.</param>
/// <param name="InBox">Drivers that come with Windows, by version; none when a package is needed.</param>
internal sealed record WindowsBus(string Model, string DiskPrefix, ImmutableArray<string> HardwareIds, ImmutableArray<InBoxDriver> InBox)
{
    /// <summary>virtio-blk: transitional and modern device.</summary>
    public static readonly WindowsBus VirtioBlock = new("virtio", "vd", [@"PCI\VEN_1AF4&DEV_1001", @"PCI\VEN_1AF4&DEV_1042"], []);

    /// <summary>virtio-scsi.</summary>
    public static readonly WindowsBus VirtioScsi = new("scsi", "sd", [@"PCI\VEN_1AF4&DEV_1004", @"PCI\VEN_1AF4&DEV_1048"], []);

    /// <summary>AHCI: msahci of Windows Vista and 7, storahci from Windows 8 on.</summary>
    public static readonly WindowsBus Ahci = new("sata", "sd", [@"PCI\CC_010601"],
    [
        new InBoxDriver("storahci", "storahci.sys", "SCSI Miniport", 6, 2, null, [@"PCI\CC_010601"], "{4d36e96a-e325-11ce-bfc1-08002be10318}"),
        new InBoxDriver("msahci", "msahci.sys", "SCSI Miniport", 6, 0, new WindowsVersion(6, 2, 0), [@"PCI\CC_010601"], "{4d36e96a-e325-11ce-bfc1-08002be10318}"),
    ]);

    /// <summary>IDE of the i440FX (PIIX3), which every Windows knows.</summary>
    public static readonly WindowsBus Ide = new("ide", "hd", [@"PCI\VEN_8086&DEV_7010"],
    [
        new InBoxDriver("intelide", "intelide.sys", "System Bus Extender", 5, 0, null, [@"PCI\VEN_8086&DEV_7010", @"PCI\VEN_8086&DEV_7111"], "{4D36E96A-E325-11CE-BFC1-08002BE10318}"),
        new InBoxDriver("atapi", "atapi.sys", "SCSI miniport", 5, 0, null, ["primary_ide_channel", "secondary_ide_channel", "*PNP0600"], "{4D36E96A-E325-11CE-BFC1-08002BE10318}"),
    ]);

    /// <summary>VMware's paravirtual controller.</summary>
    public static readonly WindowsBus Pvscsi = new("pvscsi", "sd", [@"PCI\VEN_15AD&DEV_07C0"], []);

    /// <summary>LSI SAS, in Windows from Vista on.</summary>
    public static readonly WindowsBus LsiSas = new("lsilogicsas", "sd", [@"PCI\VEN_1000&DEV_0054"],
        [new InBoxDriver("LSI_SAS", "lsi_sas.sys", "SCSI Miniport", 6, 0, null, [@"PCI\VEN_1000&DEV_0054"], "{4D36E97B-E325-11CE-BFC1-08002BE10318}")]);

    /// <summary>LSI parallel, in Windows Server 2003.</summary>
    public static readonly WindowsBus LsiParallel = new("lsilogic", "sd", [@"PCI\VEN_1000&DEV_0030"],
        [new InBoxDriver("symmpi", "symmpi.sys", "SCSI miniport", 5, 2, new WindowsVersion(6, 0, 0), [@"PCI\VEN_1000&DEV_0030"], "{4D36E97B-E325-11CE-BFC1-08002BE10318}")]);

    /// <summary>What a target offers a Windows guest, the best first.</summary>
    public static ImmutableArray<WindowsBus> Of(Hypervisor hypervisor) => hypervisor switch
    {
        Hypervisor.Kvm => [VirtioBlock, VirtioScsi, Ahci, Ide],
        Hypervisor.Vmware => [Pvscsi, LsiSas, LsiParallel, Ahci with { Model = "ahci" }],
        _ => [Ide],
    };

    /// <summary>In-box drivers that a version of Windows has for this controller; none when it has not all of them.</summary>
    public ImmutableArray<InBoxDriver> InBoxOf(WindowsFacts windows)
    {
        var drivers = InBox.Where(driver => windows.Version.IsAtLeast(driver.Major, driver.Minor) && (driver.Before is null || !windows.Version.IsAtLeast(driver.Before))).ToImmutableArray();
        return drivers.All(driver => GuestDrivers.FindFile(windows, driver.File) is not null) ? drivers : [];
    }
}

/// <summary>A driver that comes with Windows.</summary>
/// <param name="Service">Its service.</param>
/// <param name="File">Its file in system32\drivers.</param>
/// <param name="Group">Load order group, where the service is not there yet.</param>
/// <param name="Major">Oldest version that has it.</param>
/// <param name="Minor">Minor of it.</param>
/// <param name="Before">First version that has it no more; null for none.</param>
/// <param name="DeviceIds">Device ids that CriticalDeviceDatabase ties to it.</param>
/// <param name="ClassGuid">Class of those devices.</param>
internal sealed record InBoxDriver(string Service, string File, string Group, int Major, int Minor, WindowsVersion? Before, ImmutableArray<string> DeviceIds, string ClassGuid);
