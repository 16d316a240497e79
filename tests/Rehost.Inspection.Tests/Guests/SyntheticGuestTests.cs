using System.Security.Cryptography;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Inspection.Tests.Guests;

/// <summary>Whole guests of different families on real ext file systems.</summary>
public sealed class SyntheticGuestTests
{
    private const string DebianDep = """
        kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko
        kernel/drivers/virtio/virtio_ring.ko:
        kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_modern_dev.ko kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
        kernel/drivers/virtio/virtio_pci_modern_dev.ko:
        kernel/drivers/block/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko
        kernel/drivers/block/xen-blkfront.ko.xz:
        """;

    [Fact]
    public void Debian_with_whole_disk_root_and_swap_disk()
    {
        using var guest = Debian();
        guest.File("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvda2 none swap sw 0 0\n/dev/xvdz1 /data ext4 defaults 0 2\n");
        var swap = guest.Scratch("swap");
        File.WriteAllBytes(swap, new byte[1 << 20]);
        Tool.MustRun("mkswap", "-q", "-U", "11111111-2222-3333-4444-555555555555", "-L", "sw", swap);
        using var inspected = guest.Inspect(("xvda1", guest.MakeFileSystem("root", 32, null, "-t", "ext4", "-L", "rootfs")), ("xvda2", swap));
        var facts = inspected.Facts;

        Assert.Equal(("debian", "12", InitSystem.Systemd, "x86_64"), (facts.OperatingSystem.Id, facts.OperatingSystem.Version, facts.OperatingSystem.Init, facts.OperatingSystem.Architecture));
        Assert.Equal(["xvda1", "xvda2"], facts.Volumes.Select(volume => volume.DeviceName));
        Assert.Equal((VolumeContent.FileSystem, "ext4", "rootfs", "/"), (facts.Volumes[0].Content, facts.Volumes[0].Type, facts.Volumes[0].Label, facts.Volumes[0].MountPath));
        Assert.Equal((VolumeContent.Swap, "swap", "sw", "11111111-2222-3333-4444-555555555555"), (facts.Volumes[1].Content, facts.Volumes[1].Type, facts.Volumes[1].Label, facts.Volumes[1].Uuid));
        Assert.Equal(["xvda1", "xvda2", null], facts.MountPoints.Select(mount => mount.VolumeName));
        Assert.Contains(facts.Findings, finding => finding.Id == "INS009" && finding.Where == "/etc/fstab, line 3");

        Assert.Equal(["6.1.0-50-amd64", "6.1.0-49-amd64"], facts.Kernels.Select(kernel => kernel.Version));
        var kernel = facts.Kernels[0];
        Assert.True(kernel.IsDefault);
        Assert.Equal("/boot/vmlinuz-6.1.0-50-amd64", kernel.ImagePath);
        Assert.Equal("/lib/modules/6.1.0-50-amd64", kernel.ModulesPath);
        Assert.Equal((InitramfsGenerator.InitramfsTools, "gzip", (string?)null), (kernel.Initramfs?.Generator, kernel.Initramfs?.Compression, kernel.Initramfs?.UnreadableReason));
        Assert.Equal(["ext4", "xen_blkfront"], kernel.Initramfs?.Modules);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(DebianInitramfs.Value)), kernel.Initramfs?.Sha256);
        Assert.Equal(
            ["virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci"],
            kernel.Driver("virtio_pci").LoadOrder.Select(path => Path.GetFileNameWithoutExtension(path)));
        Assert.Equal((DriverForm.Module, true), (kernel.Driver("xen_blkfront").Form, kernel.Driver("xen_blkfront").InInitramfs));
        Assert.Equal((DriverForm.Module, false), (kernel.Driver("virtio_blk").Form, kernel.Driver("virtio_blk").InInitramfs));
        Assert.Equal(DriverForm.BuiltIn, kernel.Driver("sd_mod").Form);
        Assert.Equal(DriverForm.Missing, kernel.Driver("ahci").Form);

        var boot = Assert.Single(facts.BootConfigurations);
        Assert.Equal((BootConfigurationKind.GrubLegacy, "/boot/grub/menu.lst", 0), (boot.Kind, boot.Path, boot.DefaultIndex));
        Assert.Equal(["6.1.0-50-amd64", "6.1.0-49-amd64", null], boot.Entries.Select(entry => entry.KernelVersion));
        Assert.Contains(facts.Findings, finding => finding.Id == "INS016");
        Assert.Equal(["hvc0"], facts.LoginTerminals);
        Assert.True(facts.Files.ContainsKey("/etc/fstab"));
        Assert.False(facts.Files.ContainsKey("/etc/inittab"));

        // Equal guests give equal bytes of facts, and facts survive being saved.
        var json = ModelJson.Serialize(facts);
        Assert.Equal(json, ModelJson.Serialize(ModelJson.Deserialize<GuestFacts>(json)));
    }

    [Fact]
    public void Centos_5_with_separate_boot_in_a_partition_and_a_xen_kernel()
    {
        using var guest = new GuestImage();
        guest.File("/etc/redhat-release", "CentOS release 5.9 (Final)\n").File("/etc/fstab", "LABEL=root / ext3 defaults 1 1\nLABEL=/boot /boot ext3 defaults 1 2\n")
            .File("/bin/bash", GuestImage.Elf32).Link("/bin/sh", "bash").File("/sbin/init", GuestImage.Elf32)
            .File("/etc/inittab", "id:3:initdefault:\nco:2345:respawn:/sbin/agetty xvc0 9600 vt100-nav\n1:2345:respawn:/sbin/mingetty tty1\n")
            .File("/etc/selinux/config", "SELINUX=permissive\nSELINUXTYPE=targeted\n")
            .File("/lib/modules/2.6.18-348.el5/modules.dep", "/lib/modules/2.6.18-348.el5/kernel/drivers/block/virtio_blk.ko: /lib/modules/2.6.18-348.el5/kernel/drivers/virtio/virtio.ko\n/lib/modules/2.6.18-348.el5/kernel/drivers/virtio/virtio.ko:\n")
            .File("/lib/modules/2.6.18-348.el5xen/modules.dep", "/lib/modules/2.6.18-348.el5xen/kernel/drivers/xen/blkfront/xenblk.ko:\n")
            .File("/boot/vmlinuz-2.6.18-348.el5", GuestImage.Kernel("2.6.18-348.el5")).File("/boot/vmlinuz-2.6.18-348.el5xen", [0x1f, 0x8b, 8, 0, 0])
            .File("/boot/config-2.6.18-348.el5xen", "CONFIG_X86_XEN=y\nCONFIG_XEN=y\n").File("/boot/config-2.6.18-348.el5", "CONFIG_VIRTIO=m\nCONFIG_EXT3_FS=m\nCONFIG_BLK_DEV_SD=y\n")
            .File("/boot/initrd-2.6.18-348.el5xen.img", GuestImage.Initramfs(("init", "#!/bin/nash\ninsmod /lib/xenblk.ko\n"), ("bin/nash", "x"), ("lib/xenblk.ko", "x")))
            .File("/boot/initrd-2.6.18-348.el5.img", GuestImage.Initramfs(("init", "#!/bin/nash\n"), ("bin/nash", "x")))
            .File("/boot/grub/grub.conf", "default=0\ntitle xen\n root (hd0,0)\n kernel /vmlinuz-2.6.18-348.el5xen ro root=LABEL=root\n initrd /initrd-2.6.18-348.el5xen.img\ntitle plain\n root (hd0,0)\n kernel /vmlinuz-2.6.18-348.el5 ro root=LABEL=root\n initrd /initrd-2.6.18-348.el5.img\n")
            .Link("/boot/grub/menu.lst", "./grub.conf").Link("/etc/grub.conf", "../boot/grub/grub.conf");
        string[] old = ["-t", "ext3", "-I", "128", "-O", "^dir_index,^resize_inode"];
        var boot = guest.MakeFileSystem("boot", 16, "/boot", [.. old, "-L", "/boot"]);
        var root = guest.MakeFileSystem("rootfs", 32, null, [.. old, "-L", "root"]);
        var disk = guest.Scratch("disk");
        using (var image = File.Create(disk))
        {
            image.SetLength(49L << 20);
            foreach (var (part, offset) in ((string, long)[])[(boot, 63 * 512), (root, (63 * 512) + (16L << 20))])
            {
                image.Position = offset;
                image.Write(File.ReadAllBytes(part));
            }
        }

        Assert.Equal(0, Tool.RunWithInput("sfdisk", "label: dos\nstart=63,size=32768,type=83,bootable\nstart=32831,size=65536,type=83\n"u8.ToArray(), "-q", disk).ExitCode);
        using var inspected = guest.Inspect(("xvda", disk));
        var facts = inspected.Facts;

        Assert.Equal(("centos", "5.9", InitSystem.SysVinit, "i686"), (facts.OperatingSystem.Id, facts.OperatingSystem.Version, facts.OperatingSystem.Init, facts.OperatingSystem.Architecture));
        Assert.Equal((PartitionScheme.Mbr, 63L * 512), (facts.Disks[0].Scheme, facts.Disks[0].FirstPartitionOffset));
        Assert.Equal(["/boot", "/"], facts.Volumes.Select(volume => volume.MountPath));
        Assert.Equal(["2.6.18-348.el5xen", "2.6.18-348.el5"], facts.Kernels.Select(kernel => kernel.Version));
        Assert.Equal([true, false], facts.Kernels.Select(kernel => kernel.RequiresXen));
        Assert.Equal([true, false], facts.Kernels.Select(kernel => kernel.IsDefault));
        Assert.Equal("/boot/initrd-2.6.18-348.el5xen.img", facts.Kernels[0].Initramfs?.Path);
        Assert.Equal((InitramfsGenerator.Nash, "xenblk"), (facts.Kernels[0].Initramfs?.Generator, string.Join(",", facts.Kernels[0].Initramfs?.Modules ?? [])));
        Assert.Equal(["/lib/modules/2.6.18-348.el5/kernel/drivers/virtio/virtio.ko", "/lib/modules/2.6.18-348.el5/kernel/drivers/block/virtio_blk.ko"], facts.Kernels[1].Driver("virtio_blk").LoadOrder);
        Assert.Equal(DriverForm.BuiltIn, facts.Kernels[1].Driver("sd_mod").Form);
        Assert.Single(facts.BootConfigurations);
        Assert.Equal("/vmlinuz-2.6.18-348.el5xen", facts.BootConfigurations[0].Entries[0].KernelPath);
        Assert.Equal("permissive", facts.SelinuxMode);
        Assert.Equal(["tty1", "xvc0"], facts.LoginTerminals);
        Assert.Contains(facts.Findings, finding => finding.Id == "INS013");
        Assert.Equal(["/", "/boot"], inspected.Storage.Tree.Mounts.Select(mount => mount.Path));
    }

    [Theory]
    [InlineData("var/lib/dracut/hooks/pre-udev/x.sh", "var/lib/dracut/hooks")]
    [InlineData("usr/lib/dracut/hooks/pre-udev/x.sh", "usr/lib/dracut/hooks")]
    [InlineData("pre-udev/x.sh", "")]
    public void Centos_6_and_7_with_dracut(string hook, string hooksPath)
    {
        using var guest = new GuestImage();
        guest.File("/etc/os-release", "ID=\"centos\"\nVERSION_ID=\"7\"\nPRETTY_NAME=\"CentOS Linux 7 (Core)\"\n").File("/etc/fstab", "UUID=4be5b0c1-7e1d-4c52-9f3a-6d0c8a5f1121 / ext4 defaults 1 1\n")
            .File("/usr/bin/bash", GuestImage.Elf64).Link("/usr/bin/sh", "bash").Link("/bin", "usr/bin").Link("/sbin", "usr/sbin").Link("/lib", "usr/lib").File("/usr/lib/systemd/systemd", GuestImage.Elf64)
            .Link("/usr/sbin/init", "../lib/systemd/systemd").File("/usr/lib/systemd/libsystemd-shared-219.so", "x")
            .File("/boot/vmlinuz-3.10.0-1160.el7.x86_64", GuestImage.Kernel("3.10.0-1160.el7.x86_64")).File("/boot/vmlinuz-3.10.0-957.el7.x86_64", GuestImage.Kernel("3.10.0-957.el7.x86_64"))
            .File("/boot/vmlinuz-0-rescue-0123", GuestImage.Kernel("3.10.0-1160.el7.x86_64")).File("/boot/.vmlinuz-3.10.0-1160.el7.x86_64.hmac", "x")
            .File("/boot/initramfs-3.10.0-1160.el7.x86_64.img", GuestImage.Initramfs((hook, "x"), ("lib/dracut-lib.sh", "x"), ("usr/lib/modules/3.10.0/kernel/xen-blkfront.ko.xz", "x")))
            .File("/boot/initramfs-0-rescue-0123.img", GuestImage.Initramfs(("init", "x")))
            .File("/boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=CentOS Linux (3.10.0-957.el7.x86_64) 7 (Core)\n####")
            .File("/boot/grub2/grub.cfg", """
                if [ "${next_entry}" ] ; then
                   set default="${next_entry}"
                else
                   set default="${saved_entry}"
                fi
                menuentry 'CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)' --class centos $menuentry_id_option 'gnulinux-a' {
                	linux16 /boot/vmlinuz-3.10.0-1160.el7.x86_64 root=UUID=4be5b0c1-7e1d-4c52-9f3a-6d0c8a5f1121 ro crashkernel=auto
                	initrd16 /boot/initramfs-3.10.0-1160.el7.x86_64.img
                }
                menuentry 'CentOS Linux (3.10.0-957.el7.x86_64) 7 (Core)' {
                	linux16 /boot/vmlinuz-3.10.0-957.el7.x86_64 root=UUID=4be5b0c1-7e1d-4c52-9f3a-6d0c8a5f1121 ro
                }
                """);
        using var inspected = guest.Inspect(("xvda", guest.MakeFileSystem("root", 32, null, "-t", "ext4", "-U", "4be5b0c1-7e1d-4c52-9f3a-6d0c8a5f1121")));
        var facts = inspected.Facts;

        Assert.Equal(DistributionFamily.RedHat, facts.OperatingSystem.Family);
        Assert.True(facts.OperatingSystem.HasLinkFiles);
        Assert.Equal("xvda", facts.MountPoints[0].VolumeName);
        Assert.Equal(1, facts.BootConfigurations[0].DefaultIndex);
        Assert.Equal(
            ["/boot/vmlinuz-3.10.0-957.el7.x86_64", "/boot/vmlinuz-3.10.0-1160.el7.x86_64", "/boot/vmlinuz-0-rescue-0123"], facts.Kernels.Select(kernel => kernel.ImagePath));
        Assert.Null(facts.Kernels[0].Initramfs);
        Assert.Equal((InitramfsGenerator.Dracut, hooksPath), (facts.Kernels[1].Initramfs?.Generator, facts.Kernels[1].Initramfs?.HooksPath));
        Assert.Equal(["xen_blkfront"], facts.Kernels[1].Initramfs?.Modules);
        Assert.Equal("/boot/initramfs-0-rescue-0123.img", facts.Kernels[2].Initramfs?.Path);
    }

    [Fact]
    public void Arch_with_kernel_names_without_version()
    {
        using var guest = new GuestImage();
        guest.File("/etc/os-release", "ID=arch\nPRETTY_NAME=\"Arch Linux\"\n").File("/etc/fstab", "/dev/xvda1 / ext4 rw 0 1\n").File("/usr/bin/bash", GuestImage.Elf64).Link("/bin", "usr/bin").Link("/usr/bin/sh", "bash")
            .File("/boot/vmlinuz-linux", GuestImage.Kernel("6.9.7-arch1-1")).Folder("/usr/lib/modules/6.9.7-arch1-1").Link("/lib", "usr/lib")
            .File("/boot/initramfs-linux.img", GuestImage.Initramfs(("init_functions", "x"), ("config", "x"), ("hooks/udev", "x"), ("init", "x")))
            .File("/boot/initramfs-linux-fallback.img", "x")
            .File("/boot/grub/grub.cfg", "menuentry 'Arch Linux' {\n linux /boot/vmlinuz-linux root=/dev/xvda1 rw\n initrd /boot/initramfs-linux.img\n}\n");
        using var inspected = guest.Inspect(("xvda", guest.MakeFileSystem("root", 32, null, "-t", "ext4")));
        var kernel = Assert.Single(inspected.Facts.Kernels);

        Assert.Equal(("6.9.7-arch1-1", "/lib/modules/6.9.7-arch1-1", InitramfsGenerator.Mkinitcpio), (kernel.Version, kernel.ModulesPath, kernel.Initramfs?.Generator));
        Assert.Equal("6.9.7-arch1-1", inspected.Facts.BootConfigurations[0].Entries[0].KernelVersion);
        Assert.Contains(inspected.Facts.Findings, finding => finding.Id == "INS014");
    }

    [Fact]
    public void Unknown_guest_without_kernel()
    {
        using var guest = new GuestImage();
        guest.File("/etc/os-release", "ID=strange\n").File("/bin/sh", GuestImage.Elf64).File("/etc/fstab", "# nothing\n").Link("/etc/loop", "loop").Link("/boot", "boot");
        using var inspected = guest.Inspect(("xvda1", guest.MakeFileSystem("root", 8, null, "-t", "ext2")));

        Assert.Equal("strange", inspected.Facts.OperatingSystem.Id);
        Assert.Empty(inspected.Facts.Kernels);
        Assert.Superset(new HashSet<string>(["INS004", "INS005", "INS007"]), inspected.Facts.Findings.Select(finding => finding.Id).ToHashSet());
    }

    [Fact]
    public void Two_roots_are_told_apart_by_what_fstab_and_the_toolstack_say()
    {
        using var one = Debian();
        one.File("/etc/fstab", "LABEL=b / ext4 defaults 0 1\n");
        using var two = Debian();
        two.File("/etc/fstab", "LABEL=b / ext4 defaults 0 1\n");
        var (first, second) = (one.MakeFileSystem("root", 32, null, "-L", "a"), two.MakeFileSystem("root", 32, null, "-L", "b"));

        using (var inspected = one.Inspect(("xvda", first), ("xvdb", second)))
        {
            Assert.Equal("xvdb", inspected.Storage.Root.Name);
        }

        using (var named = one.Inspect("root=/dev/xvda ro", ("xvda", first), ("xvdb", second)))
        {
            Assert.Equal("xvda", named.Storage.Root.Name);
        }

        using var copies = one.Inspect(("xvda", second), ("xvdb", second));
        Assert.Equal("xvda", copies.Storage.Root.Name);
    }

    [Theory]
    [InlineData("XFSB", 0, "XFS001", "magic number")]
    [InlineData("JFS1", 32768, "INS002", "jfs")]
    [InlineData("LABELONE", 512, "VOL005", "checksum")]
    [InlineData("", 0, "INS001", "nothing known")]
    public void A_root_that_cannot_be_read_is_named(string magic, int offset, string id, string what)
    {
        using var guest = new GuestImage();
        var content = new byte[1 << 20];
        System.Text.Encoding.ASCII.GetBytes(magic).CopyTo(content, offset);
        if (offset == 512)
        {
            "LVM2 001"u8.CopyTo(content.AsSpan(offset + 24));
        }

        File.WriteAllBytes(guest.Scratch("disk"), content);
        var e = Assert.Throws<DiagnosticException>(() => guest.Inspect(("xvda", guest.Scratch("disk"))));

        Assert.Equal(id, e.Diagnostic.Id);
        Assert.Contains(what, e.Diagnostic.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_root_is_one_clear_message()
    {
        using var guest = Debian();
        guest.File("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");
        var path = guest.MakeFileSystem("root", 32, null, "-t", "ext4", "-b", "4096", "-O", "metadata_csum");
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
        {
            // Group descriptors of a file system with metadata_csum: overwritten, they no longer fit their checksums.
            RandomAccess.Write(file, Enumerable.Repeat((byte)0x5a, 4096).ToArray(), 4096);
        }

        var e = Assert.Throws<DiagnosticException>(() => guest.Inspect(("xvda1", path)));
        Assert.StartsWith("EXT", e.Diagnostic.Id, StringComparison.Ordinal);
        Assert.StartsWith("xvda1", e.Diagnostic.Where, StringComparison.Ordinal);
    }

    [Fact]
    public void A_journal_that_must_be_replayed_is_told()
    {
        using var guest = Debian();
        guest.File("/etc/fstab", "/dev/xvda1 / ext4 defaults 0 1\n");
        var path = guest.MakeFileSystem("root", 32, null, "-t", "ext4");
        Tool.MustRun("debugfs", "-w", "-R", "feature needs_recovery", path);
        var before = SHA256.HashData(File.ReadAllBytes(path));
        using var inspected = guest.Inspect(("xvda1", path));

        Assert.False(inspected.Facts.Volumes[0].IsClean);
        Assert.Contains(inspected.Facts.Findings, finding => finding.Id == "INS006" && finding.Where == "xvda1");
        Assert.Equal(before, SHA256.HashData(File.ReadAllBytes(path)));
    }

    private static readonly Lazy<byte[]> DebianInitramfs = new(() => GuestImage.Initramfs(
        ("conf/initramfs.conf", "MODULES=dep\n"), ("scripts/functions", "x"), ("init", "#!/bin/sh\n"), ("lib/modules/6.1.0-50-amd64/kernel/fs/ext4/ext4.ko", "x"),
        ("lib/modules/6.1.0-50-amd64/kernel/drivers/block/xen-blkfront.ko", "x")));

    private static GuestImage Debian() => new GuestImage()
        .File("/usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").Link("/etc/os-release", "../usr/lib/os-release")
        .File("/usr/bin/dash", GuestImage.Elf64).Link("/usr/bin/sh", "dash").Link("/bin", "usr/bin").Link("/sbin", "usr/sbin").Link("/lib", "usr/lib")
        .File("/usr/lib/systemd/systemd", GuestImage.Elf64).Link("/usr/sbin/init", "/lib/systemd/systemd")
        .Link("/etc/systemd/system/getty.target.wants/serial-getty@hvc0.service", "/lib/systemd/system/serial-getty@.service")
        .File("/boot/vmlinuz-6.1.0-50-amd64", GuestImage.Kernel("6.1.0-50-amd64")).File("/boot/vmlinuz-6.1.0-49-amd64", GuestImage.Kernel("6.1.0-49-amd64"))
        .File("/boot/vmlinuz-6.1.0-50-amd64.dpkg-old", GuestImage.Kernel("6.1.0-1-amd64"))
        .File("/boot/initrd.img-6.1.0-50-amd64", DebianInitramfs.Value)
        .File("/boot/initrd.img-6.1.0-49-amd64", "neither cpio nor compressed")
        .File("/usr/lib/modules/6.1.0-50-amd64/modules.dep", DebianDep).File("/usr/lib/modules/6.1.0-50-amd64/modules.builtin", "kernel/drivers/scsi/sd_mod.ko\n")
        .File("/boot/grub/menu.lst", "default 0\ntitle a\nroot (hd0)\nkernel /boot/vmlinuz-6.1.0-50-amd64 root=/dev/xvda1 ro console=hvc0\ninitrd /boot/initrd.img-6.1.0-50-amd64\n"
            + "title b\nkernel /boot/vmlinuz-6.1.0-49-amd64 root=/dev/xvda1\ninitrd /boot/initrd.img-6.1.0-49-amd64\ntitle gone\nkernel /boot/vmlinuz-5.10 root=/dev/xvda1\n");
}
