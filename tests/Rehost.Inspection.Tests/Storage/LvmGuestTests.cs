using Rehost.Blocks;
using Rehost.Inspection.Storage;
using Rehost.Inspection.Tests.Guests;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Inspection.Tests.Storage;

/// <summary>Guests whose root is on something that is put together: groups made by lvm2's own tools.</summary>
public sealed class LvmGuestTests
{
    [Theory]
    [InlineData("/dev/mapper/vg--sys-root", "/dev/vg-sys/swap")]
    [InlineData("/dev/vg-sys/root", "/dev/mapper/vg--sys-swap")]
    [InlineData("UUID=11111111-2222-3333-4444-555555555555", "LABEL=swap0")]
    public void A_root_on_a_logical_volume(string root, string swap) // S4.7, X.5
    {
        using var guest = new GuestImage()
            .File("/etc/debian_version", "12.1\n").File("/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n").File("/bin/sh", GuestImage.Elf64)
            .File("/etc/fstab", $"{root} / ext4 defaults 0 1\nUUID=99999999-2222-3333-4444-555555555555 /boot ext4 defaults 0 2\n{swap} none swap sw 0 0\n/dev/mapper/vg--sys-gone /srv ext4 defaults 0 2\n")
            .File("/boot/vmlinuz-6.1.0-1-amd64", GuestImage.Kernel("6.1.0-1-amd64"));
        var boot = guest.MakeFileSystem("boot", 8, "/boot", "-t", "ext4", "-U", "99999999-2222-3333-4444-555555555555");
        var image = guest.MakeFileSystem("root", 24, null, "-t", "ext4", "-U", "11111111-2222-3333-4444-555555555555");
        using var disks = new LvmDisks(1, 96 << 20);
        Tool.RunWithInput("sfdisk", "label: dos\nlabel-id: 0x12345678\nstart=2048, size=16384, type=83, bootable\nstart=18432, type=8e\n"u8.ToArray(), disks.Images[0]);
        Place(boot, disks.Images[0], 1 << 20);
        disks.Attach(18432 * 512);
        disks.MakeGroup("vg-sys", "-s", "4M");
        disks.MakeVolume("vg-sys", "-n", "root", "-l", "6");
        disks.MakeVolume("vg-sys", "-n", "swap", "-l", "3");
        disks.Detach();

        // The first extent of a group that vgcreate made stands 1 MiB behind the start of its physical volume.
        var start = (18432 * 512) + (1 << 20);
        Place(image, disks.Images[0], start);
        using (var file = File.Create(disks["swap"]))
        {
            file.SetLength(12 << 20);
        }

        Tool.MustRun("mkswap", "-L", "swap0", disks["swap"]);
        Place(disks["swap"], disks.Images[0], start + (24 << 20));
        using var inspected = guest.Inspect(("xvda", disks.Images[0]));

        Assert.Equal("mapper/vg--sys-root", inspected.Storage.Root.Name);
        Assert.Equal(["mapper/vg--sys-root", "xvda1", "mapper/vg--sys-swap", null], inspected.Facts.MountPoints.Select(mount => mount.VolumeName));
        Assert.Equal("6.1.0-1-amd64", Assert.Single(inspected.Facts.Kernels).Version);
        var volumes = inspected.Facts.Volumes.ToDictionary(volume => volume.DeviceName);
        Assert.Equal((VolumeKind.LogicalVolume, "linear", "/", "ext4"), (volumes["mapper/vg--sys-root"].Kind, volumes["mapper/vg--sys-root"].Layout, volumes["mapper/vg--sys-root"].MountPath, volumes["mapper/vg--sys-root"].Type));
        Assert.Equal(["xvda2"], volumes["mapper/vg--sys-root"].BuiltOn);
        Assert.Equal(("vg-sys", "LVM2"), (volumes["xvda2"].PartOf, volumes["xvda2"].Type));
        Assert.Equal(("swap", "swap0"), (volumes["mapper/vg--sys-swap"].Type, volumes["mapper/vg--sys-swap"].Label));
        Assert.Equal(["mapper/vg--sys-root", "mapper/vg--sys-swap"], Assert.Single(inspected.Facts.VolumeGroups).LogicalVolumes);
        Assert.Equal(["INS009", "INS005", "INS008"], inspected.Facts.Findings.Select(finding => finding.Id));

        // What is free: blocks of both file systems, the inside of the swap space, extents that no volume has.
        var disk = File.ReadAllBytes(disks.Images[0]);
        var free = inspected.Storage.GetFreeRanges(guest.Devices[0]);
        Assert.All(free.Zip(free.Skip(1)), pair => Assert.True(pair.First.End < pair.Second.Offset));
        Assert.Contains(new ByteRange(start + (24 << 20) + (64 << 10), (12 << 20) - (64 << 10) + (48 << 20)), free);
        Assert.DoesNotContain(free, range => range.Offset < 1 << 20);
        foreach (var range in free)
        {
            disk.AsSpan((int)range.Offset, (int)range.Length).Fill(0xee);
        }

        File.WriteAllBytes(disks["scrubbed"], disk);
        foreach (var (at, length) in ((int, int)[])[(1 << 20, 8 << 20), (start, 24 << 20)])
        {
            File.WriteAllBytes(disks["part"], disk.AsSpan(at, length).ToArray());
            Tool.MustRun("e2fsck", "-fn", disks["part"]);
        }

        Assert.Equal("UUID", Tool.MustRun("debugfs", "-R", "cat /etc/fstab", disks["part"]).Contains("UUID=9999", StringComparison.Ordinal) ? "UUID" : "lost");
        using (var again = guest.Inspect(("xvda", disks["scrubbed"])))
        {
            Assert.Equal(inspected.Facts.Kernels.Length, again.Facts.Kernels.Length);
        }

        // An edit of a file reaches the right blocks of the disk.
        inspected.Storage.Tree.WriteFile("/etc/hostname", "moved\n"u8);
        inspected.Storage.Root.FileSystem?.Flush();
        var read = new byte[24 << 20];
        inspected.Storage.Root.Device.Read(GuestOffset.Zero, read);
        File.WriteAllBytes(disks["edited"], read);
        Assert.Equal("moved\n", Tool.MustRun("debugfs", "-R", "cat /etc/hostname", disks["edited"]));
        Tool.MustRun("e2fsck", "-fn", disks["edited"]);
    }

