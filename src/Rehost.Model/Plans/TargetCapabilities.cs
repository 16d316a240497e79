namespace Rehost.Model;

/// <summary>What the target hypervisor offers a guest, in the words that the guest's files need.</summary>
public sealed record TargetCapabilities
{
    /// <summary>The hypervisor.</summary>
    public required Hypervisor Hypervisor { get; init; }

    /// <summary>How the guest will run.</summary>
    public required VirtualizationMode Mode { get; init; }

    /// <summary>Firmware it will start from.</summary>
    public required Firmware Firmware { get; init; }

    /// <summary>Prefix of disk names in the guest: vd.</summary>
    public required string DiskPrefix { get; init; }

    /// <summary>Drivers that must be loaded before the root file system can be mounted, in module names: virtio_pci, virtio_blk.</summary>
    public required System.Collections.Immutable.ImmutableArray<string> BootDrivers { get; init; }

    /// <summary>Driver of the network adapter.</summary>
    public required string NetworkDriver { get; init; }

    /// <summary>Serial console device without /dev/: ttyS0.</summary>
    public required string SerialConsole { get; init; }

    /// <summary>Console name and speed as the kernel takes it: ttyS0,115200.</summary>
    public required string SerialConsoleArgument { get; init; }

    /// <summary>Consoles as kernel arguments, the one that becomes /dev/console last: tty0, ttyS0,115200.</summary>
    public System.Collections.Immutable.ImmutableArray<string> ConsoleArguments { get; init; } = [];

    /// <summary>Disk controllers to choose from, the best first; <see cref="BootDrivers"/> and <see cref="DiskPrefix"/> are those of the one chosen.</summary>
    public System.Collections.Immutable.ImmutableArray<DeviceModel> DiskModels { get; init; } = [];

    /// <summary>Network adapters to choose from, the best first; <see cref="NetworkDriver"/> is that of the one chosen.</summary>
    public System.Collections.Immutable.ImmutableArray<DeviceModel> NetworkModels { get; init; } = [];

    /// <summary>Name of the disk controller chosen.</summary>
    public string DiskModel { get; init; } = "virtio";

    /// <summary>Name of the network adapter chosen.</summary>
    public string NetworkModel { get; init; } = "virtio";

    /// <summary>What brings a Xen guest's kernel into memory; null where the target is not Xen, or has no choice.</summary>
    public XenBootForm? XenBoot { get; init; }

    /// <summary>Whether the guest runs on Xen's own interfaces alone, without firmware and emulated devices: PV and PVH.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsXenNative => Mode is VirtualizationMode.Paravirtual or VirtualizationMode.Pvh;

    /// <summary>Whether <see cref="SerialConsole"/> is a line of characters that a host reads, not the screen.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool HasSerialConsole => !SerialConsole.StartsWith("tty", StringComparison.Ordinal) || SerialConsole.StartsWith("ttyS", StringComparison.Ordinal);

    /// <summary>QEMU with KVM, virtio disks and network, BIOS.</summary>
    public static TargetCapabilities Kvm { get; } = new()
    {
        Hypervisor = Hypervisor.Kvm,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Bios,
        DiskPrefix = "vd",
        BootDrivers = ["virtio_pci", "virtio_blk"],
        NetworkDriver = "virtio_net",
        SerialConsole = "ttyS0",
        SerialConsoleArgument = "ttyS0,115200",
        ConsoleArguments = ["tty0", "ttyS0,115200"],
        DiskModels =
        [
            new DeviceModel("virtio", "vd", ["virtio_pci", "virtio_blk"]), new DeviceModel("sata", "sd", ["ahci", "sd_mod"]),
            new DeviceModel("ide", "sd", ["ata_piix", "sd_mod"]), new DeviceModel("ide", "hd", ["piix", "ide_disk"]),
        ],
        NetworkModels = [new DeviceModel("virtio", "", ["virtio_net"]), new DeviceModel("e1000", "", ["e1000"]), new DeviceModel("rtl8139", "", ["8139cp"]), new DeviceModel("rtl8139", "", ["8139too"])],
    };

