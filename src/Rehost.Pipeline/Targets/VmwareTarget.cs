using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Hypervisors.Ovf;
using Rehost.Hypervisors.Vmware;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>VMware: an OVA with streamOptimized disks, for ESXi, vCenter, Workstation and Fusion.</summary>
internal sealed class VmwareTarget : ITargetKind
{
    public string Name => "vmware";

    public TargetCapabilities Capabilities => TargetCapabilities.Vmware;

    public ImmutableArray<string> DiskFormats => ["ova"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.ova";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory) => [];

    public IDiskPackage BeginPackage(IImageFile file, ConversionPlan plan, GuestFacts facts) => new OvaPackage(file, plan.Target, new OvfWriterOptions
    {
        DiskController = plan.Capabilities.DiskModel == "pvscsi" ? "VirtualSCSI" : plan.Capabilities.DiskModel,
        OperatingSystem = VmwareGuestType.Of(facts.OperatingSystem, facts.Kernels.FirstOrDefault(kernel => kernel.IsDefault)?.Version),
        NetworkModel = plan.Capabilities.NetworkModel switch { "vmxnet3" => "VmxNet3", "vlance" => "PCNet32", _ => "E1000" },
    });

    public IEnumerable<string> ChecksByHand(ConversionRecord record) =>
    [
        $"Deploy `{record.ConfigurationFile}` in the vSphere client, with `ovftool`, or by opening it in Workstation; map its networks to port groups there.",
        "The machine keeps its MAC addresses. vCenter takes addresses outside of VMware's ranges only as manual ones: check them after the import.",
    ];
}
