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
    };
}

/// <summary>What the operator asks for.</summary>
public sealed record ConversionOptions
{
    /// <summary>Format of the target disks: qcow2 or raw.</summary>
    public string DiskFormat { get; init; } = "qcow2";

    /// <summary>Compression of qcow2 clusters: none, zlib, zstd.</summary>
    public string Compression { get; init; } = "none";

    /// <summary>Whether blocks that hold nothing are copied too: free space of file systems, the inside of swap space, extents that no logical volume has.</summary>
    public bool KeepFreeSpace { get; init; }

    /// <summary>Name of the target machine; null keeps the source's.</summary>
    public string? Name { get; init; }
}