    /// <summary>Plain Xen, paravirtual: no firmware, pygrub reads the guest's menu.</summary>
    public static TargetCapabilities XenPv { get; } = new()
    {
        Hypervisor = Hypervisor.Xen,
        Mode = VirtualizationMode.Paravirtual,
        Firmware = Firmware.None,
        DiskPrefix = "xvd",
        BootDrivers = ["xen_blkfront"],
        NetworkDriver = "xen_netfront",
        SerialConsole = "hvc0",
        SerialConsoleArgument = "hvc0",
        ConsoleArguments = ["hvc0"],
        DiskModels = [new DeviceModel("vbd", "xvd", ["xen_blkfront"])],
        NetworkModels = [new DeviceModel("netfront", "", ["xen_netfront"])],
        DiskModel = "vbd",
        NetworkModel = "netfront",
    };

    /// <summary>XenServer and XCP-ng, paravirtual: as plain Xen; the host's own storage and toolstack are the guest's to know nothing of.</summary>
    public static TargetCapabilities XenServerPv { get; } = XenPv with { Hypervisor = Hypervisor.XenServer };

    /// <summary>Xen, PVH: the devices of PV in a machine that the processor virtualizes.</summary>
    public static TargetCapabilities XenPvh { get; } = XenPv with { Mode = VirtualizationMode.Pvh };

    /// <summary>
    /// Xen with firmware and emulated devices. A kernel with Xen's front ends uses those (it unplugs the emulated ones, since 2.6.36); one without gets IDE and an emulated adapter.
    /// </summary>
    public static TargetCapabilities XenHvm { get; } = Kvm with
    {
        Hypervisor = Hypervisor.Xen,
        DiskPrefix = "xvd",
        BootDrivers = ["xen_blkfront"],
        NetworkDriver = "xen_netfront",
        DiskModels =
        [
            // With IDE's driver beside it the guest also starts where Xen's platform device is switched off, and in QEMU alone.
            new DeviceModel("vbd", "xvd", ["xen_blkfront", "ata_piix", "sd_mod"]), new DeviceModel("vbd", "xvd", ["xen_blkfront"]), new DeviceModel("ide", "sd", ["ata_piix", "sd_mod"]),
        ],
        NetworkModels = [new DeviceModel("netfront", "", ["xen_netfront"]), new DeviceModel("e1000", "", ["e1000"]), new DeviceModel("rtl8139", "", ["8139cp"])],
        DiskModel = "vbd",
        NetworkModel = "netfront",
        XenBoot = XenBootForm.Firmware,
    };

    /// <summary>VMware: a paravirtual or LSI controller, vmxnet3 or an emulated adapter by the guest's age. Machines have no serial line there unless one is added.</summary>
    public static TargetCapabilities Vmware { get; } = new()
    {
        Hypervisor = Hypervisor.Vmware,
        Mode = VirtualizationMode.Hardware,
        Firmware = Firmware.Bios,
        DiskPrefix = "sd",
        BootDrivers = ["vmw_pvscsi", "sd_mod"],
        NetworkDriver = "vmxnet3",
        SerialConsole = "tty1",
        SerialConsoleArgument = "tty0",
        ConsoleArguments = ["tty0"],
        DiskModels = [new DeviceModel("pvscsi", "sd", ["vmw_pvscsi", "sd_mod"]), new DeviceModel("lsilogic", "sd", ["mptspi", "sd_mod"]), new DeviceModel("lsilogicsas", "sd", ["mptsas", "sd_mod"]), new DeviceModel("ahci", "sd", ["ahci", "sd_mod"])],
        NetworkModels = [new DeviceModel("vmxnet3", "", ["vmxnet3"]), new DeviceModel("e1000", "", ["e1000"]), new DeviceModel("vlance", "", ["pcnet32"])],
        DiskModel = "pvscsi",
        NetworkModel = "vmxnet3",
    };
}

/// <summary>A device that a target can give a machine, and what a guest needs for it.</summary>
/// <param name="Name">The target's word for it: virtio, pvscsi, lsilogic, e1000.</param>
/// <param name="DiskPrefix">Prefix of the names of disks behind it; empty for network adapters.</param>
/// <param name="Drivers">Module names that a kernel needs for it, all of them.</param>
public sealed record DeviceModel(string Name, string DiskPrefix, System.Collections.Immutable.ImmutableArray<string> Drivers);

/// <summary>What may be changed in a guest's volumes.</summary>
public enum GuestChanges
{
    /// <summary>Whatever the plan says.</summary>
    All,

    /// <summary>Nothing: not a byte of any volume.</summary>
    None,
}

/// <summary>What brings the kernel of a Xen guest into memory.</summary>
public enum XenBootForm
{
    /// <summary>pygrub in dom0 reads the guest's menu and takes kernel and initramfs out of the guest's disk.</summary>
    Pygrub,

