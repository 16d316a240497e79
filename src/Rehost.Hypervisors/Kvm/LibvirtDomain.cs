using Rehost.Model;

namespace Rehost.Hypervisors.Kvm;

/// <summary>What a libvirt domain description says.</summary>
/// <param name="Machine">The machine; the paths of its disks are absolute when the description or its directory said so.</param>
/// <param name="DomainType">kvm, qemu, xen …: how the domain is run.</param>
/// <param name="MachineType">The chipset as written: q35, pc, pc-q35-7.2; empty when not said.</param>
/// <param name="Architecture">x86_64, i686; empty when not said.</param>
public sealed record LibvirtDomain(VirtualMachine Machine, string DomainType, string MachineType, string Architecture)
{
    /// <summary>Whether the chipset is the PCI Express one.</summary>
    public bool IsQ35 => MachineType.Contains("q35", StringComparison.Ordinal);
}
