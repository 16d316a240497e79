using Rehost.Model;
using static Rehost.Planning.Tests.SampleFacts;

namespace Rehost.Planning.Tests;

/// <summary>Steps for the families: boot entries, names of devices and interfaces, tools, policies.</summary>
public sealed class LinuxStepTests
{
    private const string Options = "root=/dev/sda1 ro crashkernel=auto console=hvc0";

    [Fact]
    public void Loader_entries_and_kernelopts_follow()
    {
        var block = "# GRUB Environment Block\nsaved_entry=abc-4.18\nkernelopts=" + Options + " \nboot_success=0\n";
        var facts = DebianPv(Text("/boot/loader/entries/abc-4.18.conf", "title CentOS\nversion 4.18\nlinux /boot/vmlinuz-6.1.0-50-amd64\ninitrd /boot/i\noptions $kernelopts $tuned_params\nid x\n"),
            Text("/boot/loader/entries/abc-4.17.conf", "title CentOS\nlinux /boot/vmlinuz-6.1.0-50-amd64\noptions " + Options + "\n"), Text("/boot/grub2/grubenv", block.PadRight(1024, '#')), Text("/boot/grub2/grub.cfg", "blscfg\n"));
        var entry = new BootEntry("CentOS", "/boot/vmlinuz-6.1.0-50-amd64", "/boot/i", "$kernelopts", "6.1.0-50-amd64");
        facts = facts with
        {
            BootConfigurations =
            [
                new BootConfiguration { Kind = BootConfigurationKind.Grub2, Path = "/boot/grub2/grub.cfg", Entries = [entry], UsesLoaderEntries = true },
                new BootConfiguration { Kind = BootConfigurationKind.LoaderEntry, Path = "/boot/loader/entries/abc-4.18.conf", Entries = [entry] },
                new BootConfiguration { Kind = BootConfigurationKind.LoaderEntry, Path = "/boot/loader/entries/abc-4.17.conf", Entries = [entry] },
            ],
        };
        var plan = Plan(facts);
        var arguments = $"root=UUID={RootUuid} ro crashkernel=auto console=tty0 console=ttyS0,115200";
        Assert.Null(plan.After("/boot/loader/entries/abc-4.18.conf"));
        Assert.Contains($"options {arguments}\n", plan.After("/boot/loader/entries/abc-4.17.conf"), StringComparison.Ordinal);
        var after = plan.After("/boot/grub2/grubenv") ?? "";
        Assert.Equal(1024, after.Length);
        Assert.StartsWith($"# GRUB Environment Block\nsaved_entry=abc-4.18\nkernelopts={arguments}\nboot_success=0\n#", after, StringComparison.Ordinal);

        // A GRUB of ours reads no such entries: the guest gets a menu beside its own.
        Assert.Contains("menuentry 'Linux 6.1.0-50-amd64'", plan.After("/boot/grub/grub.cfg"), StringComparison.Ordinal);
        Assert.Equal("/boot/grub/grub.cfg", Assert.Single(plan.Changes.OfType<InstallBootloader>()).ConfigurationPath);
    }

    [Fact]
    public void Kernelopts_that_the_menu_itself_has_follow_as_well()
    {
        var facts = DebianPv(Text("/boot/grub2/grub.cfg", "if [ -z \"${kernelopts}\" ]; then\n  set kernelopts=\"" + Options + " \"\nfi\nblscfg\n"));
        facts = facts with { BootConfigurations = [new BootConfiguration { Kind = BootConfigurationKind.Grub2, Path = "/boot/grub2/grub.cfg", Entries = [new BootEntry("CentOS", "/boot/vmlinuz-6.1.0-50-amd64", "/boot/i", Options, "6.1.0-50-amd64")], UsesLoaderEntries = true }] };
        var plan = Plan(facts);
        Assert.Equal($"if [ -z \"${{kernelopts}}\" ]; then\n  set kernelopts=\"root=UUID={RootUuid} ro crashkernel=auto console=tty0 console=ttyS0,115200\"\nfi\nblscfg\n", plan.After("/boot/grub2/grub.cfg"));
        Assert.Contains(plan.ChecksByHand, check => check.Contains("grub2-install", StringComparison.Ordinal));
    }

