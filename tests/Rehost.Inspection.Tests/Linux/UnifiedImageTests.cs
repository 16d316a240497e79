using System.Buffers.Binary;
using System.Text;
using Rehost.Inspection.Linux.Kernels;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;

namespace Rehost.Inspection.Tests.Linux;

/// <summary>Unified kernel images: what is in them, and what is none.</summary>
public sealed class UnifiedImageTests
{
    private const string Path = "/efi/EFI/Linux/arch.efi";

    [Fact]
    public void Kernel_arguments_and_initramfs_are_found_in_it()
    {
        var initramfs = GuestImage.Initramfs(("init", "#!/usr/bin/ash\n"), ("etc/systemd/system/x.service", "x"), ("usr/lib/modules/6.9.7-arch1-1/virtio_blk.ko", "x"));
        var bytes = Make((".cmdline", Encoding.ASCII.GetBytes("root=/dev/sda2 rw\0")), (".uname", "6.9.7-arch1-1"u8.ToArray()), (".linux", GuestImage.Kernel("6.9.7-arch1-1")), (".initrd", initramfs), (".junk", [.. Enumerable.Repeat((byte)0x5a, 9000)]));
        var guest = new MemoryGuest().File(Path, bytes).File("/lib/modules/6.9.7-arch1-1/modules.dep", "kernel/drivers/block/virtio_blk.ko.zst:\nkernel/drivers/net/virtio_net.ko.zst:\n").File("/lib/modules/6.9.7-arch1-1/modules.builtin", "kernel/drivers/virtio/virtio_pci.ko\n");
        var (kernels, _) = new KernelReader(guest.Reader, [], TestContext.Current.CancellationToken).Read();
        var kernel = Assert.Single(kernels);
        Assert.Equal(("6.9.7-arch1-1", Path, true, "root=/dev/sda2 rw"), (kernel.Version, kernel.ImagePath, kernel.IsDefault, kernel.Unified?.CommandLine));
        Assert.Equal((null, initramfs.Length), (kernel.Initramfs?.UnreadableReason, (int)(kernel.Initramfs?.LengthBytes ?? 0)));
        Assert.Equal((DriverForm.Module, true), (kernel.Driver("virtio_blk").Form, kernel.Driver("virtio_blk").InInitramfs));
        Assert.Equal((DriverForm.Module, false), (kernel.Driver("virtio_net").Form, kernel.Driver("virtio_net").InInitramfs));
    }

    [Fact]
    public void A_kernel_that_is_in_boot_as_well_counts_once()
    {
        var guest = new MemoryGuest().File(Path, Make((".linux", GuestImage.Kernel("6.1.0-1-amd64")))).File("/boot/vmlinuz-6.1.0-1-amd64", GuestImage.Kernel("6.1.0-1-amd64"));
        Assert.Null(Assert.Single(new KernelReader(guest.Reader, [], TestContext.Current.CancellationToken).Read().Kernels).Unified);
    }

    [Fact]
    public void Damaged_images_are_none_and_do_no_harm()
    {
        var good = Make((".cmdline", "a"u8.ToArray()), (".linux", GuestImage.Kernel("6.1.0-1-amd64")), (".initrd", new byte[100]));
        var random = new Random(20261121);
        for (var round = 0; round < 300; round++)
        {
            var bad = (byte[])good.Clone();
            for (var hit = 0; hit < 3; hit++)
            {
                bad[random.Next(512)] = (byte)random.Next(256);
            }

            var guest = new MemoryGuest().File(Path, bad[..(round % 4 == 0 ? random.Next(bad.Length) : bad.Length)]);
            if (guest.Reader.Find(Path) is { } node && UnifiedImageReader.Read(node) is { } image)
            {
                Assert.InRange(image.KernelOffset + image.KernelLength, 0, good.Length);
                Assert.InRange(image.InitramfsOffset + image.InitramfsLength, 0, good.Length);
            }
        }

        Assert.Null(UnifiedImageReader.Read(new MemoryGuest().File("/a.efi", "MZ").Reader.Find("/a.efi") ?? throw new InvalidOperationException()));
    }

    private static byte[] Make(params (string Name, byte[] Content)[] sections)
    {
        var image = new List<byte>(new byte[1024]);
        var table = new byte[sections.Length * 40];
        for (var index = 0; index < sections.Length; index++)
        {
            var (name, content) = sections[index];
            var section = table.AsSpan(index * 40);
            Encoding.ASCII.GetBytes(name, section);
            BinaryPrimitives.WriteInt32LittleEndian(section[8..], content.Length);
            BinaryPrimitives.WriteInt32LittleEndian(section[16..], (content.Length + 511) / 512 * 512);
            BinaryPrimitives.WriteInt32LittleEndian(section[20..], image.Count);
            image.AddRange(content);
            image.AddRange(new byte[((content.Length + 511) / 512 * 512) - content.Length]);
        }

        var bytes = image.ToArray();
        "MZ"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(0x3c), 0x80);
        "PE\0\0"u8.CopyTo(bytes.AsSpan(0x80));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x86), (ushort)sections.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(0x94), 240);
        table.CopyTo(bytes, 0x80 + 24 + 240);
        return bytes;
    }
}
