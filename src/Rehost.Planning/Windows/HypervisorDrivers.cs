using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// What a hypervisor leaves in a Windows guest: names of services as its driver packages have called them, bus names in Enum, and by what its packages and programs are known. Hyper-V is not
/// listed: its drivers come with Windows.
/// </summary>
/// <param name="Name">Name for people.</param>
/// <param name="Hypervisors">Targets on which the drivers are needed, and so stay.</param>
/// <param name="Services">Kernel drivers and programs; exact names.</param>
/// <param name="Enumerators">Names below Enum that are theirs alone.</param>
/// <param name="DeviceIds">Beginnings of hardware ids that only their packages drive.</param>
/// <param name="Programs">Words in the names of installed programs.</param>
internal sealed record HypervisorDrivers(
    string Name, ImmutableArray<Hypervisor> Hypervisors, ImmutableArray<string> Services, ImmutableArray<string> Enumerators, ImmutableArray<string> DeviceIds, ImmutableArray<string> Programs)
{
    /// <summary>All that are known.</summary>
    public static readonly ImmutableArray<HypervisorDrivers> All =
    [
        // Citrix XenServer 5 and 6 (xenevtchn, xennet6, xeninet), 7 and later and XCP-ng (xenbus to xenhid), GPLPV (xenpci, xenhide, xenstub …), Red Hat (rhel*), SUSE VMDP (xenblk, pvvx*).
        new("Xen PV drivers", [Hypervisor.Xen, Hypervisor.XenServer],
        [
            "xen", "xenbus", "xenbus_monitor", "xenfilt", "xenvbd", "xencrsh", "xendisk", "xenvif", "xennet", "xennet6", "xeniface", "xenhid", "xenvkbd", "xencons", "xenevtchn", "xeninet", "xenpvd",
            "xenagent", "xensvc", "xenlite", "xeninstall", "xendriverinstall", "xenguestagent", "xenpci", "xenscsi", "xenhide", "xenaddresource", "xenusb", "xenstub", "xenblk", "rhelscsi", "rhelnet", "rhelfltr",
            "pvvxblk", "pvvxscsi", "pvvxbn", "pvvxsvc", "win-xenguestagent",
        ],
        ["XENBUS", "XENVIF", "XEN", "XENVBD", "XENIFACE", "XENCLASS", "XENDEVICE", "XENEVTCHN", "XENHID", "XENVKBD", "XENCONS", "XENPCI"],
        [@"XEN\", @"XENBUS\", @"XENVIF\", @"XENVBD\", @"XENIFACE\", @"XENCLASS\", @"XENDEVICE\", @"ROOT\XENEVTCHN", @"PCI\VEN_5853", @"XENHID\", @"XENVKBD\", @"XENCONS\"],
        ["Citrix XenServer", "Citrix Hypervisor", "XenServer VM Tools", "XenServer Tools", "Citrix Tools for Virtual Machines", "XCP-ng Windows", "XCP-ng Xen", "XCP-ng PV", "Xen PV", "GPL PV Drivers", "Red Hat Paravirtualized Xen", "Virtual Machine Driver Pack", "XenServer Windows Guest Agent", "Citrix Xen Windows"]),

        new("VMware Tools", [Hypervisor.Vmware],
        [
            "vmci", "vsock", "vmxnet", "vmxnet3", "vmxnet3ndis5", "vmxnet3ndis6", "pvscsi", "pvscsii", "vmscsi", "vmmouse", "vmusbmouse", "vm3dmp", "vm3dmp-debug", "vm3dmp-stats", "vm3dmp_loader", "vmhgfs", "vmmemctl",
            "vmrawdsk", "vmtools", "vgauthservice", "vm3dservice", "vmupgradehelper", "vmdebug", "vnetwfp", "vmwefifw", "giappdef", "glxgi", "vmx_svga", "vmvss", "vmwarecafcommamqplistener", "vmwarecafmanagementagenthost",
            "vmx_fb", "vmxnet2", "vmaudio",
        ],
        [],
        [@"PCI\VEN_15AD", @"ROOT\VMWVMCIHOSTDEV", @"ROOT\VMWARE", @"HID\VID_0E0F", @"USB\VID_0E0F", @"ACPI\VMW0", "*VMW0"],
        ["VMware Tools"]),

        new("VirtualBox Guest Additions", [Hypervisor.VirtualBox],
        ["vboxguest", "vboxmouse", "vboxsf", "vboxservice", "vboxvideo", "vboxwddm", "vboxvideow8"],
        [],
        [@"PCI\VEN_80EE"],
        ["VirtualBox Guest Additions"]),

        new("Parallels Tools", [],
        ["prl_strg", "prl_boot", "prl_eth5", "prl_fs", "prl_fs_freeze", "prl_memdev", "prl_mouf", "prl_pv32", "prl_pv64", "prl_scsi", "prl_sound", "prl_tg", "prl_time", "prl_uprof", "prl_vid", "prl_tools", "parallels tools service", "parallels coherence service", "prl_dd", "prl_netlwf"],
        [],
        [@"PCI\VEN_1AB8", @"ROOT\PRL"],
        ["Parallels Tools", "Parallels Guest Tools"]),
    ];

    /// <summary>Those of Xen, which its targets can be given.</summary>
    public static readonly HypervisorDrivers Xen = All[0];

    /// <summary>Whether a package is of this hypervisor: for its devices alone, or with a driver of its own for a device that all machines have (a filter of the mouse).</summary>
    public bool Owns(InstalledDriverPackage package) => (!package.HardwareIds.IsEmpty && package.HardwareIds.All(IsDevice)) || package.Services.Any(IsService);

    /// <summary>Whether a hardware id is of a device that only this hypervisor has.</summary>
    public bool IsDevice(string id) => DeviceIds.Any(one => id.StartsWith(one, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether a service is one of its.</summary>
    public bool IsService(string name) => Services.Contains(name, StringComparer.OrdinalIgnoreCase);
}
