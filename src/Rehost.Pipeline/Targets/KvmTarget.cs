using System.Collections.Immutable;
using Rehost.Hypervisors.Kvm;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>QEMU with KVM, under libvirt.</summary>
internal sealed class KvmTarget : ITargetKind
{
    public string Name => "kvm";

    public TargetCapabilities Capabilities => TargetCapabilities.Kvm;

    public ImmutableArray<string> DiskFormats => ["qcow2", "raw"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.xml";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory)
    {
        var machine = record.Plan.Target;
        yield return new TargetText(ConfigurationFile(machine), LibvirtDomainWriter.Write(machine, new LibvirtDomainOptions
        {
            DiskDirectory = directory,
            MachineType = machine.Chipset switch { "pc" => LibvirtMachineType.Pc, "virt" => LibvirtMachineType.Virt, _ => LibvirtMachineType.Q35 },
            Windows = record.Facts.Windows is { } windows ? new LibvirtWindowsOptions
            {
                ClockIsUtc = windows.ClockIsUtc,
                KnowsHyperV = windows.Version.IsAtLeast(6, 0),
                HasVirtioDrivers = !record.Plan.Options.Drivers.IsEmpty || record.Plan.Capabilities.DiskModel is "virtio" or "scsi",
                HasTpm = machine.HasTpm == true,
            } : null,
        }));
    }

    public IEnumerable<string> ChecksByHand(ConversionRecord record) =>
    [
        $"Copy the disks to where the host keeps them, or leave them; `{record.ConfigurationFile}` names them by their path. Then `virsh define {record.ConfigurationFile}`.",
        "The networks in the configuration keep the source's bridge names: check that the host has them.",
    ];
}
