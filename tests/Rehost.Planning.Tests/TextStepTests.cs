using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>The steps that edit text files, on files as guests have them.</summary>
public sealed class TextStepTests
{
    [Fact]
    public void Fstab_names_become_uuids_and_the_rest_stays() // S1.22
    {
        var plan = Plan(DebianPv(Text("/etc/fstab", "# /etc/fstab\n/dev/xvda1\t/\text4\tnoatime,errors=remount-ro 0 1\n/dev/xvda2 none swap sw 0 0\nproc /proc proc defaults 0 0\n")));
        Assert.Equal($"# /etc/fstab\nUUID={RootUuid}\t/\text4\tnoatime,errors=remount-ro 0 1\nUUID={SwapUuid} none swap sw 0 0\nproc /proc proc defaults 0 0\n", plan.After("/etc/fstab"));
    }

    [Fact]
    public void An_fstab_line_without_its_disk_does_not_stop_the_boot()
    {
        var plan = Plan(DebianPv(Text("/etc/fstab", "/dev/xvdf1 /data ext4 defaults 0 2\n")));
        Assert.Equal("/dev/xvdf1 /data ext4 defaults,nofail 0 2\n", plan.After("/etc/fstab"));
        Assert.Contains(plan.Findings, finding => finding.Id == "PLN005");
    }

    [Theory]
    [InlineData("/dev/sda1")]
    [InlineData("/dev/hda1")]
    public void Old_names_of_the_same_disk_are_understood(string name) // S2.6: sda1 on Xen 3
    {
        Assert.Equal($"UUID={RootUuid} / ext3 defaults 0 1\n", Plan(DebianPv(Text("/etc/fstab", $"{name} / ext3 defaults 0 1\n"))).After("/etc/fstab"));
    }

    [Fact]
    public void A_grub_menu_gets_uuid_consoles_and_partition() // S1.29, S1.31, S1.36
    {
        const string menu = "set default=\"0\"\nterminal_output gfxterm\nmenuentry 'Debian' {\n\tset root=(hd0)\n\tlinux\t/boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro console=hvc0 quiet\n\tinitrd\t/boot/initrd.img-6.1.0-50-amd64\n}\n";
        Assert.Equal(
            $"set default=\"0\"\nterminal_output console serial\nmenuentry 'Debian' {{\n\tset root=(hd0,msdos1)\n\tlinux\t/boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} ro quiet console=tty0 console=ttyS0,115200\n\tinitrd\t/boot/initrd.img-6.1.0-50-amd64\n}}\n",
            Plan(DebianPv(Text("/boot/grub/grub.cfg", menu))).After("/boot/grub/grub.cfg"));
    }

    [Fact]
    public void A_legacy_menu_is_edited_with_debians_magic_comments() // S1.31, S2.11
    {
        const string menu = "default 0\n# kopt=root=/dev/xvda1 ro console=hvc0\n# groot=\t(hd0)\n\ntitle Debian\nroot (hd0)\nkernel /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro console=hvc0\ninitrd /boot/initrd.img-6.1.0-50-amd64\n";
        var facts = DebianPv(Text("/boot/grub/menu.lst", menu));
        facts = facts with { BootConfigurations = [facts.BootConfigurations[0] with { Kind = BootConfigurationKind.GrubLegacy, Path = "/boot/grub/menu.lst" }] };
        var plan = Plan(facts);
        var arguments = $"root=UUID={RootUuid} ro console=tty0 console=ttyS0,115200";
        Assert.Equal(
            $"default 0\n# kopt={arguments}\n# groot=\t(hd0,0)\n\ntitle Debian\nroot (hd0,0)\nkernel /boot/vmlinuz-6.1.0-50-amd64 {arguments}\ninitrd /boot/initrd.img-6.1.0-50-amd64\n",
            plan.After("/boot/grub/menu.lst"));
        Assert.Equal(BootConfigurationKind.GrubLegacy, Assert.Single(plan.Changes.OfType<InstallBootloader>()).ConfigurationKind);
    }

    [Fact]
    public void A_guest_started_from_dom0_gets_a_menu() // S2.24
    {
        var facts = DebianPv();
        var machine = facts.Machine with { ParavirtualBoot = new ParavirtualBoot(null, "/boot/vmlinuz", "/boot/initrd", "root=/dev/xvda1 ro quiet") };
        var menu = Plan(facts with { BootConfigurations = [], Machine = machine }).After("/boot/grub/grub.cfg") ?? "";
        Assert.Contains($"linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} ro quiet console=tty0 console=ttyS0,115200\n", menu, StringComparison.Ordinal);
        Assert.Contains("initrd /boot/initrd.img-6.1.0-50-amd64\n", menu, StringComparison.Ordinal);
    }

