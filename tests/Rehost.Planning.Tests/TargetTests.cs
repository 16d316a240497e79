using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>The same guest on KVM, on Xen PV, on VMware: what a target offers decides, and the steps follow.</summary>
public sealed class TargetTests
{
    private const string Menu = "default=0\ntimeout=5\nhiddenmenu\ntitle CentOS (2.6.18-128.2.1.el5)\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.18-128.2.1.el5 ro root=/dev/VolGroup00/LogVol00 rhgb quiet\n\tinitrd /initrd-2.6.18-128.2.1.el5.img\n"
        + "title CentOS (2.6.18-128.2.1.el5xen)\n\troot (hd0,0)\n\tkernel /xen.gz-2.6.18-128.2.1.el5\n\tmodule /vmlinuz-2.6.18-128.2.1.el5xen ro root=/dev/VolGroup00/LogVol00 rhgb quiet\n\tmodule /initrd-2.6.18-128.2.1.el5xen.img\n";

    [Fact]
    public void Xen_pv_gets_a_stanza_of_its_own_before_all_others() // S0.18, S0.19, S0.20, S0.21, S2.11
    {
        var after = Plan(CentOs5Vmware(Text("/boot/grub/menu.lst", Menu)), TargetCapabilities.XenPv).After("/boot/grub/menu.lst") ?? "";
        Assert.StartsWith("default=0\ntimeout=5\nhiddenmenu\ntitle CentOS release 5.3 (Final) (2.6.18-128.2.1.el5xen, moved)\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.18-128.2.1.el5xen ro root=/dev/VolGroup00/LogVol00 rhgb quiet console=xvc0\n"
            + "\tinitrd /initrd-2.6.18-128.2.1.el5xen.img\ntitle CentOS (2.6.18-128.2.1.el5)\n", after, StringComparison.Ordinal);
        Assert.Contains("\tmodule /initrd-2.6.18-128.2.1.el5xen.img\n", after, StringComparison.Ordinal);
    }