    [Fact]
    public void A_root_on_a_volume_group_inside_an_encrypted_partition()
    {
        using var guest = new GuestImage().Folder("/srv").File("/etc/debian_version", "12.1\n").File("/bin/sh", GuestImage.Elf64).File("/boot/vmlinuz-6.1.0", GuestImage.Kernel("6.1.0"))
            .File("/etc/fstab", "/dev/mapper/vg-root / ext4 defaults 0 1\n/dev/mapper/extra /srv ext4 defaults 0 2\n");
        File.WriteAllText(guest.Scratch("key"), "secret\n");
        var srv = guest.MakeFileSystem("srv", 8);
        using (var file = File.OpenWrite(srv))
        {
            file.SetLength(40 << 20);
        }

        string Encrypt(string path)
        {
            Tool.MustRun("cryptsetup", "reencrypt", "--encrypt", "-q", "--type", "luks2", "--force-offline-reencrypt", "--reduce-device-size", "32M", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", guest.Scratch("key"), path);
            return Tool.MustRun("cryptsetup", "luksUUID", path).Trim();
        }

        var extra = Encrypt(srv);
        guest.File("/etc/crypttab", $"# name device key\nextra UUID={extra} none luks\n");
        var image = guest.MakeFileSystem("root", 24, null, "-t", "ext4");
        using var disks = new LvmDisks(1, 40 << 20);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "4M");
        disks.MakeVolume("vg", "-n", "root", "-l", "6");
        disks.Detach();
        Place(image, disks.Images[0], 1 << 20);
        using (var file = File.OpenWrite(disks.Images[0]))
        {
            file.SetLength(72 << 20);
        }

        var uuid = Encrypt(disks.Images[0]);
        var machine = new VirtualMachine
        {
            Name = "m",
            Hypervisor = Hypervisor.Xen,
            Disks = [new VirtualDisk { Id = "0", DeviceName = "sda" }, new VirtualDisk { Id = "1", DeviceName = "sdb" }],
        };
        using var first = FileDevice.OpenReadWrite(disks.Images[0]);
        using var second = FileDevice.OpenReadWrite(srv);
        Assert.Equal("INS031", Assert.Throws<DiagnosticException>(() => GuestStorage.Open(machine, [first, second])).Diagnostic.Id);
        using var keys = new Rehost.Volumes.Luks.VolumeKeys();
        keys.Add(null, File.ReadAllBytes(guest.Scratch("key")));
        using (var storage = GuestStorage.Open(machine, [first, second], keys))
        {
            Assert.Equal("mapper/vg-root", storage.Root.Name);
            Assert.Equal([$"mapper/vg-root", $"mapper/luks-{extra}"], storage.MountPoints.Select(mount => mount.VolumeName));
            Assert.Equal([$"mapper/luks-{uuid}"], storage.Root.Facts.BuiltOn);
            // Holes in what is encrypted would tell what is in use.
            Assert.Empty(storage.GetFreeRanges(first));
            Assert.StartsWith("encrypted", storage.GetFreeSpace(first).Shares.Single(share => share.Volume == "mapper/vg-root").Reason, StringComparison.Ordinal);
            storage.Tree.WriteFile("/etc/hostname", "moved\n"u8);
            storage.Root.FileSystem?.Flush();
        }

        using (var again = GuestStorage.Open(machine, [first, second], keys))
        {
            Assert.Equal("moved\n", again.Tree.ReadText("/etc/hostname", 100));
            Assert.NotNull(again.Tree.TryResolve("/srv/etc/fstab", followLast: true));
        }
    }

    private static void Place(string content, string image, long offset)
        => Tool.MustRun("dd", $"if={content}", $"of={image}", "bs=64K", "conv=notrunc", "oflag=seek_bytes", $"seek={offset}", "status=none");
}