    [Fact]
    public void The_next_menu_is_prepared_in_the_defaults() // S1.26, S1.29
    {
        const string defaults = "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=hvc0\"\nGRUB_CMDLINE_LINUX=\"\"\nGRUB_DISABLE_LINUX_UUID=true\n#GRUB_TERMINAL=console\n";
        var after = Plan(DebianPv(Text("/etc/default/grub", defaults))).After("/etc/default/grub");
        Assert.Equal(
            "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet console=tty0 console=ttyS0,115200\"\nGRUB_CMDLINE_LINUX=\"\"\n#GRUB_DISABLE_LINUX_UUID=true\n#GRUB_TERMINAL=console\n" +
            "GRUB_TERMINAL=\"serial console\"\nGRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\n",
            after);
    }

    [Theory]
    [InlineData("GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty0 console=ttyS0,115200n8 rd.shell=0\"\n")] // Amazon Linux 2
    [InlineData("GRUB_CMDLINE_LINUX=\"crashkernel=auto\"\nGRUB_CMDLINE_LINUX_DEFAULT='console=ttyS0 quiet'\n")]
    public void Consoles_that_one_list_has_are_not_said_again_in_the_other(string defaults) // S1.29
    {
        var after = Plan(DebianPv(Text("/etc/default/grub", defaults))).After("/etc/default/grub") ?? "";
        Assert.StartsWith(defaults, after, StringComparison.Ordinal);
        Assert.DoesNotContain("GRUB_CMDLINE_LINUX=\"console", after, StringComparison.Ordinal);
    }

    [Fact]
    public void Inittab_moves_the_getty_and_adds_one_for_the_screen() // S0.48, S1.37
    {
        var facts = DebianPv(Text("/etc/inittab", "id:2:initdefault:\n#co:2345:respawn:/sbin/getty 38400 xvc0\nco:2345:respawn:/sbin/getty 38400 hvc0\n"));
        facts = facts with { OperatingSystem = facts.OperatingSystem with { Init = InitSystem.SysVinit } };
        Assert.Equal(
            "id:2:initdefault:\n#co:2345:respawn:/sbin/getty 38400 xvc0\nco:2345:respawn:/sbin/getty 38400 ttyS0\n1:2345:respawn:/sbin/getty 38400 tty1\n",
            Plan(facts).After("/etc/inittab"));
    }

    [Fact]
    public void Systemd_gets_a_serial_getty_in_place_of_hvc0()
    {
        const string wants = "/etc/systemd/system/getty.target.wants/";
        var plan = Plan(DebianPv(Link(wants + "serial-getty@hvc0.service", "/lib/systemd/system/serial-getty@.service"), Text("/lib/systemd/system/serial-getty@.service", "[Unit]\n")));
        Assert.Contains(plan.Changes, change => change is DeleteFile delete && delete.Path == wants + "serial-getty@hvc0.service");
        Assert.Contains(plan.Changes, change => change is MakeLink link && link.Path == wants + "serial-getty@ttyS0.service" && link.Target == "/lib/systemd/system/serial-getty@.service");
    }

    [Fact]
    public void Securetty_opens_the_serial_line_only_where_root_had_a_console() // S0.49
    {
        Assert.Equal("hvc0\nttyS0\ntty1\n", Plan(DebianPv(Text("/etc/securetty", "hvc0\n"))).After("/etc/securetty"));
        Assert.Null(Plan(DebianPv(Text("/etc/securetty", "tty2\n"))).After("/etc/securetty"));
    }

