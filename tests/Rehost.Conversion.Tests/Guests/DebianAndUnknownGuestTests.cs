using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Conversion.Tests.Guests;

/// <summary>Debian and Ubuntu of several ages, Mageia, Amazon Linux, and a distribution that nobody knows.</summary>
public sealed class DebianAndUnknownGuestTests
{
    private const string DebianInittab = "id:2:initdefault:\nsi::sysinit:/etc/init.d/rcS\n~~:S:wait:/sbin/sulogin\nl2:2:wait:/etc/init.d/rc 2\nca:12345:ctrlaltdel:/sbin/shutdown -t1 -a -r now\n1:2345:respawn:/sbin/getty 38400 tty1\n2:23:respawn:/sbin/getty 38400 tty2\n#T0:23:respawn:/sbin/getty -L ttyS0 9600 vt100\n";

    private static readonly (string, string)[] Virtio = [("drivers/virtio/virtio", ""), ("drivers/virtio/virtio_ring", ""), ("drivers/virtio/virtio_pci", "virtio virtio_ring"), ("drivers/block/virtio_blk", "virtio virtio_ring"), ("drivers/net/virtio_net", "virtio virtio_ring")];

    /// <summary>Debian 3.1 on metal with a kernel of its own and no initrd, IDE disk, GRUB legacy, hotplug and no udev: to VMware with LSI Logic and vlance.</summary>
    [Fact]
    [Requirement("S2.6", "S2.7", "S2.32", "X.6")]
    public void Debian_3_1()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Unknown, VirtualizationMode.Hardware, "sarge", "00:04:76:31:31:31") };
        const string release = "2.6.8-3-custom";
        guest.Image.File("/etc/debian_version", "3.1\n").File("/bin/bash", GuestImage.Elf32).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf32).File("/etc/inittab", DebianInittab).File("/etc/securetty", "console\ntty1\ntty2\n")
            .File("/etc/fstab", "proc            /proc           proc    defaults        0       0\n/dev/hda1       /               ext3    defaults,errors=remount-ro 0       1\n/dev/hda2       none            swap    sw              0       0\n/dev/hdc        /media/cdrom0   iso9660 ro,user,noauto  0       0\n")
            .File("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nmapping hotplug\n        script grep\n        map eth0\n\nauto eth0\niface eth0 inet static\n        address 192.0.2.31\n        netmask 255.255.255.0\n")
            .File("/etc/modules", "ide-cd\nide-disk\n").File("/etc/smartd.conf", "/dev/hda -a\n").File("/etc/default/rcS", "UTC=no\n")
            .File("/boot/grub/menu.lst", $"default\t\t0\ntimeout\t\t5\n### BEGIN AUTOMAGIC KERNELS LIST\n# kopt=root=/dev/hda1 ro\n# groot=(hd0,0)\n## ## End Default Options ##\n\ntitle\t\tDebian GNU/Linux, kernel {release}\nroot\t\t(hd0,0)\nkernel\t\t/boot/vmlinuz-{release} root=/dev/hda1 ro\nsavedefault\nboot\n\n### END DEBIAN AUTOMAGIC KERNELS LIST\n").File("/boot/grub/device.map", "(hd0)\t/dev/hda\n");
        guest.Kernel(release, "CONFIG_X86=y\nCONFIG_FUSION=y\nCONFIG_FUSION_SPI=y\nCONFIG_BLK_DEV_SD=y\nCONFIG_SCSI=y\nCONFIG_EXT3_FS=y\n", ("drivers/net/pcnet32", ""), ("drivers/net/3c59x", ""));
        RedHatGuestTests.Disk(guest, "hda", 63, "GRUB ", (guest.Ext("ext3", PhonyGuest.RootUuid, null, 16), 0x83), (guest.Swap(1), 0x82));
        guest.Check("debian-3.1", TargetCapabilities.Vmware);
    }

    /// <summary>Debian 7 as a Xen PV guest from xen-create-image: two disks that Xen presents as partitions, insserv, a udev rule.</summary>
    [Fact]
    [Requirement("S1.22", "S1.25", "S1.37", "X.6")]
    public void Debian_7()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "wheezy", "00:16:3e:07:07:07") };
        const string release = "3.2.0-4-amd64";
        guest.Image.File("/etc/debian_version", "7.11\n").File("/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 7 (wheezy)\"\nID=debian\nVERSION_ID=\"7\"\n").File("/bin/bash", GuestImage.Elf64).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf64)
            .File("/etc/inittab", DebianInittab.Replace("1:2345:respawn:/sbin/getty 38400 tty1\n2:23:respawn:/sbin/getty 38400 tty2\n", "1:2345:respawn:/sbin/getty 38400 hvc0\n#2:23:respawn:/sbin/getty 38400 tty2\n", StringComparison.Ordinal)).File("/etc/securetty", "console\ntty1\nhvc0\n")
            .File("/etc/fstab", "proc            /proc           proc    defaults        0       0\ndevpts /dev/pts devpts rw,noexec,nosuid,gid=5,mode=620 0 0\n/dev/xvda1 none swap sw 0 0\n/dev/xvda2 / ext4 noatime,nodiratime,errors=remount-ro 0 1\n")
            .File("/etc/network/interfaces", "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet static\n address 192.0.2.70\n gateway 192.0.2.1\n netmask 255.255.255.0\n post-up ethtool -K eth0 tx off\n")
            .File("/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"vif\", ATTR{address}==\"00:16:3e:07:07:07\", ATTR{dev_id}==\"0x0\", ATTR{type}==\"1\", KERNEL==\"eth*\", NAME=\"eth0\"\n")
            .File("/etc/initramfs-tools/modules", "").File("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/xvda1\n").File("/etc/modules", "loop\n").File("/etc/sysctl.conf", "xen.independent_wallclock=1\n")
            .File("/boot/grub/menu.lst", $"default         0\ntimeout         2\n\ntitle           Debian GNU/Linux, kernel {release}\nroot            (hd0,0)\nkernel          /boot/vmlinuz-{release} root=/dev/xvda2 ro elevator=noop clocksource=xen\ninitrd          /boot/initrd.img-{release}\n")
            .File($"/boot/initrd.img-{release}", PhonyInitramfs.Make(("init", "#!/bin/sh\n"), ("scripts/functions", "x"), ("conf/initramfs.conf", "x"), ($"lib/modules/{release}/kernel/drivers/block/xen-blkfront.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_XEN=y\nCONFIG_EXT4_FS=m\n", [.. Virtio, ("fs/ext4/ext4", ""), ("drivers/block/xen-blkfront", ""), ("drivers/net/xen-netfront", "")]);
        File.WriteAllBytes(guest.Image.Scratch("swap-disk"), guest.Swap(1));
        File.WriteAllBytes(guest.Image.Scratch("root-disk"), guest.Ext("ext4", PhonyGuest.RootUuid, null, 16));
        guest.Disk("xvda2", guest.Image.Scratch("root-disk")).Disk("xvda1", guest.Image.Scratch("swap-disk"));
        guest.Check("debian-7", TargetCapabilities.Kvm);
    }

    /// <summary>Ubuntu 8.04 as a Xen PV guest: upstart's first form, a pvops kernel, GRUB legacy; and its glibc with nosegneg.</summary>
    [Fact]
    [Requirement("S1.23", "S1.37", "X.6")]
    public void Ubuntu_8_04()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Paravirtual, "hardy", "00:16:3e:08:04:08") };
        const string release = "2.6.24-32-virtual";
        guest.Image.File("/etc/debian_version", "lenny/sid\n").File("/etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=8.04\nDISTRIB_CODENAME=hardy\nDISTRIB_DESCRIPTION=\"Ubuntu 8.04.4 LTS\"\n").File("/bin/bash", GuestImage.Elf32).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf32).File("/sbin/initctl", GuestImage.Elf32)
            .File("/etc/event.d/tty1", "start on stopped rc2\nstop on runlevel 0\nrespawn\nexec /sbin/getty 38400 tty1\n").File("/etc/event.d/xvc0", "start on stopped rc2\nstop on runlevel 0\nrespawn\nexec /sbin/getty 38400 xvc0\n").File("/etc/event.d/hvc0", "start on stopped rc2\nstop on runlevel 0\nrespawn\nexec /sbin/getty 38400 hvc0\n").File("/etc/securetty", "console\ntty1\nxvc0\nhvc0\n")
            .File("/etc/fstab", "proc /proc proc defaults 0 0\n/dev/sda1 / ext3 relatime,errors=remount-ro 0 1\n/dev/sda2 none swap sw 0 0\n").File("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n")
            .File("/etc/udev/rules.d/70-persistent-net.rules", "# Xen vif0\nSUBSYSTEM==\"net\", DRIVERS==\"?*\", ATTRS{address}==\"00:16:3e:08:04:08\", NAME=\"eth0\"\n").File("/etc/initramfs-tools/modules", "xenblk\n").File("/etc/initramfs-tools/conf.d/resume", "RESUME=/dev/sda2\n")
            .File("/boot/grub/menu.lst", $"default\t\t0\ntimeout\t\t3\n### BEGIN AUTOMAGIC KERNELS LIST\n# kopt=root=/dev/sda1 ro\n# groot=(hd0,0)\n# defoptions=quiet splash\n## ## End Default Options ##\n\ntitle\t\tUbuntu 8.04.4 LTS, kernel {release}\nroot\t\t(hd0,0)\nkernel\t\t/boot/vmlinuz-{release} root=/dev/sda1 ro quiet splash\ninitrd\t\t/boot/initrd.img-{release}\nquiet\n\n### END DEBIAN AUTOMAGIC KERNELS LIST\n")
            .File($"/boot/initrd.img-{release}", PhonyInitramfs.Make(("init", "#!/bin/sh\n"), ("scripts/functions", "x"), ("conf/initramfs.conf", "x"), ($"lib/modules/{release}/kernel/drivers/block/xen-blkfront.ko", "")));
        guest.Kernel(release, "CONFIG_X86=y\nCONFIG_XEN=y\nCONFIG_X86_PAE=y\nCONFIG_EXT3_FS=y\n", [.. Virtio, ("drivers/block/xen-blkfront", ""), ("drivers/net/xen-netfront", "")]);
        RedHatGuestTests.Disk(guest, "sda", 63, "", (guest.Ext("ext3", PhonyGuest.RootUuid, null, 16), 0x83), (guest.Swap(1), 0x82));
        guest.Check("ubuntu-8.04", TargetCapabilities.Kvm);
    }

    /// <summary>Ubuntu 16.04 on VMware: two adapters by slot, a bond's VLAN, open-vm-tools, grub-pc told of its disk by serial number.</summary>
    [Fact]
    [Requirement("S1.26", "S1.29", "S1.37")]
    public void Ubuntu_16_04() // X.3
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Vmware, VirtualizationMode.Hardware, "xenial", "00:50:56:16:04:01", "00:50:56:16:04:02") };
        const string release = "4.4.0-210-generic";
        guest.Image.File("/etc/os-release", "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"16.04\"\nPRETTY_NAME=\"Ubuntu 16.04.7 LTS\"\n").File("/bin/bash", GuestImage.Elf64).Link("/bin/sh", "bash").File("/lib/systemd/systemd", GuestImage.Elf64).Link("/sbin/init", "/lib/systemd/systemd").File("/lib/systemd/system/serial-getty@.service", "[Unit]\n").File("/lib/systemd/network/99-default.link", "[Match]\n")
            .File("/etc/fstab", $"UUID={PhonyGuest.RootUuid} /               ext4    errors=remount-ro 0       1\nUUID={PhonyGuest.SwapUuid} none            swap    sw              0       0\n.host:/ /mnt/hgfs fuse.vmhgfs-fuse allow_other 0 0\n")
            .File("/etc/network/interfaces", "source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n\nauto ens160\niface ens160 inet static\n\taddress 192.0.2.16\n\tnetmask 255.255.255.0\n\nauto ens192\niface ens192 inet manual\n\nauto ens192.20\niface ens192.20 inet static\n\taddress 198.51.100.16/24\n\tvlan-raw-device ens192\n")
            .File("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_HIDDEN_TIMEOUT=0\nGRUB_TIMEOUT=10\nGRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\nGRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX=\"\"\n")
            .File("/var/cache/debconf/config.dat", "Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/scsi-36000c2916\nOwners: grub-pc\nFlags: seen\n\n")
            .File("/usr/bin/vmtoolsd", "x").File("/lib/systemd/system/open-vm-tools.service", "[Unit]\nConditionVirtualization=vmware\n").File("/etc/initramfs-tools/modules", "").File("/etc/modules", "vmw_balloon\n")
            .File("/boot/grub/grub.cfg", $"set default=\"0\"\nmenuentry 'Ubuntu' --class ubuntu {{\n\tset root='hd0,msdos1'\n\tlinux\t/boot/vmlinuz-{release} root=UUID={PhonyGuest.RootUuid} ro\n\tinitrd\t/boot/initrd.img-{release}\n}}\n").File("/boot/grub/device.map", "(hd0)\t/dev/disk/by-id/scsi-36000c2916\n")
            .File($"/boot/initrd.img-{release}", PhonyInitramfs.Make(("init", "#!/bin/sh\n"), ("scripts/functions", "x"), ("conf/initramfs.conf", "x"), ($"lib/modules/{release}/kernel/drivers/net/virtio_net.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_XEN=y\nCONFIG_EXT4_FS=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_BLK_DEV_SD=y\n", ("drivers/net/virtio_net", ""), ("drivers/scsi/vmw_pvscsi", ""), ("drivers/net/vmxnet3/vmxnet3", ""));
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83), (guest.Swap(1), 0x82));
        guest.Check("ubuntu-16.04", TargetCapabilities.Kvm);
    }

    /// <summary>Ubuntu 22.04 on KVM with cloud-init's netplan, which finds its adapter by address, copied to VMware beside its source.</summary>
    [Fact]
    [Requirement("S0.36", "S3.7", "S3.16")]
    public void Ubuntu_22_04_as_a_clone()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Kvm, VirtualizationMode.Hardware, "jammy", "52:54:00:22:04:01"), Options = new ConversionOptions { IsClone = true, Name = "jammy-2" } };
        const string release = "5.15.0-105-generic";
        RedHatGuestTests.Systemd(guest, "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"22.04\"\nPRETTY_NAME=\"Ubuntu 22.04.4 LTS\"\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n").File("/etc/machine-id", "0123456789abcdef0123456789abcdef\n").Link("/var/lib/dbus/machine-id", "/etc/machine-id")
            .File("/etc/ssh/ssh_host_ed25519_key", "PRIVATE\n").File("/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA root@jammy\n").File("/etc/hostname", "jammy\n")
            .File("/etc/fstab", "LABEL=cloudimg-rootfs\t/\t ext4\tdiscard,errors=remount-ro\t0 1\n")
            .File("/etc/netplan/50-cloud-init.yaml", "# This file is generated from information provided by the datasource.\nnetwork:\n    ethernets:\n        ens3:\n            dhcp4: true\n            match:\n                macaddress: 52:54:00:22:04:01\n            set-name: ens3\n    version: 2\n")
            .File("/etc/default/grub", "GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\nGRUB_CMDLINE_LINUX=\"\"\n").File("/etc/default/grub.d/50-cloudimg-settings.cfg", "GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty1 console=ttyS0\"\nGRUB_TERMINAL=console\n").File("/etc/initramfs-tools/modules", "")
            .File("/boot/grub/grub.cfg", $"set default=\"0\"\nmenuentry 'Ubuntu' --class ubuntu {{\n\tset root='hd0,msdos1'\n\tlinux\t/boot/vmlinuz-{release} root=LABEL=cloudimg-rootfs ro  console=tty1 console=ttyS0\n\tinitrd\t/boot/initrd.img-{release}\n}}\n")
            .File($"/boot/initrd.img-{release}", PhonyInitramfs.Make(("init", "#!/bin/sh\n"), ("scripts/functions", "x"), ("conf/initramfs.conf", "x"), ($"usr/lib/modules/{release}/kernel/drivers/scsi/vmw_pvscsi.ko", "")));
        guest.Kernel(release, ".ko.zst", "CONFIG_X86_64=y\nCONFIG_XEN_PV=y\nCONFIG_EXT4_FS=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_BLK_DEV_SD=y\n", ("drivers/net/virtio_net", ""), ("drivers/scsi/vmw_pvscsi", ""), ("drivers/net/vmxnet3/vmxnet3", ""));
        RedHatGuestTests.Disk(guest, "vda", 2048, "GRUB ", (guest.Ext("ext4", PhonyGuest.RootUuid, "cloudimg-rootfs", 16), 0x83));
        guest.Check("ubuntu-22.04-clone", TargetCapabilities.Vmware);
    }

    /// <summary>Amazon Linux 2 exported as a machine of Xen: hvc0, LABEL=/, cloud-init, ec2-net-utils; to KVM.</summary>
    [Fact]
    [Requirement("S1.25", "S3.7")]
    public void Amazon_linux_2()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Xen, VirtualizationMode.Hardware, "amzn2", "0e:aa:bb:cc:dd:02") };
        const string release = "4.14.336-253.554.amzn2.x86_64";
        RedHatGuestTests.Systemd(guest, "NAME=\"Amazon Linux\"\nVERSION=\"2\"\nID=\"amzn\"\nID_LIKE=\"centos rhel fedora\"\nVERSION_ID=\"2\"\nPRETTY_NAME=\"Amazon Linux 2\"\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n").File("/etc/system-release", "Amazon Linux release 2 (Karoo)\n")
            .File("/etc/fstab", $"#\nUUID={PhonyGuest.RootUuid}     /           ext4    defaults,noatime  1   1\n").Folder("/etc/dracut.conf.d")
            .File("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nBOOTPROTO=dhcp\nONBOOT=yes\nTYPE=Ethernet\nUSERCTL=yes\nPEERDNS=yes\nDHCPV6C=yes\n").File("/etc/udev/rules.d/53-ec2-network-interfaces.rules", "ACTION==\"add\", SUBSYSTEM==\"net\", KERNEL==\"eth*\", RUN+=\"/etc/sysconfig/network-scripts/ec2net.hotplug\"\n")
            .File("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"console=tty0 console=ttyS0,115200n8 net.ifnames=0 biosdevname=0 nvme_core.io_timeout=4294967295 rd.emergency=poweroff rd.shell=0\"\nGRUB_TIMEOUT=0\nGRUB_DISABLE_RECOVERY=\"true\"\nGRUB_TERMINAL=\"ec2-console\"\nGRUB_X86_USE_32BIT=\"true\"\n")
            .File("/boot/grub2/grub.cfg", $"set default=\"0\"\nterminal_input serial console\nmenuentry 'Amazon Linux 2' --class amzn {{\n\tset root='hd0,msdos1'\n\tlinux /boot/vmlinuz-{release} root=UUID={PhonyGuest.RootUuid} ro  console=tty0 console=ttyS0,115200n8 net.ifnames=0 biosdevname=0 nvme_core.io_timeout=4294967295 rd.emergency=poweroff rd.shell=0\n\tinitrd /boot/initramfs-{release}.img\n}}\n")
            .File($"/boot/initramfs-{release}.img", PhonyInitramfs.Make(("usr/lib/dracut/hooks/pre-udev/30-x.sh", "x"), ("usr/lib/dracut-lib.sh", "x"), ($"usr/lib/modules/{release}/kernel/drivers/block/xen-blkfront.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_XEN=y\nCONFIG_EXT4_FS=y\nCONFIG_BLK_DEV_SD=y\n", [.. Virtio, ("drivers/block/xen-blkfront", ""), ("drivers/net/xen-netfront", "")]);
        RedHatGuestTests.Disk(guest, "xvda", 2048, "GRUB ", (guest.Ext("ext4", PhonyGuest.RootUuid, "/", 16), 0x83));
        guest.Check("amazon-linux-2", TargetCapabilities.Kvm);
    }

    /// <summary>Mageia 8 in VirtualBox: guest additions, ifcfg, GRUB 2, dracut, X with vboxvideo.</summary>
    [Fact]
    [Requirement("S2.29", "X.1")]
    public void Mageia()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.VirtualBox, VirtualizationMode.Hardware, "mageia", "08:00:27:08:08:08") };
        const string release = "5.10.62-desktop-1.mga8";
        RedHatGuestTests.Systemd(guest, "NAME=\"Mageia\"\nVERSION_ID=\"8\"\nID=mageia\nID_LIKE=\"mandriva fedora mandrake\"\nPRETTY_NAME=\"Mageia 8\"\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n").File("/etc/mageia-release", "Mageia release 8 (Official) for x86_64\n")
            .File("/etc/fstab", "# Entry for /dev/sda1 :\n/dev/disk/by-id/ata-VBOX_HARDDISK_VB123-part1 / ext4 relatime,acl 1 1\n/dev/disk/by-path/pci-0000:00:0d.0-ata-1-part2 swap swap defaults 0 0\nshared /media/sf_shared vboxsf rw 0 0\n").Folder("/etc/dracut.conf.d")
            .File("/etc/sysconfig/network-scripts/ifcfg-enp0s3", "DEVICE=enp0s3\nBOOTPROTO=dhcp\nONBOOT=yes\nMETRIC=5\nMII_NOT_SUPPORTED=no\n").File("/etc/X11/xorg.conf", "Section \"Device\"\n    Identifier \"device1\"\n    Driver \"vboxvideo\"\nEndSection\n")
            .File("/usr/sbin/VBoxService", "x").File("/usr/lib/systemd/system/vboxadd.service", "[Unit]\n").File("/usr/lib/systemd/system/vboxadd-service.service", "[Unit]\n").File("/etc/modules-load.d/vboxadd.conf", "vboxguest\nvboxsf\nvboxvideo\n")
            .File("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"splash quiet noiswmd resume=/dev/sda2 audit=0\"\nGRUB_DEFAULT=saved\nGRUB_TERMINAL_OUTPUT=gfxterm\nGRUB_TIMEOUT=10\n")
            .File("/boot/grub2/grub.cfg", $"set default=\"${{saved_entry}}\"\nterminal_output gfxterm\nmenuentry 'Mageia' --class mageia {{\n\tset root='hd0,msdos1'\n\tlinux /boot/vmlinuz-{release} root=/dev/sda1 ro  splash quiet noiswmd resume=/dev/sda2 audit=0\n\tinitrd /boot/initrd-{release}.img\n}}\n")
            .File($"/boot/initrd-{release}.img", PhonyInitramfs.Make(("usr/lib/dracut/hooks/pre-udev/30-x.sh", "x"), ("usr/lib/dracut-lib.sh", "x"), ($"usr/lib/modules/{release}/kernel/drivers/ata/ahci.ko", "")));
        guest.Kernel(release, ".ko.xz", "CONFIG_X86_64=y\nCONFIG_XEN_PV=y\nCONFIG_EXT4_FS=y\nCONFIG_BLK_DEV_SD=y\n", [.. Virtio, ("drivers/ata/ahci", "")]);
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83), (guest.Swap(1), 0x82));
        guest.Check("mageia-8", TargetCapabilities.Kvm);
    }

    /// <summary>A distribution that nobody knows, on Hyper-V: handled by what it has.</summary>
    [Fact]
    [Requirement("S1.22", "X.3", "X.6")]
    public void A_distribution_that_nobody_knows()
    {
        using var guest = new PhonyGuest { Machine = RedHatGuestTests.Machine(Hypervisor.Unknown, VirtualizationMode.Hardware, "nemo", "00:15:5d:01:02:03") };
        const string release = "6.6.1-nautilus";
        RedHatGuestTests.Systemd(guest, "NAME=\"Nautilus\"\nID=nautilus\nVERSION_ID=20000\nPRETTY_NAME=\"Nautilus 20000\"\n").File("/usr/lib/systemd/network/99-default.link", "[Match]\n")
            .File("/etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n").File("/etc/systemd/network/10-eth0.network", "[Match]\nName=eth0\n\n[Network]\nAddress=192.0.2.200/24\nGateway=192.0.2.1\n").File("/usr/sbin/hv_kvp_daemon", "x").File("/usr/lib/systemd/system/hv-kvp-daemon.service", "[Unit]\n").File("/etc/modules-load.d/hyperv.conf", "hv_utils\n")
            .File("/boot/grub/grub.cfg", $"set default=0\nmenuentry 'Nautilus' {{\n\tset root='hd0,msdos1'\n\tlinux /boot/vmlinuz-{release} root=/dev/sda1 ro\n\tinitrd /boot/initrd-{release}.img\n}}\n")
            .File($"/boot/initrd-{release}.img", PhonyInitramfs.Make(("init", "#!/bin/sh\nmount -t proc proc /proc\nmodprobe hv_storvsc\nfor word in $(cat /proc/cmdline); do case $word in root=*) root=${word#root=};; esac; done\nmount $(findfs $root) /root\nexec switch_root /root /sbin/init\n"), ("bin/busybox", "x"), ($"lib/modules/{release}/kernel/drivers/scsi/hv_storvsc.ko", "")));
        guest.Kernel(release, "CONFIG_X86_64=y\nCONFIG_EXT4_FS=y\nCONFIG_BLK_DEV_SD=y\n", [.. Virtio, ("drivers/scsi/hv_storvsc", ""), ("drivers/net/hyperv/hv_netvsc", "")]);
        RedHatGuestTests.Disk(guest, "sda", 2048, "GRUB ", (guest.Ext("ext4", PhonyGuest.RootUuid, null, 16), 0x83));
        guest.Check("unknown", TargetCapabilities.Kvm);
    }
}
