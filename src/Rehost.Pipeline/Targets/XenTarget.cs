using System.Collections.Immutable;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>Plain Xen with xl; the guest paravirtual, its kernel found by pygrub.</summary>
internal sealed class XenTarget : ITargetKind
{
    public string Name => "xen";

    public TargetCapabilities Capabilities => TargetCapabilities.XenPv;

    /// <summary>pygrub reads raw disks only.</summary>
    public ImmutableArray<string> DiskFormats => ["raw"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.cfg";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory)
    {
        yield return new TargetText(ConfigurationFile(record.Plan.Target), XenConfigWriter.Write(record.Plan.Target, directory));
    }

    public IEnumerable<string> ChecksByHand(ConversionRecord record) =>
    [
        $"Copy the disks to where the host keeps them and change their paths in `{record.ConfigurationFile}`, or leave both. Then `xl create -c {record.ConfigurationFile}`; a link in /etc/xen/auto starts the guest with the host.",
        "The configuration keeps the source's bridge names where they can be names of bridges: check that the host has them.",
        "Hosts without support for 64-bit PV guests, or with PV switched off, do not run this guest: `xl info` lists xen_caps.",
    ];
}
