using Rehost.Inspection.Tests.Guests;
using Rehost.Model;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>SLES 10 to 15 and Arch, with the files that their installers write.</summary>
public sealed class SuseAndOtherGuestTests
{
    private const string SuseInittab = "id:3:initdefault:\nsi::bootwait:/etc/init.d/boot\n1:2345:respawn:/sbin/mingetty --noclear tty1\n2:2345:respawn:/sbin/mingetty tty2\n#S0:12345:respawn:/sbin/agetty -L 9600 ttyS0 vt102\n";

    /// <summary>SLES 10 as a Xen PV guest with a kernel for hardware beside its own: the start script of its mkinitrd is one file.</summary>
    [Fact]
    public void Sles_10()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "sles10", "00:16:3e:10:10:10") };
        const string plain = "2.6.16.60-0.85.1-default", xen = "2.6.16.60-0.85.1-xen";
        const string init = "#! /bin/bash\nexport PATH=/sbin:/usr/sbin:/bin:/usr/bin\ndie() {\n    umount /proc\n}\nmount -t proc  proc  /proc\nmount -t sysfs sysfs /sys\necho \"Loading {0}\"\nmodprobe {0}\nudev_discover_root\n";
        Suse(guest, "SUSE Linux Enterprise Server 10 (x86_64)\nVERSION = 10\nPATCHLEVEL = 4\n", SuseInittab + "co:2345:respawn:/sbin/mingetty --noclear xvc0\n")
            .File("/etc/fstab", "/dev/xvda2           /                    ext3       acl,user_xattr        1 1\n/dev/xvda1           swap                 swap       defaults              0 0\n")
            .File("/etc/sysconfig/kernel", "INITRD_MODULES=\"xenblk jbd ext3 \"\nDOMU_INITRD_MODULES=\"xennet xenblk\"\n").File("/etc/sysconfig/bootloader", "LOADER_TYPE=\"grub\"\nDEFAULT_APPEND=\"resume=/dev/xvda1 splash=silent showopts\"\n")
            .File("/etc/sysconfig/network/ifcfg-eth-id-00:16:3e:10:10:10", "BOOTPROTO='static'\nIPADDR='192.0.2.10/24'\nSTARTMODE='auto'\n")
            .File("/etc/udev/rules.d/30-net_persistent_names.rules", "SUBSYSTEM==\"net\", ACTION==\"add\", SYSFS{address}==\"00:16:3e:10:10:10\", IMPORT=\"/lib/udev/rename_netiface %k eth0\"\n")
            .File("/boot/grub/menu.lst", $"# Modified by YaST2.\ndefault 0\ntimeout 8\ntitle XEN\n    root (hd0,1)\n    kernel /boot/vmlinuz-{xen} root=/dev/xvda2 resume=/dev/xvda1 splash=silent showopts console=xvc0\n    initrd /boot/initrd-{xen}\n"
                + $"title Linux\n    root (hd0,1)\n    kernel /boot/vmlinuz-{plain} root=/dev/disk/by-id/scsi-SATA_disk-part2 resume=/dev/xvda1 splash=silent showopts\n    initrd /boot/initrd-{plain}\n")
            .File("/boot/grub/device.map", "(hd0)\t/dev/xvda\n")
            .File($"/boot/initrd-{plain}", PhonyInitramfs.Make(("init", init.Replace("{0}", "jbd ext3", StringComparison.Ordinal)), ("mkinitrd.config", "x"), ($"lib/modules/{plain}/kernel/fs/ext3/ext3.ko", "")))
            .File($"/boot/initrd-{xen}", PhonyInitramfs.Make(("init", init.Replace("{0}", "xenblk", StringComparison.Ordinal)), ("mkinitrd.config", "x"), ($"lib/modules/{xen}/kernel/drivers/xen/xenblk.ko", "")));
        guest.Kernel(plain, "CONFIG_X86_64=y\n", ("drivers/virtio/virtio", ""), ("drivers/virtio/virtio_ring", ""), ("drivers/virtio/virtio_pci", "virtio_ring virtio"), ("drivers/block/virtio_blk", "virtio_ring virtio"), ("drivers/net/virtio_net", "virtio_ring virtio"), ("fs/ext3/ext3", "jbd"), ("fs/jbd/jbd", ""))
            .Kernel(xen, "CONFIG_X86_64=y\nCONFIG_X86_64_XEN=y\n", ("drivers/xen/xenblk", ""), ("drivers/xen/xennet", ""), ("fs/ext3/ext3", "jbd"), ("fs/jbd/jbd", ""));
        RedHatGuestTests.Disk(guest, "xvda", 63, "", (guest.Swap(1), 0x82), (guest.Ext("ext3", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("sles-10", TargetCapabilities.Kvm);
    }

    /// <summary>SLES 11 on VMware: run_all.sh with the modules that its mkinitrd resolved, names by id.</summary>
    [Fact]
    public void Sles_11() // S1.30
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Vmware, VirtualizationMode.Hardware, "sles11", "00:50:56:11:11:11") };
        const string release = "3.0.101-63-default";
        const string disk = "/dev/disk/by-id/scsi-36000c2912345678901234567890abcde";
        Suse(guest, "SUSE Linux Enterprise Server 11 (x86_64)\nVERSION = 11\nPATCHLEVEL = 4\n", SuseInittab)
            .File("/etc/fstab", $"{disk}-part1 swap                 swap       defaults              0 0\n{disk}-part2 /                    ext3       acl,user_xattr        1 1\nproc                 /proc                proc       defaults              0 0\n")
            .File("/etc/sysconfig/kernel", "INITRD_MODULES=\"mptspi ata_piix ata_generic jbd ext3\"\nDOMU_INITRD_MODULES=\"xennet xenblk\"\n").File("/etc/sysconfig/bootloader", $"LOADER_TYPE=\"grub\"\nDEFAULT_APPEND=\"resume={disk}-part1 splash=silent crashkernel=256M-:128M showopts\"\nFAILSAFE_APPEND=\"showopts ide=nodma apm=off noresume\"\n")
            .File("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='static'\nIPADDR='192.0.2.11/24'\nSTARTMODE='auto'\n")
            .File("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"?*\", ATTR{address}==\"00:50:56:11:11:11\", ATTR{dev_id}==\"0x0\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n")
            .File("/etc/init.d/vmware-tools", "#!/bin/sh\n").File("/etc/vmware-tools/locations", "x\n").Link("/etc/init.d/rc3.d/S02vmware-tools", "../vmware-tools")
            .File("/boot/grub/menu.lst", $"default 0\ntimeout 8\ngfxmenu (hd0,1)/boot/message\ntitle SUSE Linux Enterprise Server 11 SP4\n    root (hd0,1)\n    kernel /boot/vmlinuz-{release} root={disk}-part2 resume={disk}-part1 splash=silent showopts\n    initrd /boot/initrd-{release}\n")
            .File("/boot/grub/device.map", $"(hd0)\t{disk}\n")
            .File($"/boot/initrd-{release}", PhonyInitramfs.Make(("init", "#!/bin/bash\n. ./config/start.sh\nsource /run_all.sh\n"), ("run_all.sh", "[ \"$RESOLVED_INITRD_MODULES\" ] || RESOLVED_INITRD_MODULES='mptspi ata_piix jbd ext3'\nsource boot/02-start.sh\n"), ("boot/02-start.sh", "x"),
                ($"lib/modules/{release}/kernel/fs/ext3/ext3.ko", ""), ($"lib/modules/{release}/kernel/drivers/message/fusion/mptspi.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_BLK_DEV_SD=m\n", ("drivers/scsi/sd_mod", ""), ("drivers/message/fusion/mptspi", ""), ("drivers/virtio/virtio", ""), ("drivers/virtio/virtio_ring", ""), ("drivers/virtio/virtio_pci", "virtio_ring virtio"), ("drivers/block/virtio_blk", "virtio_ring virtio"), ("drivers/net/virtio_net", "virtio_ring virtio"),
            ("fs/ext3/ext3", "jbd"), ("fs/jbd/jbd", ""));
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (guest.Swap(1), 0x82), (guest.Ext("ext3", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("sles-11", TargetCapabilities.Kvm);
    }

    /// <summary>SLES 15 on KVM, moved to VMware: GRUB 2, dracut, wicked.</summary>
    [Fact]
    public void Sles_15()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Kvm, VirtualizationMode.Hardware, "sles15", "52:54:00:15:15:15") };
        const string release = "5.14.21-150500.55.7-default";
        RedHatGuestTests.Systemd(guest, "NAME=\"SLES\"\nVERSION_ID=\"15.5\"\nID=\"sles\"\nID_LIKE=\"suse\"\nPRETTY_NAME=\"SUSE Linux Enterprise Server 15 SP5\"\n")
            .File("/etc/fstab", $"UUID={PhonyGuest.RootUuid}  /  ext4  defaults  0  1\n/dev/vda1  swap  swap  defaults  0  0\n")
            .File("/etc/default/grub", "GRUB_DISTRIBUTOR=\"SLES\"\nGRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX_DEFAULT=\"splash=silent resume=/dev/vda1 mitigations=auto quiet\"\nGRUB_CMDLINE_LINUX=\"console=ttyS0,115200\"\nGRUB_TERMINAL=\"serial console\"\nGRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\n")
            .File("/etc/dracut.conf.d/01-dist.conf", "i18n_vars=\"x\"\n").File("/usr/bin/qemu-ga", "x").File("/usr/lib/systemd/system/qemu-guest-agent.service", "[Unit]\n")
            .File("/etc/sysconfig/network/ifcfg-eth0", "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='192.0.2.15/24'\nZONE=''\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n")
            .Link("/etc/systemd/system/getty.target.wants/serial-getty@ttyS0.service", "/usr/lib/systemd/system/serial-getty@.service")
            .File("/boot/grub2/grub.cfg", $"set default=\"0\"\nterminal_input serial console\nmenuentry 'SLES 15-SP5'  --class sles {{\n\tset root='hd0,msdos2'\n\tlinux\t/boot/vmlinuz-{release} root=UUID={PhonyGuest.RootUuid}  console=ttyS0,115200 splash=silent resume=/dev/vda1 mitigations=auto quiet\n\tinitrd\t/boot/initrd-{release}\n}}\n")
            .File("/boot/grub2/device.map", "(hd0)\t/dev/vda\n")
            .File($"/boot/initrd-{release}", PhonyInitramfs.Make(("usr/lib/dracut/hooks/pre-udev/30-x.sh", "x"), ($"usr/lib/modules/{release}/kernel/drivers/block/virtio_blk.ko", "")));
        guest.Kernel(release, ".ko.zst", "CONFIG_X86_64=y\nCONFIG_XEN_PV=y\nCONFIG_EXT4_FS=y\n", ("drivers/block/virtio_blk", ""), ("drivers/net/virtio_net", ""), ("drivers/scsi/vmw_pvscsi", "scsi_mod"), ("drivers/scsi/sd_mod", "scsi_mod t10-pi"), ("drivers/scsi/scsi_mod", ""), ("block/t10-pi", ""), ("drivers/net/vmxnet3/vmxnet3", ""));
        RedHatGuestTests.Disk(guest, "vda", 2048, "GRUB ", (guest.Swap(1), 0x82), (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("sles-15", TargetCapabilities.Vmware);
    }

    /// <summary>Arch as a Xen PV guest: mkinitcpio, netctl, kernel names without version (S1.24).</summary>
    [Fact]
    public void Arch() // X.3
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "arch", "00:16:3e:aa:aa:aa") };
        const string release = "6.9.7-arch1-1";
        RedHatGuestTests.Systemd(guest, "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\n")
            .File("/etc/fstab", "/dev/xvda1\t/\text4\trw,relatime\t0 1\n").File("/etc/mkinitcpio.conf", "# vim:set ft=sh\nMODULES=(xen-blkfront xen-fbfront xen-netfront xen-kbdfront)\nBINARIES=()\nHOOKS=(base udev autodetect modconf block filesystems fsck)\n")
            .File("/etc/netctl/eth0", "Description='lan'\nInterface=eth0\nConnection=ethernet\nIP=static\nAddress=('192.0.2.20/24')\nGateway='192.0.2.1'\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n")
            .Link("/etc/systemd/system/getty.target.wants/serial-getty@hvc0.service", "/usr/lib/systemd/system/serial-getty@.service")
            .File("/boot/grub/grub.cfg", "set default=\"0\"\nmenuentry 'Arch Linux' --class arch {\n\tlinux\t/boot/vmlinuz-linux root=/dev/xvda1 rw  console=hvc0\n\tinitrd  /boot/initramfs-linux.img\n}\n")
            .File("/boot/vmlinuz-linux", GuestImage.Kernel(release))
            .File("/boot/initramfs-linux.img", PhonyInitramfs.Make(("init", "#!/usr/bin/ash\n# SPDX-License-Identifier: GPL-2.0-only\n. /init_functions\nmount_setup\n"), ("init_functions", "x"), ("config", "MODULES=\"xen-blkfront\"\n"), ("hooks/udev", "x"), ($"usr/lib/modules/{release}/kernel/drivers/block/xen-blkfront.ko", "")));
        guest.Kernel(release, ".ko.zst", "CONFIG_X86_64=y\nCONFIG_XEN_PV=y\nCONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_EXT4_FS=y\n", ("drivers/block/virtio_blk", ""), ("drivers/net/virtio_net", ""), ("drivers/block/xen-blkfront", ""), ("drivers/net/xen-netfront", ""));
        File.Delete(Path.Combine(guest.Image.Scratch("tree"), $"boot/vmlinuz-{release}"));
        File.WriteAllBytes(guest.Image.Scratch("arch"), guest.Ext("ext4", PhonyGuest.RootUuid, null, 16));
        guest.Disk("xvda1", guest.Image.Scratch("arch"));
        guest.Check("arch", TargetCapabilities.Kvm);
    }

    /// <summary>Alpine on XenServer as PV: OpenRC, busybox's inittab, extlinux.conf that pygrub reads, mkinitfs.</summary>
    [Fact]
    public void Alpine()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.XenServer, VirtualizationMode.Paravirtual, "alpine", "02:16:3e:a1:a1:a1") };
        const string release = "6.1.55-0-lts";
        guest.Image.File("/etc/alpine-release", "3.18.4\n").File("/etc/os-release", "ID=alpine\nVERSION_ID=3.18.4\nPRETTY_NAME=\"Alpine Linux v3.18\"\n").File("/bin/busybox", GuestImage.Elf64).Link("/bin/sh", "/bin/busybox").Link("/sbin/init", "/bin/busybox").File("/sbin/openrc", GuestImage.Elf64)
            .File("/etc/inittab", "# /etc/inittab\n::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n# Set up a couple of getty's\ntty1::respawn:/sbin/getty 38400 tty1\nhvc0::respawn:/sbin/getty -L hvc0 115200 vt100\n::shutdown:/sbin/openrc shutdown\n").File("/etc/securetty", "console\ntty1\nhvc0\n")
            .File("/etc/fstab", "/dev/xvda1\t/\text4\trw,relatime 0 1\n/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n").File("/etc/mkinitfs/mkinitfs.conf", "features=\"ata base ide scsi usb ext4\"\n")
            .File("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet static\n\taddress 192.0.2.31/24\n\tgateway 192.0.2.1\n")
            .File("/usr/sbin/xe-daemon", "x").File("/etc/init.d/xe-daemon", "#!/sbin/openrc-run\n").Link("/etc/runlevels/default/xe-daemon", "/etc/init.d/xe-daemon")
            .File("/boot/extlinux.conf", "DEFAULT menu.c32\nPROMPT 0\nTIMEOUT 10\nLABEL lts\n  MENU DEFAULT\n  MENU LABEL Linux lts\n  LINUX vmlinuz-lts\n  INITRD initramfs-lts\n  APPEND root=/dev/xvda1 modules=ext4 console=hvc0\n")
            .File("/boot/vmlinuz-lts", GuestImage.Kernel(release)).File("/boot/initramfs-lts", PhonyInitramfs.Make(("init", "#!/bin/sh\n# this is the init script version 3.8.1\nVERSION=3.8.1\n"), ("sbin/nlplug-findfs", "x"), ($"lib/modules/{release}/kernel/drivers/block/xen-blkfront.ko", "")));
        guest.Kernel(release, ".ko.gz", "CONFIG_X86_64=y\nCONFIG_XEN_PV=y\nCONFIG_EXT4_FS=m\n", ("drivers/virtio/virtio_pci", "virtio virtio_ring"), ("drivers/virtio/virtio", ""), ("drivers/virtio/virtio_ring", ""), ("drivers/block/virtio_blk", "virtio virtio_ring"), ("drivers/net/virtio_net", ""), ("fs/ext4/ext4", "jbd2"), ("fs/jbd2/jbd2", ""), ("drivers/block/xen-blkfront", ""));
        File.Delete(Path.Combine(guest.Image.Scratch("tree"), $"boot/vmlinuz-{release}"));
        File.WriteAllBytes(guest.Image.Scratch("alpine"), guest.Ext("ext4", PhonyGuest.RootUuid, null, 16));
        guest.Disk("xvda", guest.Image.Scratch("alpine"));
        guest.Check("alpine", TargetCapabilities.Kvm);
    }

    /// <summary>Gentoo on VMware: OpenRC, genkernel, netifrc, a /boot that is not mounted by itself.</summary>
    [Fact]
    public void Gentoo()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Vmware, VirtualizationMode.Hardware, "gentoo", "00:50:56:6e:6e:6e") };
        const string release = "6.6.13-gentoo-x86_64";
        guest.Image.File("/etc/gentoo-release", "Gentoo Base System release 2.14\n").File("/etc/os-release", "NAME=Gentoo\nID=gentoo\nPRETTY_NAME=\"Gentoo Linux\"\n").File("/bin/bash", GuestImage.Elf64).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf64).File("/sbin/openrc", GuestImage.Elf64)
            .File("/etc/inittab", "id:3:initdefault:\nsi::sysinit:/sbin/openrc sysinit\nc1:12345:respawn:/sbin/agetty 38400 tty1 linux\n#s0:12345:respawn:/sbin/agetty -L 115200 ttyS0 vt100\n").File("/etc/securetty", "console\ntty1\n")
            .File("/etc/fstab", "/dev/sda1\t/boot\text4\tnoauto,noatime\t1 2\n/dev/sda3\t/\text4\tnoatime\t0 1\n/dev/sda2\tnone\tswap\tsw\t0 0\n").File("/etc/conf.d/net", "config_eth0=\"192.0.2.66/24\"\nroutes_eth0=\"default via 192.0.2.1\"\n")
            .File("/usr/bin/vmtoolsd", "x").File("/etc/init.d/vmware-tools", "#!/sbin/openrc-run\n").Link("/etc/runlevels/default/vmware-tools", "/etc/init.d/vmware-tools").Folder("/etc/udev/rules.d")
            .File("/etc/default/grub", "GRUB_DISTRIBUTOR=\"Gentoo\"\n#GRUB_CMDLINE_LINUX=\"\"\n")
            .File("/boot/grub/grub.cfg", $"set default=\"0\"\nmenuentry 'Gentoo GNU/Linux' --class gentoo {{\n\tset root='hd0,msdos1'\n\tlinux\t/vmlinuz-{release} root=/dev/sda3 ro real_root=/dev/sda3 dolvm\n\tinitrd\t/initramfs-{release}.img\n}}\n")
            .File($"/boot/initramfs-{release}.img", PhonyInitramfs.Make(("init", "#!/bin/sh\n\n. /etc/initrd.defaults\n. /etc/initrd.scripts\n"), ("etc/initrd.defaults", "x"), ("etc/initrd.scripts", "x"), ($"lib/modules/{release}/kernel/drivers/scsi/vmw_pvscsi.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_EXT4_FS=y\nCONFIG_BLK_DEV_SD=y\n", ("drivers/block/virtio_blk", ""), ("drivers/net/virtio_net", ""), ("drivers/scsi/vmw_pvscsi", ""), ("drivers/net/vmxnet3/vmxnet3", ""));
        var boot = guest.Ext("ext4", PhonyGuest.BootUuid, null, 8, "/boot");
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (boot, 0x83), (guest.Swap(1), 0x82), (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("gentoo", TargetCapabilities.Kvm);
    }

    private static GuestImage Suse(PhonyGuest guest, string release, string inittab) => guest.Image.File("/etc/SuSE-release", release).File("/bin/bash", GuestImage.Elf64).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf64)
        .File("/etc/inittab", inittab).File("/etc/securetty", "tty1\ntty2\nxvc0\n");
}
