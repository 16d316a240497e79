using System.Collections.Immutable;

namespace Rehost.Model;

/// <summary>The hypervisors that Rehost knows as sources or targets.</summary>
public enum Hypervisor
{
    /// <summary>Not known: a bare disk image.</summary>
    Unknown,

    /// <summary>Plain Xen with the xl or xm toolstack.</summary>
    Xen,

    /// <summary>XenServer, Citrix Hypervisor or XCP-ng.</summary>
    XenServer,

    /// <summary>QEMU with KVM, described by libvirt.</summary>
    Kvm,

    /// <summary>VMware: ESXi, Workstation, Player, Fusion.</summary>
    Vmware,

    /// <summary>Oracle VirtualBox.</summary>
    VirtualBox,
}

/// <summary>How the guest kernel is run by the hypervisor.</summary>
public enum VirtualizationMode
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>Xen paravirtual: no firmware, kernel loaded by pygrub or from dom0.</summary>
    Paravirtual,

    /// <summary>Full virtualization with firmware.</summary>
    Hardware,

    /// <summary>Xen PVH: hardware virtualization without firmware.</summary>
    Pvh,
}

/// <summary>The firmware that starts the guest.</summary>
public enum Firmware
{
    /// <summary>None: the hypervisor loads the kernel itself (Xen PV).</summary>
    None,

    /// <summary>PC BIOS.</summary>
    Bios,

    /// <summary>UEFI.</summary>
    Uefi,
}

/// <summary>A machine as a hypervisor describes it: what an XVA's ova.xml, an xl configuration or a libvirt domain says, in common words.</summary>
public sealed record VirtualMachine
{
    /// <summary>Name as the hypervisor shows it.</summary>
    public required string Name { get; init; }

    /// <summary>Free text of the administrator.</summary>
    public string? Description { get; init; }

    /// <summary>Identity; kept where source and target have the notion.</summary>
    public Guid? Uuid { get; init; }

    /// <summary>Hypervisor that the description is for.</summary>
    public required Hypervisor Hypervisor { get; init; }

    /// <summary>How the kernel is run.</summary>
    public VirtualizationMode Mode { get; init; }

    /// <summary>Firmware.</summary>
    public Firmware Firmware { get; init; }

    /// <summary>Chipset that the hypervisor emulates, in QEMU's words: q35, pc; null where there is none or the source does not say.</summary>
    public string? Chipset { get; init; }

    /// <summary>Whether it has a TPM; null where the source does not say. What one held stays behind in any case.</summary>
    public bool? HasTpm { get; init; }

    /// <summary>Whether its UEFI firmware checks signatures (Secure Boot); null where the source does not say.</summary>
    public bool? HasSecureBoot { get; init; }

    /// <summary>Memory in bytes.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>Virtual processors.</summary>
    public int VirtualCpus { get; init; } = 1;

    /// <summary>How a Xen PV guest is started; null when firmware does it.</summary>
    public ParavirtualBoot? ParavirtualBoot { get; init; }

    /// <summary>What the host does when the guest turns itself off, restarts or crashes; null for the host's usual.</summary>
    [System.Text.Json.Serialization.JsonIgnore(Condition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull)]
    public EventActions? EventActions { get; init; }

    /// <summary>Disks in the order in which the guest sees them.</summary>
    public ImmutableArray<VirtualDisk> Disks { get; init; } = [];

    /// <summary>Network adapters in the order in which the guest sees them.</summary>
    public ImmutableArray<NetworkAdapter> NetworkAdapters { get; init; } = [];
}

/// <summary>How Xen starts a paravirtual guest.</summary>
/// <param name="Bootloader">pygrub, pvgrub …, or null when kernel and ramdisk come from dom0.</param>
/// <param name="Kernel">Kernel path in dom0, or null.</param>
/// <param name="Ramdisk">Initramfs path in dom0, or null.</param>
/// <param name="CommandLine">Kernel arguments that the configuration adds (root=, extra=, PV-args); empty when none.</param>
public sealed record ParavirtualBoot(string? Bootloader, string? Kernel, string? Ramdisk, string CommandLine);

/// <summary>One disk of a machine.</summary>
public sealed record VirtualDisk
{
    /// <summary>Name of the disk inside its source: an XVA reference, a file name. Unique in the machine.</summary>
    public required string Id { get; init; }

    /// <summary>Device name the guest sees without /dev/: xvda, sda1, vda. A name with a partition number (xvda1) is a disk that Xen presents as a partition.</summary>
    public required string DeviceName { get; init; }

    /// <summary>Size in bytes as the guest sees it.</summary>
    public long LengthBytes { get; init; }

    /// <summary>Controller that presents it, in the words of libvirt and QEMU: sata, ide, pvscsi, lsisas1068, lsilogic; null for the hypervisor's own paravirtual one, or where the source does not say.</summary>
    public string? Bus { get; init; }

    /// <summary>Container format: raw, xva, qcow2.</summary>
    public string Format { get; init; } = "raw";

    /// <summary>File that holds the disk, as the description names it; null when the container itself does.</summary>
    public string? Path { get; init; }

    /// <summary>The guest may only read it.</summary>
    public bool IsReadOnly { get; init; }

    /// <summary>Where it lies on a disk of the source; null for a whole disk.</summary>
    public DiskPart? Part { get; init; }

    /// <summary>The hypervisor marks it as the one to boot from.</summary>
    public bool IsBootable { get; init; }
}

/// <summary>A partition of a source's disk that becomes a disk of its own.</summary>
/// <param name="DiskId">The disk, see <see cref="VirtualDisk.Id"/>.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
public sealed record DiskPart(string DiskId, long Offset, long Length);

/// <summary>One network adapter of a machine.</summary>
public sealed record NetworkAdapter
{
    /// <summary>MAC address, lower case with colons (00:16:3e:01:02:03); null when the hypervisor makes one up.</summary>
    public string? MacAddress { get; init; }

    /// <summary>Bridge or network it is attached to, as the source names it.</summary>
    public string? Network { get; init; }

    /// <summary>Emulated or paravirtual model: netfront, virtio, e1000; null when not said.</summary>
    public string? Model { get; init; }

    /// <summary>PCI slot in VMware's numbering, from which Linux makes names like ens192; null when not said.</summary>
    public int? PciSlot { get; init; }
}
