using System.Collections.Immutable;
using Rehost.Hypervisors.OpenStack;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>OpenStack with KVM: images with their properties, and the commands that upload them (S3.1, S3.16).</summary>
internal sealed class OpenStackTarget : ITargetKind
{
    public string Name => "openstack";

    public TargetCapabilities Capabilities => TargetCapabilities.Kvm;

    public ImmutableArray<string> DiskFormats => ["qcow2", "raw"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.json";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory)
    {
        var images = OpenStackImages.Describe(record.Plan.Target, record.Facts);
        yield return new TargetText($"{record.Plan.Target.Name}.sh", images.ToCommands());
        yield return new TargetText(ConfigurationFile(record.Plan.Target), images.ToJson());
    }

    public IEnumerable<string> ChecksByHand(ConversionRecord record) =>
    [
        $"`{record.Plan.Target.Name}.sh` uploads the images with the openstack client, volumes and ports after it; read it, set the networks, then run it in this directory.",
        "The guest keeps its MAC addresses and what it has configured: ports are made with those addresses, and an address that the guest sets itself must be allowed on its port.",
        "cloud-init, where the guest has it, was left as it is: it may set host name, keys and network anew on the first boot.",
    ];
}
