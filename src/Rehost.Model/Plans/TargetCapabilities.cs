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
        DiskModels = [new DeviceModel("virtio", "vd", ["virtio_pci", "virtio_blk"])],
        NetworkModels = [new DeviceModel("virtio", "", ["virtio_net"])],
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

    /// <summary>Driver packages for Windows that the operator supplied, those for the guest's architecture.</summary>
    public System.Collections.Immutable.ImmutableArray<DriverPackage> Drivers { get; init; } = [];

    /// <summary>Installers that Windows runs once at its first start, in order: the guest agent.</summary>
    public System.Collections.Immutable.ImmutableArray<DriverFile> FirstBootInstallers { get; init; } = [];
}
