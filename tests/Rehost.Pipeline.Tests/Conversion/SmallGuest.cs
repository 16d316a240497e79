using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>A directory tree with all that a conversion asks of a Linux guest, its drivers in the kernel, for disks that a test lays out. It would not boot.</summary>
internal sealed class SmallGuest
{
    public const string Kernel = "6.1.0-1-amd64";

    private static readonly byte[] Elf64 = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0];

    private readonly string _root;

    /// <summary>Makes the tree.</summary>
    public SmallGuest(string directory, string fstab, string kernelArguments = "root=/dev/xvda1 ro console=hvc0")
    {
        _root = directory;
        string[] drivers = ["block/virtio_blk", "scsi/virtio_scsi", "scsi/sd_mod", "net/virtio_net", "virtio/virtio_pci", "virtio/virtio", "virtio/virtio_ring", "ata/ahci", "ata/ata_piix", "char/virtio_console", "net/e1000", "net/8139cp"];
        Text("/etc/debian_version", "12.1\n").Text("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n").Text("/etc/fstab", fstab).Text("/etc/hostname", "small\n");
        Text($"/lib/modules/{Kernel}/modules.builtin", string.Concat(drivers.Select(driver => $"kernel/drivers/{driver}.ko\n")) + "kernel/fs/ext4/ext4.ko\nkernel/fs/btrfs/btrfs.ko\nkernel/fs/xfs/xfs.ko\n").Text($"/lib/modules/{Kernel}/modules.dep", "");
        Text("/boot/grub/menu.lst", $"default 0\ntimeout 1\ntitle Debian\nroot (hd0,0)\nkernel /boot/vmlinuz-{Kernel} {kernelArguments}\n");
        Bytes("/bin/sh", Elf64).Bytes("/sbin/init", Elf64).Bytes("/lib/systemd/systemd", Elf64).Bytes($"/boot/vmlinuz-{Kernel}", Image());
        File.Delete(Host("/sbin/init"));
        File.CreateSymbolicLink(Host("/sbin/init"), "/lib/systemd/systemd");
    }

    public string Directory => _root;

    public SmallGuest Text(string path, string text) => Bytes(path, Encoding.UTF8.GetBytes(text));

    public SmallGuest Bytes(string path, byte[] content)
    {
        File.WriteAllBytes(Host(path), content);
        return this;
    }

    /// <summary>Files with content that differs from file to file.</summary>
    public SmallGuest Files(string directory, int count, int length, int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            var content = new byte[random.Next(length)];
            random.NextBytes(content);
            Bytes(string.Create(CultureInfo.InvariantCulture, $"{directory}/{i:D4}.bin"), content);
        }

        return this;
    }

    /// <summary>Drivers and a configuration for every target, in the kernel.</summary>
    public SmallGuest ForEveryTarget()
    {
        string[] drivers = ["block/virtio_blk", "scsi/virtio_scsi", "scsi/sd_mod", "scsi/vmw_pvscsi", "net/virtio_net", "net/vmxnet3/vmxnet3", "net/e1000/e1000", "virtio/virtio_pci", "virtio/virtio", "virtio/virtio_ring", "ata/ahci", "ata/ata_piix", "char/virtio_console", "net/8139cp", "block/xen-blkfront", "net/xen-netfront"];
        Text($"/lib/modules/{Kernel}/modules.builtin", string.Concat(drivers.Select(driver => $"kernel/drivers/{driver}.ko\n")) + "kernel/fs/ext4/ext4.ko\n");
        return Text($"/boot/config-{Kernel}", "CONFIG_X86_64=y\nCONFIG_XEN=y\nCONFIG_XEN_PV=y\nCONFIG_XEN_PVH=y\nCONFIG_PVH=y\nCONFIG_XEN_DOMU=y\nCONFIG_XEN_BLKDEV_FRONTEND=y\nCONFIG_XEN_NETDEV_FRONTEND=y\nCONFIG_HVC_XEN=y\nCONFIG_VIRTIO=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_NET=y\nCONFIG_EXT4_FS=y\n");
    }

    public SmallGuest Folder(string path)
    {
        System.IO.Directory.CreateDirectory(Path.Combine(_root, path.TrimStart('/')));
        return this;
    }

    /// <summary>Puts a file of junk under a file system, so that stale blocks cannot pass for zeros.</summary>
    public static string Junk(string path, int mebibytes, int seed)
    {
        LvmDisks.Junk(path, (long)mebibytes << 20, seed);
        return path;
    }

    /// <summary>An image whose setup header says a release (Documentation/arch/x86/boot.rst, kernel_version).</summary>
    private static byte[] Image()
    {
        var image = new byte[0x4000];
        "HdrS"u8.CopyTo(image.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x206), 0x020f);
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(0x20e), 0x3000);
        Encoding.ASCII.GetBytes($"{Kernel} (builder@host) #1 SMP").CopyTo(image.AsSpan(0x3200));
        image[0x1fe] = 0x55;
        image[0x1ff] = 0xaa;
        return image;
    }

    private string Host(string path)
    {
        var host = Path.Combine(_root, path.TrimStart('/'));
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(host) ?? "");
        return host;
    }
}
