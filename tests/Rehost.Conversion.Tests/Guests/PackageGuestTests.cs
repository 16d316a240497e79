using System.Text;
using Rehost.Archives.Packages;
using Rehost.Conversion.Packages;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Guests that get their kernel, or the tools of their new hypervisor, from packages that the operator supplies.</summary>
public sealed class PackageGuestTests
{
    /// <summary>Howto 0 as it is written: CentOS 5 on VMware without a Xen kernel, which comes as kernel-xen; and the tools of XenServer 5.5.</summary>
    [Fact]
    [Requirement("S0.1", "S0.2", "S0.9", "S0.11", "S0.14", "S0.15", "S0.16", "S0.18", "S0.19", "S0.20", "S0.40", "S0.41", "S0.43", "S0.44", "S2.10")]
    public void CentOs_5_gets_kernel_xen_and_the_tools_of_xenserver()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Vmware, VirtualizationMode.Hardware, "c5p", "00:0c:29:55:55:55") };
        const string hardware = "2.6.18-128.el5", xen = "2.6.18-128.2.1.el5xen";
        var nash = "#!/bin/nash\nmount -t proc /proc /proc\necho \"Loading jbd.ko module\"\ninsmod /lib/jbd.ko \necho \"Loading ext3.ko module\"\ninsmod /lib/ext3.ko \necho \"Loading scsi_mod.ko module\"\ninsmod /lib/scsi_mod.ko \necho \"Loading mptspi.ko module\"\ninsmod /lib/mptspi.ko \n"
            + "echo Scanning logical volumes\nlvm vgchange -ay --ignorelockingfailure  VolGroup00\nmkrootdev -t ext3 -o defaults,ro /dev/VolGroup00/LogVol00\nmount /sysroot\nsetuproot\nswitchroot\n";
        RedHatGuestTests.RedHat(guest, "CentOS release 5.3 (Final)", RedHatGuestTests.Inittab)
            .File("/etc/fstab", "/dev/VolGroup00/LogVol00 /                       ext3    defaults        1 1\nLABEL=/boot             /boot                   ext3    defaults        1 2\n")
            .File("/etc/modprobe.conf", "alias eth0 pcnet32\nalias scsi_hostadapter mptbase\nalias scsi_hostadapter1 mptspi\n").File("/etc/sysconfig/kernel", "UPDATEDEFAULT=yes\nDEFAULTKERNEL=kernel\n")
            .File("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nBOOTPROTO=dhcp\nHWADDR=00:0C:29:55:55:55\nONBOOT=yes\n").Folder("/etc/rc.d/rc3.d").Folder("/etc/rc.d/init.d").Link("/etc/init.d", "rc.d/init.d").Link("/etc/rc3.d", "rc.d/rc3.d")
            .File("/etc/selinux/config", "SELINUX=enforcing\nSELINUXTYPE=targeted\n").File("/etc/selinux/targeted/contexts/files/file_contexts", "/boot(/.*)?\tsystem_u:object_r:boot_t:s0\n/lib/modules(/.*)?\tsystem_u:object_r:modules_object_t:s0\n/usr/sbin(/.*)?\tsystem_u:object_r:bin_t:s0\n")
            .File("/boot/grub/grub.conf", $"default=0\ntimeout=5\nhiddenmenu\ntitle CentOS ({hardware})\n\troot (hd0,0)\n\tkernel /vmlinuz-{hardware} ro root=/dev/VolGroup00/LogVol00 rhgb quiet\n\tinitrd /initrd-{hardware}.img\n").Link("/boot/grub/menu.lst", "./grub.conf")
            .File($"/boot/initrd-{hardware}.img", PhonyInitramfs.Make(("init", nash), ("bin/nash", "x"), ("lib/jbd.ko", ""), ("lib/ext3.ko", ""), ("lib/scsi_mod.ko", ""), ("lib/mptspi.ko", "")));
        guest.Kernel(hardware, "CONFIG_X86_64=y\n", ("fs/ext3/ext3", "jbd"), ("fs/jbd/jbd", ""), ("drivers/scsi/scsi_mod", ""), ("drivers/message/fusion/mptspi", "scsi_mod"), ("drivers/net/pcnet32", ""));
        guest.Package("kernel-xen-2.6.18-128.2.1.el5.x86_64.rpm", PhonyPackages.Rpm("kernel-xen", "2.6.18", "128.2.1.el5", "x86_64",
                ($"/boot/vmlinuz-{xen}", GuestImage.Kernel(xen), 0x1A4), ($"/boot/config-{xen}", Text("CONFIG_X86_64=y\nCONFIG_X86_64_XEN=y\nCONFIG_XEN_BLKDEV_FRONTEND=m\n"), 0x1A4), ("/boot/xen.gz-2.6.18-128.2.1.el5", Text("x"), 0x1A4),
                ($"/lib/modules/{xen}/kernel/fs/ext3/ext3.ko", ElfFile.Module("jbd"), 0x1E4), ($"/lib/modules/{xen}/kernel/fs/jbd/jbd.ko", ElfFile.Module(""), 0x1E4), ($"/lib/modules/{xen}/kernel/drivers/scsi/scsi_mod.ko", ElfFile.Module(""), 0x1E4),
                ($"/lib/modules/{xen}/kernel/drivers/xen/blkfront/xenblk.ko", ElfFile.Module(""), 0x1E4), ($"/lib/modules/{xen}/kernel/drivers/xen/netfront/xennet.ko", ElfFile.Module(""), 0x1E4)))
            .Package("xe-guest-utilities-5.5.0-458.x86_64.rpm", PhonyPackages.Rpm("xe-guest-utilities", "5.5.0", "458", "x86_64",
                ("/usr/sbin/xe-daemon", Text("#!/bin/bash\n"), 0x1ED), ("/usr/sbin/xe-linux-distribution", Text("#!/bin/bash\n"), 0x1ED),
                ("/etc/init.d/xe-linux-distribution", Text("#!/bin/bash\n#\n# xe-linux-distribution Write Linux distribution information to XenStore.\n#\n# chkconfig: 2345 14 86\n# description: Writes Linux distribution version information to XenStore.\n"), 0x1ED)));
        var boot = guest.Ext("ext3", PhonyGuest.BootUuid, "/boot", 8, "/boot");
        var volume = PhonyDisk.PhysicalVolume("VolGroup00", ("LogVol00", guest.Ext("ext3", PhonyGuest.RootUuid, null, 16)));
        RedHatGuestTests.Disk(guest, "sda", 63, "GRUB ", (boot, 0x83), (volume, 0x8e));
        guest.Check("centos-5-packages", TargetCapabilities.XenServerPv);
    }

    /// <summary>Rocky 9 on Xen PV whose only kernel has no virtio: kernel-core brings one, with its image beside the modules and no menu entry but by kernel-install.</summary>
    [Fact]
    [Requirement("S1.23", "S1.25", "S1.27", "X.1")]
    public void Rocky_9_gets_kernel_core()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Vmware, VirtualizationMode.Hardware, "r9", "00:50:56:09:09:09") };
        const string old = "5.14.0-70.el9.vmware", release = "5.14.0-427.el9.x86_64", id = "0123456789abcdef0123456789abcdef";
        RedHatGuestTests.Systemd(guest, "NAME=\"Rocky Linux\"\nVERSION_ID=\"9.4\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nPRETTY_NAME=\"Rocky Linux 9.4 (Blue Onyx)\"\n")
            .File("/etc/fstab", $"UUID={PhonyGuest.RootUuid} /                       ext4    defaults        0 0\nUUID={PhonyGuest.BootUuid} /boot                   ext4    defaults        0 0\n").File("/etc/machine-id", id + "\n")
            .File("/etc/default/grub", "GRUB_TIMEOUT=5\nGRUB_DEFAULT=saved\nGRUB_DISABLE_SUBMENU=true\nGRUB_TERMINAL_OUTPUT=\"console\"\nGRUB_CMDLINE_LINUX=\"crashkernel=1G-4G:192M\"\nGRUB_ENABLE_BLSCFG=true\n").Folder("/etc/dracut.conf.d")
            .File("/etc/NetworkManager/system-connections/ens192.nmconnection", "[connection]\nid=ens192\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\nmac-address=00:50:56:09:09:09\n\n[ipv4]\nmethod=auto\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n")
            .File("/boot/grub2/grub.cfg", "set default=\"${saved_entry}\"\ninsmod blscfg\nblscfg\n").File("/boot/grub2/grubenv", $"# GRUB Environment Block\nsaved_entry={id}-{old}\nboot_success=0\n".PadRight(1024, '#'))
            .File($"/boot/loader/entries/{id}-{old}.conf", $"title Rocky Linux ({old}) 9.4 (Blue Onyx)\nversion {old}\nlinux /vmlinuz-{old}\ninitrd /initramfs-{old}.img $tuned_initrd\noptions root=UUID={PhonyGuest.RootUuid} ro crashkernel=1G-4G:192M $tuned_params\ngrub_users $grub_users\ngrub_class rocky\n")
            .File($"/boot/initramfs-{old}.img", PhonyInitramfs.Make(("usr/lib/dracut/hooks/pre-udev/30-x.sh", "x"), ("usr/lib/dracut-lib.sh", "x"), ($"usr/lib/modules/{old}/modules.dep", "kernel/drivers/scsi/vmw_pvscsi.ko:\n"), ($"usr/lib/modules/{old}/kernel/drivers/scsi/vmw_pvscsi.ko", ""), ($"usr/lib/modules/{old}/kernel/fs/ext4/ext4.ko", "")));
        guest.Kernel(old, ".ko.xz", "CONFIG_X86_64=y\n", ("drivers/scsi/vmw_pvscsi", ""), ("fs/ext4/ext4", ""), ("drivers/net/vmxnet3/vmxnet3", ""));
        string Module(string path) => $"/lib/modules/{release}/kernel/{path}.ko";
        guest.Package($"kernel-core-{release}.rpm", PhonyPackages.Rpm("kernel-core", "5.14.0", "427.el9", "x86_64",
            ($"/lib/modules/{release}/vmlinuz", GuestImage.Kernel(release), 0x1ED), ($"/lib/modules/{release}/config", Text("CONFIG_X86_64=y\nCONFIG_VIRTIO=y\nCONFIG_BLK_DEV_SD=m\n"), 0x1A4), ($"/lib/modules/{release}/System.map", Text("x"), 0x180), ($"/lib/modules/{release}/modules.builtin", Text("kernel/drivers/virtio/virtio.ko\nkernel/drivers/virtio/virtio_ring.ko\nkernel/drivers/virtio/virtio_pci.ko\n"), 0x1A4),
            (Module("drivers/block/virtio_blk"), ElfFile.Module(""), 0x1A4), (Module("drivers/net/virtio_net"), ElfFile.Module("net_failover"), 0x1A4), (Module("drivers/net/net_failover"), ElfFile.Module(""), 0x1A4), (Module("fs/ext4/ext4"), ElfFile.Module("mbcache,jbd2"), 0x1A4), (Module("fs/mbcache"), ElfFile.Module(""), 0x1A4), (Module("fs/jbd2/jbd2"), ElfFile.Module(""), 0x1A4), (Module("drivers/scsi/vmw_pvscsi"), ElfFile.Module(""), 0x1A4)));
        var boot = guest.Ext("ext4", PhonyGuest.BootUuid, null, 8, "/boot");
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (boot, 0x83), (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("rocky-9-packages", TargetCapabilities.Kvm);
    }

    /// <summary>Debian 4 on Xen with a kernel for Xen alone, moved to KVM with an ordinary one.</summary>
    [Fact]
    [Requirement("S1.23", "S1.25", "S1.37", "X.1")]
    public void Debian_4_gets_linux_image()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "etch", "00:16:3e:04:04:04") };
        const string xen = "2.6.18-6-xen-amd64", release = "2.6.26-2-amd64";
        guest.Image.File("/etc/debian_version", "4.0\n").File("/bin/bash", GuestImage.Elf64).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf64)
            .File("/etc/inittab", "id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n~~:S:wait:/sbin/sulogin\n1:2345:respawn:/sbin/getty 38400 xvc0\n#2:23:respawn:/sbin/getty 38400 tty2\n").File("/etc/securetty", "console\ntty1\nxvc0\n")
            .File("/etc/fstab", "proc /proc proc defaults 0 0\n/dev/sda1 / ext3 defaults,errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\n").File("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n\taddress 192.0.2.44\n\tnetmask 255.255.255.0\n")
            .File("/etc/udev/rules.d/z25_persistent-net.rules", "SUBSYSTEM==\"net\", DRIVERS==\"?*\", ATTRS{address}==\"00:16:3e:04:04:04\", NAME=\"eth0\"\n").File("/etc/initramfs-tools/modules", "").File("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/sda2\n")
            .File("/boot/grub/menu.lst", $"default\t\t0\ntimeout\t\t5\n\n### BEGIN AUTOMAGIC KERNELS LIST\n# kopt=root=/dev/sda1 ro xencons=xvc\n# groot=(hd0,0)\n## ## End Default Options ##\n\ntitle\t\tDebian GNU/Linux, kernel {xen}\nroot\t\t(hd0,0)\nkernel\t\t/boot/vmlinuz-{xen} root=/dev/sda1 ro xencons=xvc\ninitrd\t\t/boot/initrd.img-{xen}\n\n### END DEBIAN AUTOMAGIC KERNELS LIST\n")
            .File($"/boot/initrd.img-{xen}", PhonyInitramfs.Make(("init", "#!/bin/sh\n"), ("scripts/functions", "x"), ("conf/initramfs.conf", "x"), ($"lib/modules/{xen}/kernel/fs/ext3/ext3.ko", ""), ($"lib/modules/{xen}/kernel/drivers/xen/blkfront/xenblk.ko", "")));
        guest.Kernel(xen, "CONFIG_X86_64=y\nCONFIG_X86_64_XEN=y\nCONFIG_XEN_BLKDEV_FRONTEND=m\n", ("fs/ext3/ext3", ""), ("drivers/xen/blkfront/xenblk", ""), ("drivers/xen/netfront/xennet", ""));
        guest.Package($"linux-image-{release}_2.6.26-29_amd64.deb", PhonyPackages.Deb($"linux-image-{release}", "2.6.26-29", "amd64",
            ($"./boot/vmlinuz-{release}", GuestImage.Kernel(release), 0x1A4), ($"./boot/config-{release}", Text("CONFIG_X86_64=y\n"), 0x1A4), ($"./lib/modules/{release}/kernel/fs/ext3/ext3.ko", ElfFile.Module("jbd"), 0x1A4), ($"./lib/modules/{release}/kernel/fs/jbd/jbd.ko", ElfFile.Module(""), 0x1A4),
            ($"./lib/modules/{release}/kernel/drivers/virtio/virtio.ko", ElfFile.Module(""), 0x1A4), ($"./lib/modules/{release}/kernel/drivers/virtio/virtio_ring.ko", ElfFile.Module(""), 0x1A4), ($"./lib/modules/{release}/kernel/drivers/virtio/virtio_pci.ko", ElfFile.Module("virtio,virtio_ring"), 0x1A4),
            ($"./lib/modules/{release}/kernel/drivers/block/virtio_blk.ko", ElfFile.Module("virtio,virtio_ring"), 0x1A4), ($"./lib/modules/{release}/kernel/drivers/net/virtio_net.ko", ElfFile.Module("virtio,virtio_ring"), 0x1A4)));
        RedHatGuestTests.Disk(guest, "sda", 63, "", (guest.Ext("ext3", PhonyGuest.RootUuid, null, 16), 0x83), (guest.Swap(1), 0x82));
        guest.Check("debian-4-packages", TargetCapabilities.Kvm);
    }

    [Theory]
    [InlineData("i686", "rpm", "is built for i686")]
    [InlineData("x86_64", "rpm", "it is an rpm, and Debian GNU/Linux 12 takes a deb")]
    [Requirement("S0.41")]
    public void Packages_of_other_guests_are_refused_by_name(string architecture, string format, string reason)
    {
        var content = format == "rpm" ? PhonyPackages.Rpm("tool", "1", "1", architecture) : [];
        var package = SoftwarePackage.Open(new MemoryStream(content), "tool.rpm");
        var isDebian = reason.Contains("Debian", StringComparison.Ordinal);
        var facts = new GuestFacts
        {
            Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "m"),
            OperatingSystem = new Model.OperatingSystem { Id = "x", Name = isDebian ? "Debian GNU/Linux 12" : "CentOS", Family = isDebian ? DistributionFamily.Debian : DistributionFamily.RedHat, Architecture = "x86_64" },
        };
        var tree = new FileSystems.GuestTree(new FileSystems.Tests.InMemoryFileSystem());
        var refused = Assert.Throws<DiagnosticException>(() => PackageInstaller.Install(tree, facts, [new SuppliedFile("tool.rpm", "00", package)], TestContext.Current.CancellationToken));
        Assert.Equal("CNV021", refused.Diagnostic.Id);
        Assert.Contains(reason, refused.Diagnostic.Message, StringComparison.Ordinal);
    }

    private static byte[] Text(string text) => Encoding.ASCII.GetBytes(text);
}
