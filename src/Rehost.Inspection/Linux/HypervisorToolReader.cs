using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Inspection.Linux;

/// <summary>Recognises the software of hypervisors by its files: no package database needs to be understood, and tools installed from a CD-ROM are found as well.</summary>
internal static class HypervisorToolReader
{
    private static readonly Signature[] Known =
    [
        new("xe-guest-utilities", Hypervisor.XenServer,
            ["/usr/sbin/xe-daemon", "/usr/sbin/xe-linux-distribution", "/usr/sbin/xe-update-guest-attrs", "/usr/bin/xenstore", "/etc/udev/rules.d/z10-xen-vcpu-hotplug.rules",
                "/etc/udev/rules.d/10-xen-vcpu-hotplug.rules", "/usr/lib/udev/rules.d/z10-xen-vcpu-hotplug.rules", "/lib/udev/rules.d/z10-xen-vcpu-hotplug.rules", "/usr/share/oem/xs/xe-daemon"],
            ["xe-linux-distribution", "xe-daemon", "xendaemon", "xenservice"]),
        new("xen-guest-agent", Hypervisor.XenServer, ["/usr/sbin/xen-guest-agent"], ["xen-guest-agent"]),
        new("open-vm-tools", Hypervisor.Vmware, ["/usr/bin/vmtoolsd", "/usr/sbin/vmtoolsd"],
            ["open-vm-tools", "vgauth", "vmtoolsd", "vgauthd", "vmware-tools-services", "vmware-tools-vgauth"]),
        new("vmware-tools", Hypervisor.Vmware, ["/usr/sbin/vmware-guestd", "/usr/sbin/vmware-checkvm", "/usr/bin/vmware-uninstall-tools.pl", "/etc/vmware-tools/locations"],
            ["vmware-tools", "vmware-tools-thinprint", "vmware-guestd"]),
        new("virtualbox-guest-additions", Hypervisor.VirtualBox, ["/usr/sbin/VBoxService", "/usr/bin/VBoxControl", "/var/lib/VBoxGuestAdditions/config"],
            ["vboxadd", "vboxadd-service", "vboxservice", "virtualbox-guest-utils", "vboxadd-x11"]),
        new("parallels-tools", Hypervisor.Unknown, ["/usr/lib/parallels-tools/install", "/usr/bin/prltoolsd"], ["prltoolsd", "prl-x11", "prltools_updater", "prlvmbus"]),
        new("hyper-v-daemons", Hypervisor.Unknown, ["/usr/sbin/hv_kvp_daemon", "/usr/sbin/hypervkvpd", "/usr/lib/hyper-v/bin/hv_kvp_daemon"],
            ["hypervkvpd", "hypervvssd", "hypervfcopyd", "hv-kvp-daemon", "hv-vss-daemon", "hv-fcopy-daemon", "hv_kvp_daemon", "hv_vss_daemon", "hv_fcopy_daemon"]),
        new("qemu-guest-agent", Hypervisor.Kvm, ["/usr/sbin/qemu-ga", "/usr/bin/qemu-ga"], ["qemu-guest-agent", "qemu-ga"]),
    ];

    /// <summary>A file that alone proves nothing: other packages have one of that name, too.</summary>
    private static readonly string[] Weak = ["/usr/bin/xenstore"];

    /// <summary>The tools found, in a fixed order.</summary>
    public static ImmutableArray<HypervisorTool> Read(GuestReader reader)
    {
        var found = ImmutableArray.CreateBuilder<HypervisorTool>();
        foreach (var known in Known)
        {
            var services = known.Services.Where(service => ServicePaths(service).Any(reader.IsThere)).ToImmutableArray();

            // With a merged /usr one unit has two names; the canonical directory tells them apart.
            var paths = known.Paths.Concat(known.Services.SelectMany(ServicePaths)).Where(reader.IsThere).DistinctBy(path => Canonical(reader, path)).ToList();
            if (paths.Except(Weak).Any())
            {
                found.Add(new HypervisorTool(known.Name, known.Hypervisor, services, [.. paths]));
            }
        }

        return found.ToImmutable();
    }

    private static string Canonical(GuestReader reader, string path)
    {
        var slash = path.LastIndexOf('/');
        return (reader.Find(path[..slash])?.Path ?? path[..slash]) + path[slash..];
    }

    private static string[] ServicePaths(string service) =>
    [
        $"/etc/init.d/{service}", $"/etc/rc.d/init.d/{service}", $"/etc/init/{service}.conf",
        $"/usr/lib/systemd/system/{service}.service", $"/lib/systemd/system/{service}.service", $"/etc/systemd/system/{service}.service",
    ];

    private sealed record Signature(string Name, Hypervisor Hypervisor, string[] Paths, string[] Services);
}
