using System.Collections.Immutable;

namespace Rehost.Hypervisors.Kvm;

/// <summary>How the domain is run.</summary>
public enum LibvirtDomainType
{
    /// <summary>With KVM.</summary>
    Kvm,

    /// <summary>With QEMU's software emulation, for hosts without KVM.</summary>
    Qemu,
}

/// <summary>The chipset of the domain.</summary>
public enum LibvirtMachineType
{
    /// <summary>PCI Express. Virtio devices behind its ports speak virtio 1.0 only: the guest needs a kernel of 4.0 or newer (RHEL: 7.2).</summary>
    Q35,

    /// <summary>i440FX: conventional PCI, on which virtio devices also speak the older protocol. For old guests.</summary>
    Pc,

    /// <summary>The machine of 64-bit ARM: PCI Express, UEFI, nothing of a PC.</summary>
    Virt,
}

/// <summary>What the operator may choose about the libvirt domain.</summary>
public sealed record LibvirtDomainOptions
{
    /// <summary>KVM unless the host has none.</summary>
    public LibvirtDomainType DomainType { get; init; }

    /// <summary>Chipset.</summary>
    public LibvirtMachineType MachineType { get; init; }

    /// <summary>Directory of the disks: relative disk paths are made absolute with it, as libvirt demands.</summary>
    public string? DiskDirectory { get; init; }

    /// <summary>
    /// Networks of the source and what they become: a bridge name, or <c>network:NAME</c> for a libvirt network. A source network that is not in the map
    /// is kept as the name of a bridge.
    /// </summary>
    public ImmutableDictionary<string, string> NetworkMap { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Where an adapter goes whose source names no network.</summary>
    public string DefaultNetwork { get; init; } = "network:default";

    /// <summary>
    /// What the identity of a machine without one is derived from, beside its name and MAC addresses: for example a hash of the source. The same source gives
    /// the same identity each time.
    /// </summary>
    public string? IdentitySeed { get; init; }

    /// <summary>What a Windows guest wants; null for others.</summary>
    public LibvirtWindowsOptions? Windows { get; init; }

    /// <summary>osinfo id for &lt;metadata&gt;, such as http://debian.org/debian/12; null for none.</summary>
    public string? OsInfoId { get; init; }
}
