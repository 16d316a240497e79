using System.Text;
using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes;

namespace Rehost.Conversion.Tests.Appliers;

/// <summary>A partition of ours behind the guest's: sfdisk, sgdisk, fsck.fat and mtools agree, and nothing of the guest changes.</summary>
public sealed class HelperPartitionTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int HelperLength = 48 * MiB;
    private readonly ScratchDirectory _scratch = new();
    private readonly GuestTree _tree = new(new InMemoryFileSystem());

    [Fact]
    public void Behind_a_wrapped_file_system()
    {
        var content = Random(3 * MiB + 512);
        using var overlay = new OverlayDevice(new MemoryDevice(content), OverlayStore.InMemory(), ownsBelow: true);
        var disk = new TargetDisk("d", overlay);
        var wrap = new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = MiB, TargetLength = 5 * MiB, DiskSignature = "1a2b3c4d" };
        var device = Apply(disk, wrap, Helper(5 * MiB, (5 * MiB) + HelperLength));
        Assert.Equal((5 * MiB) + HelperLength, device.Length);
        Assert.True(Bytes(device, MiB, content.Length).AsSpan().SequenceEqual(content));
        Assert.DoesNotContain(disk.ChangedRanges, range => range.Offset < MiB + content.Length && MiB < range.End);
        Write(device);
        Assert.Matches(@"size=\s*98304, type=c", Tool.MustRun("sfdisk", "--dump", _scratch["disk"]));
        CheckContent(5 * MiB);
    }

    [Theory]
    [InlineData(false, "type=c\n")]
    [InlineData(true, "type=ef\n")]
    public void In_the_first_free_entry_of_an_mbr(bool isEfi, string type)
    {
        using var overlay = Disk("label: dos\nlabel-id: 0x11223344\nstart=2048,size=4096,type=83\nstart=8192,size=4096,type=83\n", 8 * MiB);
        var before = Bytes(overlay, 0, 8 * MiB);
        var disk = new TargetDisk("d", overlay);
        var device = Apply(disk, Helper(8 * MiB, (8 * MiB) + HelperLength) with { IsEfiSystem = isEfi });
        Assert.True(Bytes(device, 512, (8 * MiB) - 512).AsSpan().SequenceEqual(before.AsSpan(512)));
        Write(device);
        Assert.Contains("disk3", Tool.MustRun("sfdisk", "--dump", _scratch["disk"]), StringComparison.Ordinal);
        Assert.Contains(type, Tool.MustRun("sfdisk", "--dump", _scratch["disk"]), StringComparison.Ordinal);
        CheckContent(8 * MiB);
    }

    [Fact]
    public void Behind_the_last_partition_of_a_gpt_whose_backup_moves()
    {
        using var overlay = Disk("label: gpt\nlabel-id: 6f1a2b3c-0000-4000-8000-0123456789ab\nstart=2048,size=4096,type=L\n", 8 * MiB);
        var content = Bytes(overlay, MiB, 2 * MiB);
        var disk = new TargetDisk("d", overlay);
        var device = Apply(disk, new AddBiosBootPartition { StepId = "s", Reason = "r", DiskId = "d", Offset = 34 * 512, LengthBytes = MiB - (34 * 512) }, Helper(8 * MiB, (9 * MiB) + HelperLength) with { IsEfiSystem = true });
        Assert.True(Bytes(device, MiB, 2 * MiB).AsSpan().SequenceEqual(content));
        Write(device);
        Assert.Contains("No problems found", Tool.MustRun("sgdisk", "-v", _scratch["disk"]), StringComparison.Ordinal);
        Assert.Contains("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", Tool.MustRun("sfdisk", "--dump", _scratch["disk"]), StringComparison.Ordinal);
        Assert.Empty(PartitionTable.Read(device).Diagnostics);
        CheckContent(8 * MiB);
    }

    [Fact]
    public void A_full_mbr_is_refused()
    {
        using var overlay = Disk("label: dos\nstart=2048,size=8\nstart=2056,size=8\nstart=2064,size=8\nstart=2072,size=8\n", 2 * MiB);
        Assert.Equal("CNV008", Assert.Throws<DiagnosticException>(() => Apply(new TargetDisk("d", overlay), Helper(2 * MiB, (2 * MiB) + HelperLength))).Diagnostic.Id);
    }

    [Fact]
    public void A_guest_that_changed_since_the_plan_is_refused_before_anything_is_written()
    {
        using var overlay = Disk("label: dos\nstart=2048,size=8\n", 2 * MiB);
        var helper = Helper(2 * MiB, (2 * MiB) + HelperLength) with { Files = [new HelperFile { Path = "/k", CopyOf = "/boot/gone" }] };
        Assert.Equal("CNV003", Assert.Throws<DiagnosticException>(() => Apply(new TargetDisk("d", overlay), helper)).Diagnostic.Id);
        _tree.CreateDirectories("/boot");
        _tree.WriteFile("/boot/initrd", "other"u8);
        helper = helper with { Files = [new HelperFile { Path = "/k", CopyOf = "/boot/initrd", Sha256 = new string('0', 64) }] };
        Assert.Equal("CNV001", Assert.Throws<DiagnosticException>(() => Apply(new TargetDisk("d", overlay), helper)).Diagnostic.Id);
        Assert.Empty(overlay.ChangedRanges);
    }

    [Fact]
    public void A_file_is_copied_inside_the_guest_where_there_is_none()
    {
        using var overlay = Disk("label: dos\nstart=2048,size=8\n", 2 * MiB);
        _tree.CreateDirectories("/boot/efi/EFI/debian");
        _tree.WriteFile("/boot/efi/EFI/debian/shimx64.efi", "shim"u8);
        var copy = new CopyFile { StepId = "s", Reason = "r", From = "/boot/efi/EFI/debian/shimx64.efi", Path = "/boot/efi/EFI/BOOT/BOOTX64.EFI" };
        Apply(new TargetDisk("d", overlay), copy);
        Assert.Equal("shim", _tree.ReadText("/boot/efi/EFI/BOOT/BOOTX64.EFI"));
        Assert.Equal("CNV002", Assert.Throws<DiagnosticException>(() => Apply(new TargetDisk("d", overlay), copy)).Diagnostic.Id);
    }

    [Fact]
    public void A_kernel_is_taken_out_of_a_unified_image()
    {
        using var overlay = Disk("label: dos\nstart=2048,size=8\n", 2 * MiB);
        var image = Random(9_000_000);
        _tree.CreateDirectories("/efi/EFI/Linux");
        _tree.CreateDirectories("/m");
        _tree.WriteFile("/efi/EFI/Linux/a.efi", image);
        _tree.WriteFile("/m/virtio_blk.ko", [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 2, 3]);
        var unpack = new UnpackUnifiedKernel
        {
            StepId = "s",
            Reason = "r",
            ImagePath = "/efi/EFI/Linux/a.efi",
            Image = new UnifiedImage { KernelOffset = 4096, KernelLength = 3_000_000, InitramfsOffset = 4_000_000, InitramfsLength = 2_500_001 },
            KernelPath = "/efi/rehost/6.1/vmlinuz",
            InitramfsPath = "/efi/rehost/6.1/initrd.img",
            Generator = InitramfsGenerator.Dracut,
            HooksPath = "usr/lib/dracut/hooks",
            Modules = ["/m/virtio_blk.ko"],
        };
        Apply(new TargetDisk("d", overlay), unpack);
        Assert.True(_tree.ReadAllBytes("/efi/rehost/6.1/vmlinuz", MiB * 8).AsSpan().SequenceEqual(image.AsSpan(4096, 3_000_000)));
        var initramfs = _tree.ReadAllBytes("/efi/rehost/6.1/initrd.img", MiB * 8);
        Assert.True(initramfs.AsSpan(initramfs.Length - 2_500_001).SequenceEqual(image.AsSpan(4_000_000, 2_500_001)));
        File.WriteAllBytes(_scratch["prefix"], initramfs[..^2_500_001]);
        Assert.Contains("rehost/virtio_blk.ko", Tool.RunWithInput("cpio", File.ReadAllBytes(_scratch["prefix"]), "-it", "--quiet").Output, StringComparison.Ordinal);
        Assert.True(_tree.ReadAllBytes("/efi/EFI/Linux/a.efi", MiB * 16).AsSpan().SequenceEqual(image));
        var beyond = unpack with { KernelPath = "/k", InitramfsPath = null, Image = unpack.Image with { KernelLength = 9_000_000 } };
        Assert.Equal("CNV001", Assert.Throws<DiagnosticException>(() => Apply(new TargetDisk("d", overlay), beyond)).Diagnostic.Id);
    }

    public void Dispose() => _scratch.Dispose();

    private AddHelperPartition Helper(long offset, long target)
    {
        _tree.CreateDirectories("/boot");
        _tree.CreateDirectories("/m");
        _tree.WriteFile("/boot/kernel", Random(3_000_000));
        _tree.WriteFile("/m/virtio_blk.ko", [0x7f, (byte)'E', (byte)'L', (byte)'F', 1, 2, 3]);
        return new AddHelperPartition
        {
            StepId = "s",
            Reason = "r",
            DiskId = "d",
            Offset = offset,
            LengthBytes = HelperLength,
            TargetLength = target,
            Label = "REHOST",
            VolumeId = "1A2B-3C4D",
            Files =
            [
                new HelperFile { Path = "/rehost/grub.cfg", Content = "set default=0\n" },
                new HelperFile { Path = "/rehost/6.1.0-1-amd64/vmlinuz", CopyOf = "/boot/kernel" },
                new HelperFile
                {
                    Path = "/rehost/6.1.0-1-amd64/drivers.img",
                    Drivers = new HelperArchive { KernelVersion = "6.1.0-1-amd64", Generator = InitramfsGenerator.InitramfsTools, Modules = ["/m/virtio_blk.ko"], Files = [new ArchiveText("rehost/late.sh", "#!/bin/sh\n", 0x1ED), new ArchiveText("etc/udev/rules.d/99-rehost.rules", "rule\n")] },
                },
            ],
        };
    }

    private void CheckContent(long offset)
    {
        Tool.MustRun("dd", $"if={_scratch["disk"]}", $"of={_scratch["fat"]}", "bs=1M", $"skip={offset / MiB}", $"count={HelperLength / MiB}", "status=none");
        var check = Tool.Run("fsck.fat", "-n", _scratch["fat"]);
        Assert.True(check.ExitCode == 0, check.Output);
        Assert.Equal("set default=0\n", Tool.MustRun("mtype", "-i", _scratch["fat"], "::/rehost/grub.cfg"));
        Tool.MustRun("mcopy", "-i", _scratch["fat"], "::/rehost/6.1.0-1-amd64/drivers.img", "::/rehost/6.1.0-1-amd64/vmlinuz", _scratch.Path);
        Assert.True(File.ReadAllBytes(_scratch["vmlinuz"]).AsSpan().SequenceEqual(Random(3_000_000)));
        var listed = Tool.RunWithInput("cpio", File.ReadAllBytes(_scratch["drivers.img"]), "-itv", "--quiet").Output;
        Assert.Contains("rehost/virtio_blk.ko", listed, StringComparison.Ordinal);
        Assert.Matches(@"-rwxr-xr-x .* rehost/late\.sh", listed);
        Assert.Contains("etc/udev/rules.d/99-rehost.rules", listed, StringComparison.Ordinal);
        Assert.Single(listed.Split('\n'), line => line.EndsWith(" rehost", StringComparison.Ordinal));
    }

    private IBlockDevice Apply(TargetDisk disk, params Change[] changes) => Assert.Single(PlanApplier.Apply(Plans.Of(changes), new ApplyContext(_tree, [disk]))).Device;

    private OverlayDevice Disk(string table, int length)
    {
        var path = _scratch["source"];
        File.WriteAllBytes(path, [.. new byte[MiB], .. Random(length - MiB)]);
        var made = Tool.RunWithInput("sfdisk", Encoding.ASCII.GetBytes(table), "-q", path);
        Assert.True(made.ExitCode == 0, made.Error);
        return new OverlayDevice(FileDevice.OpenRead(path), OverlayStore.InMemory(), ownsBelow: true);
    }

    private void Write(IBlockDevice device)
    {
        File.WriteAllBytes(_scratch["disk"], Bytes(device, 0, (int)device.Length));
        Tool.MustRun("sfdisk", "--verify", "-q", _scratch["disk"]);
    }

    private static byte[] Bytes(IBlockDevice device, long offset, int length)
    {
        var bytes = new byte[length];
        device.Read(new GuestOffset(offset), bytes);
        return bytes;
    }

    private static byte[] Random(int length)
    {
        var bytes = new byte[length];
        new Random(7).NextBytes(bytes);
        return bytes;
    }
}
