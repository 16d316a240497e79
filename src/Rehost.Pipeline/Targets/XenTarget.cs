using System.Collections.Immutable;
using Rehost.Hypervisors.Xen;
using Rehost.Model;

namespace Rehost.Pipeline.Targets;

/// <summary>Plain Xen with xl, or xm: PV or PVH started by pygrub or by a kernel in dom0, or with firmware, as the plan chose.</summary>
internal sealed class XenTarget : ITargetKind
{
    public string Name => "xen";

    public TargetCapabilities Capabilities => TargetCapabilities.XenPv;

    /// <summary>Raw is what pygrub reads by itself, and what needs no QEMU in dom0.</summary>
    public ImmutableArray<string> DiskFormats => ["raw", "qcow2"];

    public string ConfigurationFile(VirtualMachine machine) => $"{machine.Name}.cfg";

    public IEnumerable<TargetText> Describe(ConversionRecord record, string directory)
    {
        var options = record.Plan.Options;
        yield return new TargetText(ConfigurationFile(record.Plan.Target), XenConfigWriter.Write(record.Plan.Target, directory, new XenConfigOptions
        {
            IsXm = options.XenVersion == 3,
            HasFrameBuffer = options.XenFrameBuffer,
            KnowsHyperV = record.Facts.Windows?.Version.IsAtLeast(6, 0) == true,
            ClockIsLocal = record.Facts.Windows is { ClockIsUtc: false },
        }));
    }

    public IEnumerable<string> ChecksByHand(ConversionRecord record)
    {
        var plan = record.Plan;
        var tool = plan.Options.XenVersion == 3 ? "xm" : "xl";
        yield return plan.Target.Disks.All(disk => TargetFiles.IsNamed(plan, disk)) && plan.HandedOut is null
            ? $"The disks are where they were wanted. `{tool} create -c {record.ConfigurationFile}`; a link in /etc/xen/auto starts the guest with the host."
            : $"Copy the disks{(plan.HandedOut is null ? "" : ", kernel and initramfs")} to where the host keeps them and change their paths in `{record.ConfigurationFile}`, or leave both. Then `{tool} create -c {record.ConfigurationFile}`; a link in /etc/xen/auto starts the guest with the host.";
        yield return "The configuration keeps the source's bridge names where they can be names of bridges: check that the host has them.";
        yield return plan.Target.Mode switch
        {
            VirtualizationMode.Paravirtual => "Hosts without support for 64-bit PV guests, or with PV switched off, do not run this guest: `xl info` lists xen_caps.",
            VirtualizationMode.Pvh => "PVH needs Xen 4.10 or later and a processor with hardware virtualization: `xl info` lists virt_caps with hvm.",
            _ => "HVM needs a processor with hardware virtualization and the device model in dom0 (Debian: qemu-system-xen, seabios, ovmf).",
        };
        if (plan.Options.DiskFormat != "raw")
        {
            yield return $"Disks in {plan.Options.DiskFormat} are served by a QEMU in dom0 (Debian: qemu-system-xen).";
        }
    }
}