    [Fact]
    public void An_interface_keeps_its_name_by_a_rule() // S1.26
    {
        var facts = DebianPv();
        Assert.Equal("SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:16:3e:00:00:01\", ATTR{type}==\"1\", NAME=\"eth0\"\n", Plan(facts).After("/etc/udev/rules.d/70-persistent-net.rules"));
        var old = Plan(facts with { OperatingSystem = facts.OperatingSystem with { HasLinkFiles = false } });
        Assert.Contains("ATTR{address}==\"00:16:3e:00:00:01\"", old.After("/etc/udev/rules.d/70-persistent-net.rules"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_udev_rule_is_freed_of_xens_driver()
    {
        const string rules = "SUBSYSTEM==\"net\", DRIVERS==\"vif\", ATTR{address}==\"00:16:3e:00:00:01\", NAME=\"eth0\"\n";
        Assert.Equal("SUBSYSTEM==\"net\", ATTR{address}==\"00:16:3e:00:00:01\", NAME=\"eth0\"\n", Plan(DebianPv(Text("/etc/udev/rules.d/70-persistent-net.rules", rules))).After("/etc/udev/rules.d/70-persistent-net.rules"));
    }

    [Fact]
    public void Xen_tools_are_switched_off_and_left_installed() // S1.37
    {
        var facts = DebianPv(Link("/etc/rc2.d/S20xe-linux-distribution", "../init.d/xe-linux-distribution"));
        facts = facts with { HypervisorTools = [new HypervisorTool("xe-guest-utilities", Hypervisor.XenServer, ["xe-linux-distribution"], ["/usr/sbin/xe-linux-distribution"])] };
        var plan = Plan(facts);
        Assert.Contains(plan.Changes, change => change is MakeLink { Path: "/etc/systemd/system/xe-linux-distribution.service", Target: "/dev/null" });
        Assert.Contains(plan.Changes, change => change is DeleteFile { Path: "/etc/rc2.d/S20xe-linux-distribution" });
        Assert.NotEmpty(plan.ChecksByHand);
    }

    [Fact]
    public void Generators_learn_the_drivers_for_the_next_kernel() // S1.24, S1.25
    {
        var plan = Plan(DebianPv(Text("/etc/initramfs-tools/modules", "xen-blkfront\nvirtio-blk"), Text("/etc/mkinitcpio.conf", "MODULES=(xen-blkfront xen_netfront loop)\n"), Text("/etc/dracut.conf", "")));
        Assert.Equal("xen-blkfront\nvirtio-blk\nvirtio_pci\n", plan.After("/etc/initramfs-tools/modules"));
        Assert.Equal("MODULES=(loop virtio_pci virtio_blk)\n", plan.After("/etc/mkinitcpio.conf"));
        Assert.Contains("virtio_blk", plan.After("/etc/dracut.conf.d/90-rehost.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_ours_for_dracut_is_written_once()
    {
        const string ours = "/etc/dracut.conf.d/90-rehost.conf";
        var directory = new GuestFile { Path = "/etc/dracut.conf.d", Kind = GuestFileKind.Directory };
        var written = Plan(DebianPv(directory)).After(ours);
        Assert.NotNull(written);

        // Inspection brings it back, because the step reads it: a second plan has nothing to do, and a target that wants other drivers edits it.
        Assert.Contains(ours, Planner.Reads);
        var again = Plan(DebianPv(directory, Text(ours, written)));
        Assert.DoesNotContain(again.Changes, change => change.StepId == "initramfs-configuration");
        Assert.Contains(Plan(DebianPv(directory, Text(ours, written.Replace("virtio_blk", "vmw_pvscsi", StringComparison.Ordinal)))).Changes, change => change is EditFile { Path: ours });
    }

    [Fact]
    public void Module_aliases_of_old_guests_follow() // S0.50, S2.16
    {
        var plan = Plan(DebianPv(Text("/etc/modprobe.conf", "alias eth0 xennet\nalias scsi_hostadapter xenblk\nalias sound0 dummy\n")));
        Assert.Equal("alias eth0 virtio_net\nalias scsi_hostadapter virtio_blk\nalias sound0 dummy\n", plan.After("/etc/modprobe.conf"));
    }

    [Fact]
    public void Resume_device_and_crypttab_follow()
    {
        var plan = Plan(DebianPv(Text("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/xvda2\n"), Text("/etc/crypttab", "cswap /dev/xvda2 /dev/urandom swap\n")));
        Assert.Equal($"RESUME=UUID={SwapUuid}\n", plan.After("/etc/initramfs-tools/conf.d/resume"));
        Assert.Equal("cswap /dev/vdb /dev/urandom swap\n", plan.After("/etc/crypttab"));
    }

    [Fact]
    public void The_initramfs_that_is_there_is_told_of_the_resume_device()
    {
        var plan = Plan(DebianPv(Text("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/xvda2\n"), Text("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1\n")));
        Assert.Equal($"linux /boot/vmlinuz-6.1.0-50-amd64 root=UUID={RootUuid} resume=UUID={SwapUuid} console=tty0 console=ttyS0,115200\n", plan.After("/boot/grub/grub.cfg"));
    }

    [Fact]
    public void Latin1_bytes_of_a_file_survive_an_edit()
    {
        var before = GuestText.Decode([.. "# M\xE4rz\n"u8.ToArray()[..3], 0xE4, .. "rz\n/dev/xvda1 / ext4 defaults 0 1\n"u8.ToArray()]);
        var after = Plan(DebianPv(Text("/etc/fstab", before))).After("/etc/fstab") ?? "";
        Assert.Equal(0xE4, GuestText.Encode(after)[3]);
    }
}