    /// <summary>dom0 has copies of kernel and initramfs and hands them out.</summary>
    Direct,

    /// <summary>GRUB 2 built for Xen, which dom0 hands out as the kernel, reads the guest's menu on any disk that GRUB reads.</summary>
    Pvgrub,

    /// <summary>The machine's firmware, and a boot loader on the disk.</summary>
    Firmware,
}

/// <summary>What the operator asks for.</summary>
public sealed record ConversionOptions
{
    /// <summary>Kind of the target: kvm, xen, xenserver, vmware, openstack.</summary>
    public string Target { get; init; } = "kvm";

    /// <summary>Format of the target disks: qcow2, raw; ova or xva where one file holds them all.</summary>
    public string DiskFormat { get; init; } = "qcow2";

    /// <summary>Compression of qcow2 clusters: none, zlib, zstd.</summary>
    public string Compression { get; init; } = "none";

    /// <summary>Whether blocks that hold nothing are copied too: free space of file systems, the inside of swap space, extents that no logical volume has.</summary>
    public bool KeepFreeSpace { get; init; }

    /// <summary>Name of the target machine; null keeps the source's.</summary>
    public string? Name { get; init; }

    /// <summary>Driver packages for Windows that the operator supplied, those for the guest's architecture; null for none.</summary>
    public System.Collections.Immutable.ImmutableArray<DriverPackage>? DriverPackages { get; init; }

    /// <summary>Installers that Windows runs once at its first start, in order: the guest agent. Null for none.</summary>
    public System.Collections.Immutable.ImmutableArray<DriverFile>? Installers { get; init; }

    /// <summary><see cref="DriverPackages"/>, none where there are none.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public System.Collections.Immutable.ImmutableArray<DriverPackage> Drivers
    {
        get => DriverPackages ?? [];
        init => DriverPackages = value.IsDefaultOrEmpty ? null : value;
    }

    /// <summary><see cref="Installers"/>, none where there are none.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public System.Collections.Immutable.ImmutableArray<DriverFile> FirstBootInstallers
    {
        get => Installers ?? [];
        init => Installers = value.IsDefaultOrEmpty ? null : value;
    }

    /// <summary>Firmware of the target; null keeps the source's where it has one.</summary>
    public Firmware? Firmware { get; init; }

    /// <summary>Whether the guest's volumes may be changed; null for yes.</summary>
    public GuestChanges? GuestChanges { get; init; }

    /// <summary>Whether the target is a copy that runs beside the source: it gets an identity of its own (MAC addresses, UUID, machine-id, SSH host keys).</summary>
    public bool IsClone { get; init; }

    /// <summary>Whether the guest relabels all its files for SELinux at its first boot.</summary>
    public bool RelabelsAll { get; init; }

    /// <summary>Whether files name disks as the target's kernel does (/dev/vda1) instead of by UUID.</summary>
    public bool UsesTargetDeviceNames { get; init; }

    /// <summary>What the host does when the guest turns itself off, restarts or crashes; null for what the source says, or Xen's usual.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public EventActions? EventActions { get; init; }

    /// <summary>How a Xen guest starts: pygrub (PV), pvgrub (PV), direct (PV, kernel in dom0), pvh, hvm; null for the first that the guest can.</summary>
    public string? XenBoot { get; init; }

    /// <summary>Major version of plain Xen; 3 for the syntax of xm. Null for xl.</summary>
    public int? XenVersion { get; init; }

    /// <summary>Whether a PV guest of plain Xen gets a frame buffer with VNC.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool XenFrameBuffer { get; init; }

    /// <summary>Release of XenServer or XCP-ng: 5.5, 6, 7, 8, xcp-8.2; null for an archive that every release from 5.6 on reads.</summary>
    public string? XenServerVersion { get; init; }

    /// <summary>disks, or partitions: each partition of a source disk becomes a device of its own (xvda1, xvda2), without a table. Null for disks.</summary>
    public string? DiskLayout { get; init; }

    /// <summary>Block devices and files that take disks instead of new files in the output directory, by the disk's name on the target; null for none.</summary>
    public System.Collections.Immutable.ImmutableSortedDictionary<string, string>? DiskTargets { get; init; }

    /// <summary>Whether block devices that take disks may lose what they hold.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingDefault)]
    public bool OverwritesDevices { get; init; }
}