    [Fact]
    public void Nash_loads_xenblk_and_no_longer_the_drivers_of_hardware() // S0.14, S0.15, S0.16, S2.10
    {
        var plan = Plan(CentOs5Vmware(), TargetCapabilities.XenPv);
        var change = Assert.Single(plan.Changes.OfType<RewriteInitramfs>());
        Assert.Equal(("/boot/initrd-2.6.18-128.2.1.el5xen.img", "init", "lib"), (change.Path, change.ScriptPath, change.ModulesDirectory));
        Assert.Equal(["/lib/modules/2.6.18-128.2.1.el5xen/xenblk.ko"], change.Modules);
        Assert.Contains("mkblkdevs\necho \"Loading xenblk.ko module\"\ninsmod /lib/xenblk.ko\necho \"Loading ehci-hcd.ko module\"\n", change.ScriptContent, StringComparison.Ordinal);
        Assert.DoesNotContain("mptspi", change.ScriptContent, StringComparison.Ordinal);
        Assert.DoesNotContain("sd_mod", change.ScriptContent, StringComparison.Ordinal);
        Assert.Contains("mkrootdev -t ext3 -o defaults,ro /dev/VolGroup00/LogVol00\n", change.ScriptContent, StringComparison.Ordinal);
        Assert.StartsWith("--- a/boot/initrd-2.6.18-128.2.1.el5xen.img/init\n", change.Diff, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_without_xenblk_says_which_package_to_bring() // S0.9
    {
        var facts = CentOs5Vmware();
        var plan = Plan(facts with { Kernels = [facts.Kernels[0]] }, TargetCapabilities.XenPv);
        Assert.Contains("kernel-xen", Assert.Single(plan.Findings, finding => finding.Id == "PLN001").Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Kvm_gets_virtio_and_keeps_the_guests_own_boot_loader() // S1.27
    {
        var plan = Plan(CentOs5Vmware(Text("/etc/modprobe.conf", "alias eth0 e1000\nalias scsi_hostadapter mptbase\nalias scsi_hostadapter1 mptspi\nalias scsi_hostadapter2 ata_piix\n"), Text("/boot/grub/device.map", "(hd0)     /dev/sda\n"),
            Text("/etc/sysconfig/grub", "boot=/dev/sda\nforcelba=0\n")));
        Assert.Equal("alias eth0 virtio_net\nalias scsi_hostadapter virtio_blk\n#alias scsi_hostadapter1 mptspi\nalias scsi_hostadapter2 ata_piix\n", plan.After("/etc/modprobe.conf"));
        Assert.Equal("boot=/dev/vda\nforcelba=0\n", plan.After("/etc/sysconfig/grub"));
        Assert.DoesNotContain(plan.Changes, change => change is InstallBootloader or ShiftPartitions);
        Assert.Contains("own boot loader", plan.Steps.Single(step => step.StepId == "boot-loader").SkippedBecause, StringComparison.Ordinal);
        var change = Assert.Single(plan.Changes.OfType<RewriteInitramfs>());
        Assert.Equal(["virtio-ring", "virtio", "virtio-pci", "virtio-blk"], change.Modules.Select(path => Path.GetFileNameWithoutExtension(path)));
        Assert.Contains("insmod /lib/virtio_ring.ko\necho \"Loading virtio.ko module\"\ninsmod /lib/virtio.ko\necho \"Loading virtio_pci.ko module\"\n", change.ScriptContent, StringComparison.Ordinal);
        Assert.Contains("insmod /lib/mptspi.ko", change.ScriptContent, StringComparison.Ordinal);
        Assert.Equal("pc", plan.Target.Chipset);
    }

    [Fact]
    public void Aliases_for_xen_have_the_names_of_its_kernel() // S0.50, S2.16
    {
        var plan = Plan(CentOs5Vmware(Text("/etc/modprobe.conf", "alias eth0 pcnet32\nalias scsi_hostadapter mptbase\nalias scsi_hostadapter1 mptspi\n"), Text("/etc/sysconfig/kernel", "UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n")), TargetCapabilities.XenPv);
        Assert.Equal("alias eth0 xennet\nalias scsi_hostadapter xenblk\n#alias scsi_hostadapter1 mptspi\n", plan.After("/etc/modprobe.conf"));
        Assert.Equal("UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel-xen\n", plan.After("/etc/sysconfig/kernel"));
    }

    [Fact]
    public void Mkinitrd_of_red_hat_is_told_of_drivers_by_aliases_that_were_missing() // S1.24
        => Assert.Equal("alias sound-slot-0 ens1371\nalias eth0 virtio_net\nalias scsi_hostadapter virtio_blk\n", Plan(CentOs5Vmware(Text("/etc/modprobe.conf", "alias sound-slot-0 ens1371\n"))).After("/etc/modprobe.conf"));

    [Fact]
    public void Console_on_xen_is_in_inittab_and_securetty() // S0.48, S0.49, S2.15
    {
        var plan = Plan(CentOs5Vmware(Text("/etc/inittab", "id:3:initdefault:\n1:2345:respawn:/sbin/mingetty tty1\n2:2345:respawn:/sbin/mingetty tty2\nx:5:respawn:/etc/X11/prefdm -nodaemon\n"), Text("/etc/securetty", "tty1\ntty2\n")), TargetCapabilities.XenPv);
        Assert.Equal("id:3:initdefault:\n#1:2345:respawn:/sbin/mingetty tty1\n#2:2345:respawn:/sbin/mingetty tty2\nx:5:respawn:/etc/X11/prefdm -nodaemon\nco:2345:respawn:/sbin/mingetty xvc0\n", plan.After("/etc/inittab"));
        Assert.Equal("tty1\ntty2\nxvc0\nhvc0\n", plan.After("/etc/securetty"));
        Assert.Equal(("xvc0", "vbd"), (plan.Capabilities.SerialConsole, plan.Capabilities.DiskModel));
    }

    [Fact]
    public void Gettys_that_xenservers_tools_took_away_come_back()
    {
        var facts = CentOs5Vmware(Text("/etc/inittab", "#1:2345:respawn:/sbin/mingetty tty1\n#2:2345:respawn:/sbin/mingetty tty2\nco:2345:respawn:/sbin/agetty xvc0 9600 vt100-nav\n"));
        Assert.Equal("1:2345:respawn:/sbin/mingetty tty1\n2:2345:respawn:/sbin/mingetty tty2\nco:2345:respawn:/sbin/agetty ttyS0 9600 vt100-nav\n", Plan(facts).After("/etc/inittab"));
        Assert.Equal("1:2345:respawn:/sbin/mingetty tty1\n2:2345:respawn:/sbin/mingetty tty2\n#co:2345:respawn:/sbin/agetty xvc0 9600 vt100-nav\n", Plan(facts, TargetCapabilities.Vmware).After("/etc/inittab"));
    }

    [Fact]
    public void Vmware_gives_an_old_guest_the_controller_it_knows()
    {
        var plan = Plan(CentOs5Vmware(), TargetCapabilities.Vmware);
        Assert.Equal(("lsilogic", "e1000", "sd"), (plan.Capabilities.DiskModel, plan.Capabilities.NetworkModel, plan.Capabilities.DiskPrefix));
        Assert.Equal("e1000", Assert.Single(plan.Target.NetworkAdapters).Model);
        Assert.Empty(plan.Changes.OfType<RewriteInitramfs>());
    }

    [Fact]
    public void A_pv_guest_on_vmware_has_the_screen_as_its_console()
    {
        var facts = DebianPv(Text("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro console=hvc0 quiet\n"), Text("/etc/inittab", "co:2345:respawn:/sbin/getty 38400 hvc0\n1:2345:respawn:/sbin/getty 38400 tty1\n"));
        KernelDriver Module(string name) => new(name, DriverForm.Module, [$"/lib/{name}.ko"], false);
        var plan = Plan(facts with { Kernels = [Kernel("6.1.0-50-amd64", isDefault: true) with { Drivers = [Module("vmw_pvscsi"), Module("sd_mod"), Module("vmxnet3")] }] }, TargetCapabilities.Vmware);
        Assert.Equal($"linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} ro quiet\n", plan.After("/boot/grub/grub.cfg"));
        Assert.Equal("#co:2345:respawn:/sbin/getty 38400 hvc0\n1:2345:respawn:/sbin/getty 38400 tty1\n", plan.After("/etc/inittab"));
        Assert.Equal(("pvscsi", "vmxnet3"), (plan.Capabilities.DiskModel, plan.Capabilities.NetworkModel));
        Assert.Single(plan.Changes.OfType<WrapInPartition>());
        Assert.Null(Assert.Single(plan.Changes.OfType<InstallBootloader>()).SerialConsole);
        Assert.Equal(["/lib/vmw_pvscsi.ko", "/lib/sd_mod.ko"], Assert.Single(plan.Changes.OfType<ExtendInitramfs>()).Modules);
    }

    [Fact]
    public void Back_to_xen_pv_the_serial_line_becomes_hvc0() // S0.22, S2.6
    {
        const string wants = "/etc/systemd/system/getty.target.wants/";
        var facts = DebianPv(Text("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-50-amd64 root=/dev/vda1 ro console=tty0 console=ttyS0,115200\n"), Text("/lib/systemd/system/serial-getty@.service", ""),
            Link(wants + "serial-getty@ttyS0.service", "/lib/systemd/system/serial-getty@.service"));
        facts = facts with
        {
            Machine = facts.Machine with { Hypervisor = Hypervisor.Kvm, Mode = VirtualizationMode.Hardware, Firmware = Firmware.Bios },
            Kernels = [Kernel("6.1.0-50-amd64", isDefault: true) with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.Module, ["/lib/x.ko"], false), new KernelDriver("xen_netfront", DriverForm.BuiltIn, [], true)] }],
        };
        var plan = Plan(facts, TargetCapabilities.XenPv);
        Assert.Equal($"linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} ro console=tty0 console=hvc0\n", plan.After("/boot/grub/grub.cfg"));
        Assert.Contains(plan.Changes, change => change is DeleteFile { Path: wants + "serial-getty@ttyS0.service" });
        Assert.Contains(plan.Changes, change => change is MakeLink { Path: wants + "serial-getty@hvc0.service" });
        Assert.DoesNotContain(plan.Changes, change => change is WrapInPartition or InstallBootloader);
        Assert.Equal("pygrub", plan.Target.ParavirtualBoot?.Bootloader);
        Assert.Equal(["xvda", "xvdb"], plan.Target.Disks.Select(disk => disk.DeviceName));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("x86_32", false)]
    [InlineData("x86_32p", true)]
    [InlineData("x86_64", true)]
    public void A_kernel_runs_on_xen_by_its_abi(string? abi, bool runs) // S2.23
    {
        var facts = DebianPv() with { Kernels = [Kernel("6.1.0") with { ParavirtualAbi = abi, Drivers = [new KernelDriver("xen_blkfront", DriverForm.BuiltIn, [], true)] }] };
        Assert.Equal(!runs, Plan(facts, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", XenBoot = "pygrub" }).Findings.Any(finding => finding.Id == "PLN001"));
    }

    [Theory]
    [InlineData("xfs", true)]
    [InlineData("ext4", false)]
    public void Pygrub_does_not_read_every_file_system(string type, bool isReported) // S2.24
    {
        var facts = DebianPv();
        facts = facts with
        {
            Volumes = [facts.Volumes[0] with { Type = type }, facts.Volumes[1]],
            Kernels = [Kernel("6.1.0") with { ParavirtualAbi = "x86_64", Drivers = [new KernelDriver("xen_blkfront", DriverForm.BuiltIn, [], true)] }],
        };
        var plan = Plan(facts, TargetCapabilities.XenPv, new ConversionOptions { Target = "xen", XenBoot = "pygrub" });
        Assert.Equal(isReported, plan.Findings.Any(finding => finding.Id == "PLN013"));
        Assert.Equal(isReported, plan.ChecksByHand.Any(check => check.Contains("/boot/vmlinuz-6.1.0 and /boot/initrd.img-6.1.0", StringComparison.Ordinal)));
    }

    [Fact]
    public void Uefi_stays_uefi()
    {
        var facts = CentOs5Vmware();
        var plan = Plan(facts with { Machine = facts.Machine with { Firmware = Firmware.Uefi } });
        Assert.Equal((Firmware.Uefi, Firmware.Uefi), (plan.Capabilities.Firmware, plan.Target.Firmware));
        Assert.Empty(plan.Changes.OfType<InstallBootloader>());
    }

    [Fact]
    public void Fitting_a_target_again_changes_nothing()
    {
        foreach (var target in (TargetCapabilities[])[TargetCapabilities.Kvm, TargetCapabilities.XenPv, TargetCapabilities.Vmware])
        {
            var plan = Plan(CentOs5Vmware(), target);
            Assert.Equal(ModelJson.Serialize(plan), ModelJson.Serialize(Plan(CentOs5Vmware(), plan.Capabilities)));
        }
    }

    
}
