using Rehost.Model;
using Rehost.Testing;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Identity, names of disks in other configuration, clock, modules by name, packages.</summary>
public sealed class OtherStepTests
{
    private static ConversionPlan Clone(GuestFacts facts) => Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { IsClone = true, Name = "copy" });

    [Fact]
    [Requirement("S0.36")]
    public void A_move_keeps_the_identity() // "machine-identity"
    {
        var uuid = new Guid("01234567-89ab-cdef-0123-456789abcdef");
        var facts = DebianPv(Text("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"), Text("/etc/ssh/ssh_host_rsa_key", ""));
        var plan = Plan(facts with { Machine = facts.Machine with { Uuid = uuid } });
        Assert.Null(plan.After("/etc/machine-id"));
        Assert.DoesNotContain(plan.Changes, change => change is DeleteFile { Path: "/etc/ssh/ssh_host_rsa_key" });
        Assert.Equal((uuid, "00:16:3e:00:00:01"), (plan.Target.Uuid, plan.Target.NetworkAdapters[0].MacAddress));
        Assert.Contains("keeps its identity", plan.Steps.Single(step => step.StepId == "machine-identity").SkippedBecause, StringComparison.Ordinal);
    }

    [Fact]
    [Requirement("S0.36")]
    public void A_clone_gets_its_own()
    {
        var facts = DebianPv(Text("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"), Text("/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n"), Text("/etc/ssh/ssh_host_rsa_key", ""), Text("/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa x\n"),
            Text("/var/lib/systemd/random-seed", "x"), Text("/var/lib/dhcp/dhclient.eth0.leases", "lease {}\n"));
        var plan = Clone(facts);
        Assert.Equal("", plan.After("/etc/machine-id"));
        Assert.Equal(["/etc/ssh/ssh_host_rsa_key", "/etc/ssh/ssh_host_rsa_key.pub", "/var/lib/dbus/machine-id", "/var/lib/dhcp/dhclient.eth0.leases", "/var/lib/systemd/random-seed"],
            plan.Changes.OfType<DeleteFile>().Where(change => change.StepId == "machine-identity").Select(change => change.Path).Order(StringComparer.Ordinal));
        Assert.Contains("ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key", plan.After("/etc/systemd/system/rehost-ssh-keys.service"), StringComparison.Ordinal);
        Assert.NotEqual(facts.Machine.Uuid, plan.Target.Uuid);
        Assert.NotEqual("00:16:3e:00:00:01", plan.Target.NetworkAdapters[0].MacAddress);
        Assert.Contains(plan.Target.NetworkAdapters[0].MacAddress ?? "", plan.After("/etc/udev/rules.d/70-persistent-net.rules"), StringComparison.Ordinal);
        Assert.Equal(ModelJson.Serialize(plan), ModelJson.Serialize(Clone(facts)));
    }

    [Fact]
    public void A_cloned_guest_without_systemd_gets_keys_of_the_kinds_it_had()
    {
        var facts = DebianPv(Text("/etc/ssh/ssh_host_rsa_key", ""), Text("/etc/ssh/ssh_host_dsa_key", ""));
        var plan = Clone(facts with { OperatingSystem = facts.OperatingSystem with { Init = InitSystem.SysVinit } });
        Assert.Contains("for kind in dsa rsa; do", plan.After("/etc/init.d/rehost-ssh-keys"), StringComparison.Ordinal);
        Assert.Contains(plan.Changes, change => change is MakeLink { Path: "/etc/rc2.d/S01rehost-ssh-keys" });
    }

    [Fact]
    [Requirement("S0.22", "S2.6", "S2.7", "S2.32")]
    public void Other_configuration_names_disks_by_what_holds() // "device-names"
    {
        var plan = Plan(DebianPv(
            Text("/etc/mdadm/mdadm.conf", "DEVICE /dev/sda1 /dev/sdb1\nARRAY /dev/md0 level=raid1 devices=/dev/sda1,/dev/sdb1 UUID=1:2:3:4\nARRAY /dev/md1 devices=/dev/sdc1\n"),
            Text("/etc/lvm/lvm.conf", "devices {\n\t# filter = [ \"a|/dev/sdz|\" ]\n\tfilter = [ \"a|^/dev/xvda|\", \"a|^/dev/sdb1|\", \"r|.*|\" ]\n\tglobal_filter=[ \"a|/dev/xvd.*|\" ]\n}\n"),
            Text("/etc/kdump.conf", "ext4 /dev/xvda1\npath /var/crash\n"), Text("/etc/initramfs-tools/conf.d/cryptroot", "target=x,source=/dev/xvda1,key=none\n"), Text("/etc/sysconfig/grub", "boot=/dev/sda\nforcelba=0\n"),
            Text("/var/cache/debconf/config.dat", "Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/scsi-36000c29, /dev/xvda\nOwners: grub-pc\n\nName: other/x\nValue: /dev/sda\n"),
            Text("/etc/smartd.conf", "# x\n/dev/sda -a -o on\nDEVICESCAN\n"), Text("/etc/lvm/devices/system.devices", "IDTYPE=sys_serial\n"), Text("/etc/blkid.tab", "<device/>\n")));
        Assert.Equal("DEVICE partitions\nARRAY /dev/md0 level=raid1 UUID=1:2:3:4\nARRAY /dev/md1 devices=/dev/sdc1\n", plan.After("/etc/mdadm/mdadm.conf"));
        Assert.Equal("devices {\n\t# filter = [ \"a|/dev/sdz|\" ]\n\tfilter = [ \"a|^/dev/vda|\", \"a|^/dev/vdb1|\", \"r|.*|\" ]\n\tglobal_filter=[ \"a|/dev/vd.*|\" ]\n}\n", plan.After("/etc/lvm/lvm.conf"));
        Assert.StartsWith($"ext4 UUID={RootUuid}\n", plan.After("/etc/kdump.conf"), StringComparison.Ordinal);
        Assert.Equal($"target=x,source=UUID={RootUuid},key=none\n", plan.After("/etc/initramfs-tools/conf.d/cryptroot"));
        Assert.Equal("boot=/dev/vda\nforcelba=0\n", plan.After("/etc/sysconfig/grub"));
        Assert.Equal("Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/vda\nOwners: grub-pc\n\nName: other/x\nValue: /dev/sda\n", plan.After("/var/cache/debconf/config.dat"));
        Assert.Equal("# x\n#/dev/sda -a -o on\nDEVICESCAN\n", plan.After("/etc/smartd.conf"));
        Assert.Equal(["/etc/blkid.tab", "/etc/lvm/devices/system.devices"], plan.Changes.OfType<DeleteFile>().Select(change => change.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Requirement("S0.22", "S2.6")]
    public void The_targets_names_are_used_when_asked_for()
    {
        var facts = DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvda2 none swap sw 0 0\n"), Text("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro\n"));
        var plan = Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { UsesTargetDeviceNames = true });
        Assert.Equal("/dev/vda1 / ext4 defaults 0 1\n/dev/vdb none swap sw 0 0\n", plan.After("/etc/fstab"));
        Assert.Contains("root=/dev/vda1 ", plan.After("/boot/grub/grub.cfg"), StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_that_the_old_host_shared_are_not_waited_for()
    {
        const string share = ".host:/ /mnt/hgfs fuse.vmhgfs-fuse defaults,allow_other 0 0\n";
        Assert.Equal("#" + share, Plan(DebianPv(Text("/etc/fstab", share))).After("/etc/fstab"));
        Assert.Null(Plan(DebianPv(Text("/etc/fstab", share)), TargetCapabilities.Vmware).After("/etc/fstab"));
    }

    [Fact]
    [Requirement("S0.50", "S1.37", "X.1")]
    public void Modules_of_another_hypervisor_are_not_loaded_by_name() // "loaded-modules"
    {
        var facts = DebianPv(Text("/etc/modules", "# list\nloop\nxen-evtchn\nvmw_balloon\n"), Text("/etc/modules-load.d/a.conf", "vboxguest\nhv_utils\nbr_netfilter\n"), Text("/etc/sysconfig/kernel", "MODULES_LOADED_ON_BOOT=\"vmhgfs fuse\"\n"));
        var plan = Plan(facts);
        Assert.Equal("# list\nloop\n#xen-evtchn\n#vmw_balloon\n", plan.After("/etc/modules"));
        Assert.Equal("#vboxguest\n#hv_utils\nbr_netfilter\n", plan.After("/etc/modules-load.d/a.conf"));
        Assert.Contains("MODULES_LOADED_ON_BOOT=\"fuse\"", plan.After("/etc/sysconfig/kernel"), StringComparison.Ordinal);
    }

    [Fact]
    [Requirement("S1.37")]
    public void The_clock_is_looked_at() // "clock"
    {
        var plan = Plan(DebianPv(Text("/etc/sysctl.conf", "vm.swappiness=1\nxen.independent_wallclock = 1\n"), Text("/etc/adjtime", "0.0 0 0.0\n0\nLOCAL\n")));
        Assert.Equal("vm.swappiness=1\n#xen.independent_wallclock = 1\n", plan.After("/etc/sysctl.conf"));
        Assert.Contains(plan.ChecksByHand, check => check.StartsWith("/etc/adjtime says", StringComparison.Ordinal));
        Assert.DoesNotContain(Plan(DebianPv(Text("/etc/adjtime", "0.0 0 0.0\n0\nUTC\n"))).ChecksByHand, check => check.Contains("local time", StringComparison.Ordinal));
    }

    [Fact]
    [Requirement("S2.22")]
    public void All_files_are_labelled_anew_only_when_asked_for()
    {
        var facts = DebianPv() with { SelinuxFileContexts = "/etc/selinux/targeted/contexts/files/file_contexts" };
        Assert.Null(Plan(facts).After("/.autorelabel"));
        Assert.Equal("", Planner.Plan(facts, TargetCapabilities.Kvm, new ConversionOptions { RelabelsAll = true }).After("/.autorelabel"));
    }

    [Fact]
    [Requirement("S0.43", "S0.44")]
    public void Services_of_a_package_are_switched_on_as_their_files_say() // "packages"
    {
        var package = new SuppliedPackage
        {
            FileName = "xe.deb", Sha256 = "00", Format = "deb", Name = "xe-guest-utilities", Version = "7", Architecture = "amd64", ScriptsNotRun = ["postinst"],
            Services = [new PackageService("xe-daemon", "/usr/lib/systemd/system/xe-daemon.service", "unit", ["multi-user.target"], "", 0, 0), new PackageService("xe-linux-distribution", "/etc/init.d/xe-linux-distribution", "script", [], "2345", 14, 86)],
        };
        var facts = DebianPv(new GuestFile { Path = "/etc/rc3.d", Kind = GuestFileKind.Directory }) with { Packages = [package], HypervisorTools = [new HypervisorTool("xe-guest-utilities", Hypervisor.XenServer, ["xe-daemon"], ["/usr/sbin/xe-daemon"])] };
        var plan = Plan(facts);
        Assert.Contains(plan.Changes, change => change is MakeLink { Path: "/etc/systemd/system/multi-user.target.wants/xe-daemon.service", Target: "/usr/lib/systemd/system/xe-daemon.service" });
        Assert.Contains(plan.Changes, change => change is MakeLink { Path: "/etc/rc3.d/S14xe-linux-distribution" });
        Assert.DoesNotContain(plan.Changes, change => change is MakeLink { Target: "/dev/null" });
        Assert.Contains(plan.ChecksByHand, check => check.Contains("dpkg -i xe.deb", StringComparison.Ordinal) && check.Contains("postinst", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("xe.rpm", "", "rpm -Uvh --replacepkgs xe.rpm")]
    [InlineData("kernel.rpm", "5.14.0", "rpm -ivh --replacepkgs kernel.rpm")] // beside the others
    public void The_command_that_tells_the_package_manager_is_named(string file, string kernel, string command) // S2.9
    {
        var package = new SuppliedPackage { FileName = file, Sha256 = "00", Format = "rpm", Name = "p", Version = "1", Architecture = "x86_64", KernelVersions = kernel.Length > 0 ? [kernel] : [] };
        Assert.Contains(Plan(DebianPv() with { Packages = [package] }).ChecksByHand, check => check.Contains($"({command})", StringComparison.Ordinal));
    }

    [Fact]
    public void Old_upstart_has_jobs_without_suffix()
    {
        var facts = DebianPv(Text("/etc/event.d/tty1", "respawn\nexec /sbin/getty 38400 tty1\n"), Text("/etc/event.d/xvc0", "respawn\nexec /sbin/getty 38400 xvc0\n"));
        var plan = Plan(facts with { OperatingSystem = facts.OperatingSystem with { Init = InitSystem.Upstart } });
        Assert.Equal("respawn\nexec /sbin/getty 38400 ttyS0\n", plan.After("/etc/event.d/ttyS0"));
        Assert.Contains(plan.Changes, change => change is DeleteFile { Path: "/etc/event.d/xvc0" });
    }
}