    [Fact]
    public void A_copy_with_the_same_uuid_is_named_by_its_place()
    {
        var facts = DebianPv(Text("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvda2 none swap sw 0 0\n"));
        facts = facts with { Volumes = [.. facts.Volumes, facts.Volumes[1] with { DeviceName = "xvdb", DiskId = "copy" }] };
        Assert.Equal($"UUID={RootUuid} / ext4 defaults 0 1\n/dev/vdb none swap sw 0 0\n", Plan(facts).After("/etc/fstab"));
    }

    [Theory]
    [InlineData("/@/boot/vmlinuz-6.1.0-50-amd64", "/boot/grub2/grub.cfg")]
    [InlineData("/boot/vmlinuz-6.1.0-50-amd64", "/boot/grub/grub.cfg")] // SUSE's own GRUB: from the default subvolume
    public void A_boot_loader_of_ours_sees_Btrfs_from_its_top(string kernel, string expected)
    {
        var facts = DebianPv(Text("/boot/grub2/grub.cfg", $"menuentry 'x' {{\n linux {kernel} root=/dev/xvda1\n}}\n"));
        facts = facts with
        {
            Volumes = [facts.Volumes[0] with { Type = "btrfs", Subvolume = "@" }, facts.Volumes[1]],
            BootConfigurations = [new BootConfiguration { Kind = BootConfigurationKind.Grub2, Path = "/boot/grub2/grub.cfg", Entries = [new BootEntry("x", kernel, "/boot/i", "", "6.1.0-50-amd64")] }],
        };
        var plan = Plan(facts);
        var loader = Assert.Single(plan.Changes.OfType<InstallBootloader>());
        Assert.Equal(("/@" + expected, "/@" + expected[..expected.LastIndexOf('/')]), (loader.ConfigurationPath, loader.Prefix));
        if (expected == "/boot/grub/grub.cfg")
        {
            Assert.Contains("\n  linux /@/boot/vmlinuz-6.1.0-50-amd64 ", plan.After(expected), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_environment_block_without_room_is_told()
    {
        var facts = DebianPv(Text("/boot/grub2/grubenv", ("# GRUB Environment Block\nkernelopts=root=/dev/xvda1 " + new string('x', 960) + "\n").PadRight(1024, '#')));
        var plan = Plan(facts);
        Assert.Contains(plan.Findings, finding => finding.Id == "PLN012");
        Assert.Null(plan.After("/boot/grub2/grubenv"));
    }

    [Fact]
    public void Extlinux_keeps_its_form()
    {
        var facts = DebianPv(Text("/boot/extlinux/extlinux.conf", "DEFAULT linux\nLABEL linux\n  LINUX /boot/vmlinuz-6.1.0-50-amd64\n  INITRD /boot/i\n  APPEND root=/dev/xvda1 ro console=hvc0\n"));
        facts = facts with { BootConfigurations = [new BootConfiguration { Kind = BootConfigurationKind.Extlinux, Path = "/boot/extlinux/extlinux.conf", Entries = [new BootEntry("linux", "/boot/vmlinuz-6.1.0-50-amd64", "/boot/i", "", "6.1.0-50-amd64")] }] };
        Assert.Equal($"DEFAULT linux\nLABEL linux\n  LINUX /boot/vmlinuz-6.1.0-50-amd64\n  INITRD /boot/i\n  APPEND root=UUID={RootUuid} ro console=tty0 console=ttyS0,115200\n", Plan(facts).After("/boot/extlinux/extlinux.conf"));
    }

    [Fact]
    public void Boot_loaders_that_are_only_recognised_are_named()
    {
        var plan = Plan(DebianPv() with { OtherBootLoaders = ["zipl (/etc/zipl.conf)"] });
        Assert.Equal(1, plan.Findings.Count(finding => finding.Id == "PLN011"));
    }

    [Theory]
    [InlineData("/dev/disk/by-id/scsi-36000c2912345-part1")]
    [InlineData("/dev/disk/by-path/pci-0000:00:10.0-scsi-0:0:0:0-part1")]
    [InlineData("/dev/cciss/c0d0p1")]
    [InlineData("/dev/nvme0n1p1")]
    [InlineData("/dev/sda1")]
    public void Names_by_hardware_become_uuids(string name) // S0.3
        => Assert.Equal($"UUID={SwapUuid} /boot ext3 defaults 1 2\n", Plan(CentOs5Vmware(Text("/etc/fstab", $"{name} /boot ext3 defaults 1 2\n"))).After("/etc/fstab"));

    [Theory]
    [InlineData("/dev/disk/by-id/dm-name-vg-root")]
    [InlineData("/dev/VolGroup00/LogVol00")]
    [InlineData("LABEL=/")]
    public void Names_that_hold_stay(string name) => Assert.Null(Plan(CentOs5Vmware(Text("/etc/fstab", $"{name} / ext3 defaults 1 1\n"))).After("/etc/fstab"));

    [Fact]
    public void Old_guests_have_a_missing_disk_commented_out() // S0.22
        => Assert.Equal("#/dev/sdb1 /data ext3 defaults 1 2\n/dev/hdc /media/cdrom auto noauto,exec 0 0\n",
            Plan(CentOs5Vmware(Text("/etc/fstab", "/dev/sdb1 /data ext3 defaults 1 2\n/dev/hdc /media/cdrom auto noauto,exec 0 0\n"))).After("/etc/fstab"));

    [Fact]
    public void Suse_takes_paths_by_uuid_and_its_own_files() // S1.24
    {
        var facts = DebianPv(Text("/etc/sysconfig/kernel", "INITRD_MODULES=\"processor thermal xenblk ext3\"\nDOMU_INITRD_MODULES=\"xennet xenblk\"\n"), Text("/etc/sysconfig/bootloader", "LOADER_TYPE=\"grub\"\nDEFAULT_APPEND=\"resume=/dev/xvda2 splash=silent console=xvc0\"\n"),
            Text("/boot/grub/menu.lst", "default 0\ntitle SLES\n root (hd0,0)\n kernel /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 resume=/dev/xvda2\n initrd /boot/initrd\n"));
        facts = facts with
        {
            Kernels = [Kernel("6.1.0-50-amd64", isDefault: true, generator: InitramfsGenerator.SuseMkinitrd) is var kernel ? kernel with { Initramfs = kernel.Initramfs! with { InitPath = "init", InitScript = "#!/bin/bash\nexport PATH=/sbin\nsource /run_all.sh\n" } } : kernel],
            BootConfigurations = [facts.BootConfigurations[0] with { Kind = BootConfigurationKind.GrubLegacy, Path = "/boot/grub/menu.lst" }],
        };
        var plan = Plan(facts);
        Assert.Equal("INITRD_MODULES=\"processor thermal ext3 virtio_pci virtio_blk\"\nDOMU_INITRD_MODULES=\"xennet xenblk\"\n", plan.After("/etc/sysconfig/kernel"));
        Assert.Contains($"DEFAULT_APPEND=\"resume=/dev/disk/by-uuid/{SwapUuid} splash=silent console=tty0 console=ttyS0,115200\"", plan.After("/etc/sysconfig/bootloader"), StringComparison.Ordinal);
        Assert.Contains($"root=/dev/disk/by-uuid/{RootUuid} resume=/dev/disk/by-uuid/{SwapUuid}", plan.After("/boot/grub/menu.lst"), StringComparison.Ordinal);
        var change = Assert.Single(plan.Changes.OfType<RewriteInitramfs>());
        Assert.Equal("#!/bin/bash\n[ ! -f /rehost/load ] || . /rehost/load\nexport PATH=/sbin\nsource /run_all.sh\n", change.ScriptContent);
        Assert.Equal("rehost", change.ModulesDirectory);
    }

    [Theory]
    [InlineData("#!/usr/bin/ash\n", true)]
    [InlineData("#!/bin/busybox sh\n", true)]
    [InlineData("#!/usr/bin/python\n", false)]
    [InlineData(null, false)]
    public void A_start_script_is_edited_when_a_shell_runs_it(string? script, bool isEdited)
    {
        var kernel = Kernel("6.9.7-arch1-1", isDefault: true, generator: InitramfsGenerator.Mkinitcpio);
        var plan = Plan(DebianPv() with { Kernels = [kernel with { Initramfs = kernel.Initramfs! with { InitPath = "init", InitScript = script } }] });
        Assert.Equal(isEdited, plan.Changes.OfType<RewriteInitramfs>().Any());
        Assert.Equal(!isEdited, plan.Findings.Any(finding => finding.Id == "PLN003"));
    }

    [Fact]
    public void A_root_that_an_unknown_start_script_names_itself_follows()
    {
        const string script = "#!/bin/sh\n# was /dev/xvda1\nmount -t proc proc /proc\nROOT=/dev/xvda1\nmount -r \"$ROOT\" /new || mount -r /dev/xvda1 /new\nswapon /dev/xvda2; cat /mnt/dev/xvda1 /dev/xvdz9\n";
        var kernel = Kernel("5.4.0-own", isDefault: true, generator: InitramfsGenerator.Unknown);
        var ready = kernel with { Drivers = [.. kernel.Drivers.Select(driver => driver with { InInitramfs = true })], Initramfs = kernel.Initramfs! with { InitPath = "init", InitScript = script } };
        var change = Assert.Single(Plan(DebianPv() with { Kernels = [ready] }).Changes.OfType<RewriteInitramfs>());
        Assert.Equal("#!/bin/sh\n[ ! -f /rehost/load ] || . /rehost/load\n# was /dev/xvda1\nmount -t proc proc /proc\nROOT=/dev/vda1\nmount -r \"$ROOT\" /new || mount -r /dev/vda1 /new\nswapon /dev/vdb; cat /mnt/dev/xvda1 /dev/xvdz9\n", change.ScriptContent);

        // Scripts of known generators take the root from the boot menu.
        Assert.Empty(Plan(DebianPv() with { Kernels = [ready with { Initramfs = ready.Initramfs! with { Generator = InitramfsGenerator.Genkernel } }] }).Changes.OfType<RewriteInitramfs>());
    }

    [Fact]
    public void Addresses_that_no_adapter_has_let_go_of_their_names() // S1.37, S2.18
    {
        const string rule = "SUBSYSTEM==\"net\", ACTION==\"add\", ATTR{address}==\"00:50:56:aa:bb:cc\", NAME=\"eth0\"\n";
        var facts = DebianPv(Text("/etc/udev/rules.d/70-persistent-net.rules", rule), Text("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=00:50:56:AA:BB:CC\n"));
        var plan = Plan(facts);
        Assert.StartsWith("#" + rule, plan.After("/etc/udev/rules.d/70-persistent-net.rules"), StringComparison.Ordinal);
        Assert.Equal("DEVICE=eth0\n#HWADDR=00:50:56:AA:BB:CC\n", plan.After("/etc/sysconfig/network-scripts/ifcfg-eth0"));
        Assert.Contains("ATTR{address}==\"00:16:3e:00:00:01\"", plan.After("/etc/udev/rules.d/70-persistent-net.rules"), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_adapters_of_red_hat_5_are_told_apart_by_hwaddr()
    {
        const string directory = "/etc/sysconfig/network-scripts/";
        var facts = CentOs5Vmware(Text(directory + "ifcfg-eth0", "DEVICE=eth0\nHWADDR=00:0c:29:00:00:01\n"), Text(directory + "ifcfg-eth1", "DEVICE=eth1\n"));
        facts = facts with
        {
            Machine = facts.Machine with { NetworkAdapters = [.. facts.Machine.NetworkAdapters, new NetworkAdapter { MacAddress = "00:0c:29:00:00:02" }] },
            NetworkInterfaces = [.. facts.NetworkInterfaces, new NetworkInterface("eth1", directory + "ifcfg-eth1", "dhcp", [], "00:0c:29:00:00:02")],
        };
        var plan = Plan(facts);
        Assert.Null(plan.After(directory + "ifcfg-eth0"));
        Assert.Equal("DEVICE=eth1\nHWADDR=00:0C:29:00:00:02\n", plan.After(directory + "ifcfg-eth1"));
        Assert.Null(plan.After("/etc/udev/rules.d/70-persistent-net.rules"));
    }

    [Fact]
    public void Vmware_tools_kudzu_and_graphics_are_switched_off() // S0.50, S2.29, S2.32
    {
        var facts = CentOs5Vmware(Link("/etc/rc.d/rc3.d/S03vmware-tools", "../init.d/vmware-tools"), Link("/etc/rc.d/rc3.d/S05kudzu", "../init.d/kudzu"), Text("/etc/X11/xorg.conf", "Section \"Device\"\n\tDriver      \"vmware\"\nEndSection\nSection \"InputDevice\"\n\tDriver \"vmmouse\"\nEndSection\n"));
        facts = facts with { HypervisorTools = [new HypervisorTool("vmware-tools", Hypervisor.Vmware, ["vmware-tools"], ["/etc/vmware-tools/locations"])] };
        var plan = Plan(facts);
        Assert.Equal(["/etc/rc.d/rc3.d/S03vmware-tools", "/etc/rc.d/rc3.d/S05kudzu"], plan.Changes.OfType<DeleteFile>().Select(change => change.Path));
        Assert.Equal("Section \"Device\"\n\tDriver      \"vesa\"\nEndSection\nSection \"InputDevice\"\n\tDriver \"mouse\"\nEndSection\n", plan.After("/etc/X11/xorg.conf"));
        Assert.Equal("hardware-detection", plan.Changes.OfType<DeleteFile>().Last().StepId);
        Assert.Null(Plan(facts, TargetCapabilities.Vmware).After("/etc/X11/xorg.conf"));
    }

    [Fact]
    public void Openrc_services_leave_their_runlevels()
    {
        var facts = DebianPv(Link("/etc/runlevels/default/xe-daemon", "/etc/init.d/xe-daemon"));
        facts = facts with { OperatingSystem = facts.OperatingSystem with { Init = InitSystem.OpenRc }, HypervisorTools = [new HypervisorTool("xe-guest-utilities", Hypervisor.XenServer, ["xe-daemon"], [])] };
        Assert.Contains(Plan(facts).Changes, change => change is DeleteFile { Path: "/etc/runlevels/default/xe-daemon" });
    }

    [Fact]
    public void New_files_are_labelled_by_the_guests_own_policy() // S2.22
    {
        const string contexts = "/etc/selinux/targeted/contexts/files/file_contexts";
        var plan = Plan(DebianPv() with { SelinuxMode = "enforcing", SelinuxFileContexts = contexts });
        var labels = plan.Changes.OfType<Relabel>().ToList();
        Assert.Equal(plan.Changes.OfType<WriteFile>().Select(change => change.Path).Order(StringComparer.Ordinal), labels.Select(label => label.Path));
        Assert.All(labels, label => Assert.Equal(contexts, label.FileContextsPath));
        Assert.NotEmpty(labels);
    }

    [Fact]
    public void Old_32_bit_libraries_are_made_for_xen() // S2.12, S2.13, S2.14, S2.17, S2.26, S2.31
    {
        var facts = CentOs5Vmware(new GuestFile { Path = "/lib/i686/nosegneg", Kind = GuestFileKind.Directory });
        facts = facts with { Kernels = [facts.Kernels[1] with { ParavirtualAbi = "x86_32p" }], OperatingSystem = facts.OperatingSystem with { Version = "4.4", Architecture = "i686" } };
        var plan = Plan(facts, TargetCapabilities.XenPv);
        Assert.Contains("hwcap 0 nosegneg", plan.After("/etc/ld.so.conf.d/rehost-xen.conf"), StringComparison.Ordinal);
        Assert.StartsWith("#!/bin/sh\n", plan.After("/sbin/ifup-local"), StringComparison.Ordinal);
        Assert.Equal(0x1ED, plan.Changes.OfType<WriteFile>().Single(change => change.Path == "/sbin/ifup-local").Permissions);
        Assert.Contains("ethtool -K \"$1\" tx off\n", plan.After("/sbin/ifup-local"), StringComparison.Ordinal);
        Assert.Contains(plan.ChecksByHand, check => check.Contains("ldconfig", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("4.5", "x86_32p", false)]
    [InlineData("4", "x86_64", true)]
    public void Checksums_are_made_in_software_until_red_hat_4_4_alone(string version, string abi, bool isWritten) // S2.2, S2.17
    {
        var facts = CentOs5Vmware();
        facts = facts with { Kernels = [facts.Kernels[1] with { ParavirtualAbi = abi }], OperatingSystem = facts.OperatingSystem with { Version = version } };
        var plan = Plan(facts, TargetCapabilities.XenPv);
        Assert.Equal(isWritten, plan.After("/sbin/ifup-local") is not null);

        // Without a second set of libraries there is nothing to switch to, which is said; 64 bit has no such segments.
        Assert.Equal(abi != "x86_64", plan.ChecksByHand.Any(check => check.Contains("nosegneg", StringComparison.Ordinal)));
        Assert.Null(plan.After("/etc/ld.so.conf.d/rehost-xen.conf"));
    }

    [Fact]
    public void A_script_of_the_guests_own_is_left_alone_and_named() // S2.17
    {
        var facts = CentOs5Vmware(Text("/sbin/ifup-local", "#!/bin/sh\nlogger $1 up\n"));
        facts = facts with { Kernels = [facts.Kernels[1]], OperatingSystem = facts.OperatingSystem with { Version = "4.4" } };
        var plan = Plan(facts, TargetCapabilities.XenPv);
        Assert.Null(plan.After("/sbin/ifup-local"));
        Assert.Contains(plan.ChecksByHand, check => check.Contains("/sbin/ifup-local", StringComparison.Ordinal) && check.Contains("tx off", StringComparison.Ordinal));
    }

    [Fact]
    public void The_file_system_of_the_root_goes_into_the_initramfs_as_well() // S0.10, S0.17
    {
        var facts = CentOs5Vmware();
        facts = facts with
        {
            Volumes = [.. facts.Volumes.Select(volume => volume.MountPath == "/" ? volume with { Type = "xfs" } : volume)],
            Kernels = [.. facts.Kernels.Select(kernel => kernel with { Drivers = [.. kernel.Drivers, new KernelDriver("xfs", DriverForm.Module, [$"{kernel.ModulesPath}/xfs.ko"], false)] })],
        };
        var change = Assert.Single(Plan(facts, TargetCapabilities.XenPv).Changes.OfType<RewriteInitramfs>());
        Assert.Equal(["xenblk.ko", "xfs.ko"], change.Modules.Select(path => Path.GetFileName(path)));
        Assert.Contains("insmod /lib/xenblk.ko\necho \"Loading xfs.ko module\"\ninsmod /lib/xfs.ko\n", change.ScriptContent, StringComparison.Ordinal);
    }

    [Fact]
    public void A_machine_that_cannot_be_switched_off_is_told_of() // S1.37
    {
        var facts = DebianPv();
        facts = facts with { BootConfigurations = [facts.BootConfigurations[0] with { Entries = [facts.BootConfigurations[0].Entries[0] with { Arguments = "root=/dev/xvda1 ro acpi=off" }] }] };
        Assert.Contains(Plan(facts).ChecksByHand, check => check.StartsWith("The kernel is started with acpi=off", StringComparison.Ordinal));
        Assert.DoesNotContain(Plan(DebianPv()).ChecksByHand, check => check.Contains("acpi", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("clocksource=acpi_pm", true, false)]
    [InlineData("divider=10", true, false)]
    [InlineData("clocksource=xen", false, true)]
    [InlineData("clocksource=tsc", false, false)]
    public void Clocks_of_the_other_hypervisor_are_not_asked_for(string argument, bool goesOnXen, bool goesOnKvm) // S1.37
    {
        var facts = CentOs5Vmware(Text("/boot/grub/menu.lst", $"default=0\ntitle CentOS\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.18-128.2.1.el5 ro root=/dev/VolGroup00/LogVol00 {argument}\n"));
        bool Goes(TargetCapabilities target) => Plan(facts, target).After("/boot/grub/menu.lst")?.Contains(argument, StringComparison.Ordinal) == false;
        Assert.Equal((goesOnXen, goesOnKvm), (Goes(TargetCapabilities.XenPv), Goes(TargetCapabilities.Kvm)));
    }

    [Fact]
    public void A_guest_without_lvm_has_its_names_changed_in_menu_fstab_and_swap() // S0.3, S0.22, S2.6, S2.7
    {
        var facts = CentOs5Vmware(Text("/etc/fstab", "/dev/sda2 / ext3 defaults 1 1\nLABEL=/boot /boot ext3 defaults 1 2\n/dev/sda3 swap swap defaults 0 0\n"),
            Text("/boot/grub/menu.lst", "default=0\ntitle CentOS\n\troot (hd0,0)\n\tkernel /vmlinuz-2.6.18-128.2.1.el5 ro root=/dev/sda2\n\tinitrd /initrd-2.6.18-128.2.1.el5.img\n"));
        var root = facts.Volumes[2] with { DeviceName = "sda2", PartitionNumber = 2, Kind = VolumeKind.Partition, BuiltOn = [] };
        var swap = new VolumeFacts { DeviceName = "sda3", DiskId = "disk", PartitionNumber = 3, Offset = 7L << 30, LengthBytes = 1L << 29, Content = VolumeContent.Swap, Type = "swap" };
        var plan = Plan(facts with { Volumes = [facts.Volumes[0], root, swap] }, TargetCapabilities.XenPv);

        // Swap of that age has no UUID, and nash knows none.
        Assert.Equal($"UUID={RootUuid} / ext3 defaults 1 1\nLABEL=/boot /boot ext3 defaults 1 2\n/dev/xvda3 swap swap defaults 0 0\n", plan.After("/etc/fstab"));
        Assert.Contains(" ro root=/dev/xvda2", plan.After("/boot/grub/menu.lst"), StringComparison.Ordinal);
    }
}
