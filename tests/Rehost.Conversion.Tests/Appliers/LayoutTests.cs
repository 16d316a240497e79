using Rehost.Blocks;
using Rehost.Conversion.Appliers;
using Rehost.Conversion.BootLoaders.Grub2;
using Rehost.FileSystems;
using Rehost.FileSystems.Tests;
using Rehost.Model;
using Rehost.Testing;
using Rehost.Volumes;

namespace Rehost.Conversion.Tests.Appliers;

/// <summary>Layout changes, with sfdisk and sgdisk as witnesses of the tables.</summary>
public sealed class LayoutTests
{
    private const int MiB = 1 << 20;
    private readonly GuestTree _tree = new(new InMemoryFileSystem());

    [Fact]
    public void An_unpartitioned_disk_is_wrapped_and_its_content_only_moves()
    {
        var content = Random(3 * MiB + 512);
        using var overlay = Overlay(content);
        overlay.Write(new GuestOffset(8192), [1, 2, 3]);
        var disk = new TargetDisk("d", overlay);
        var applied = Apply(disk, new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = MiB, TargetLength = 5 * MiB, DiskSignature = "1a2b3c4d" });

        Assert.Equal(5 * MiB, applied.Device.Length);
        var target = ReadAll(applied.Device);
        content.AsSpan(8192, 3).Clear();
        content[8192] = 1;
        content[8193] = 2;
        content[8194] = 3;
        Assert.True(target.AsSpan(MiB, content.Length).SequenceEqual(content));
        Assert.False(target.AsSpan(MiB + content.Length).ContainsAnyExcept((byte)0));
        Assert.Equal([new ByteRange(0, MiB), new ByteRange(MiB + 8192, 4096), new ByteRange(MiB + content.Length, (5 * MiB) - MiB - content.Length)], applied.ChangedRanges);

        var dump = Dump(applied.Device, "sfdisk", "--dump");
        Assert.Contains("label-id: 0x1a2b3c4d", dump, StringComparison.Ordinal);
        Assert.Matches(@"start=\s*2048, size=\s*6145, type=83, bootable", dump);
    }

    [Fact]
    public void Partitions_of_an_mbr_disk_are_shifted_with_logical_ones()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["disk"];
        File.WriteAllBytes(path, Random(8 * MiB).Select((value, i) => i < 512 ? (byte)0 : value).ToArray());
        var result = Tool.RunWithInput("sfdisk", "label: dos\nlabel-id: 0x11223344\nstart=63,size=4000,type=83,bootable\nstart=4096,size=10000,type=5\nstart=4159,size=2000,type=82\nstart=7000,size=3000,type=83\n"u8.ToArray(), "-q", path);
        Assert.Equal(0, result.ExitCode);
        using var overlay = new OverlayDevice(FileDevice.OpenRead(path), OverlayStore.InMemory(), ownsBelow: true);
        var before = PartitionTable.Read(overlay);
        const long shift = MiB - (63 * 512);
        var source = ReadAll(overlay);

        var applied = Apply(new TargetDisk("d", overlay), new ShiftPartitions { StepId = "s", Reason = "r", DiskId = "d", ShiftBytes = shift, TargetLength = 9 * MiB });

        var after = PartitionTable.Read(applied.Device);
        Assert.Equal(4, after.Partitions.Length);
        Assert.Equal(before.Partitions.Select(one => (one.Number, one.Start.Value + shift, one.Length, one.TypeId, one.IsBootable)),
            after.Partitions.Select(one => (one.Number, one.Start.Value, one.Length, one.TypeId, one.IsBootable)));
        Assert.Equal(before.DiskId, after.DiskId);
        var target = ReadAll(applied.Device);
        foreach (var (old, moved) in before.Partitions.Zip(after.Partitions).Where(pair => !pair.First.IsExtended))
        {
            Assert.True(source.AsSpan((int)old.Start.Value, (int)old.Length).SequenceEqual(target.AsSpan((int)moved.Start.Value, (int)moved.Length)));
        }

        Assert.Equal(new ByteRange(0, MiB), applied.ChangedRanges[0]);
        Assert.Matches(@"start=\s*2048, size=\s*4000, type=83, bootable", Dump(applied.Device, "sfdisk", "--dump"));
    }

    [Fact]
    public void A_bios_boot_partition_is_added_to_both_copies_of_a_gpt()
    {
        using var scratch = new ScratchDirectory();
        var path = scratch["disk"];
        File.WriteAllBytes(path, new byte[8 * MiB]);
        Tool.MustRun("sgdisk", "-U", "11111111-2222-3333-4444-555555555555", "-n", "1:2048:8191", "-u", "1:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "-c", "1:root", "-A", "1:set:63", path);
        using var overlay = new OverlayDevice(FileDevice.OpenRead(path), OverlayStore.InMemory(), ownsBelow: true);
        var change = new AddBiosBootPartition { StepId = "s", Reason = "r", DiskId = "d", Offset = 34 * 512, LengthBytes = MiB - (34 * 512) };

        var applied = Apply(new TargetDisk("d", overlay), change);

        var result = scratch["result"];
        File.WriteAllBytes(result, ReadAll(applied.Device));
        Assert.Contains("No problems found", Tool.MustRun("sgdisk", "-v", result), StringComparison.Ordinal);
        Assert.Contains("Attribute flags: 8000000000000000", Tool.MustRun("sgdisk", "-i", "1", result), StringComparison.Ordinal);
        var added = Tool.MustRun("sgdisk", "-i", "2", result);
        Assert.Contains("21686148-6449-6E6F-744E-656564454649", added, StringComparison.Ordinal);
        Assert.Contains("First sector: 34 ", added, StringComparison.Ordinal);
        Assert.Contains("Last sector: 2047 ", added, StringComparison.Ordinal);

        // Applied to an untouched copy, the same bytes come out.
        using var again = new OverlayDevice(FileDevice.OpenRead(path), OverlayStore.InMemory(), ownsBelow: true);
        Assert.True(ReadAll(Apply(new TargetDisk("d", again), change).Device).AsSpan().SequenceEqual(File.ReadAllBytes(result)));
    }

    [Fact]
    public void Grub_goes_into_the_gap_of_a_wrapped_disk()
    {
        using var overlay = Overlay(Random(2 * MiB));
        var applied = Apply(
            new TargetDisk("d", overlay),
            new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = MiB, TargetLength = 3 * MiB, DiskSignature = "00c0ffee" },
            Grub(ConfigurationKind: BootConfigurationKind.GrubLegacy, "/boot/grub/menu.lst"));

        var target = ReadAll(applied.Device);
        var boot = new HostGrubFiles("/usr/lib/grub/i386-pc").Read("boot.img");
        Assert.True(target.AsSpan(0, 3).SequenceEqual(boot.AsSpan(0, 3)));
        Assert.True(target.AsSpan(512, 32768).ContainsAnyExcept((byte)0));
        Assert.Equal(PartitionTableKind.Mbr, PartitionTable.Read(applied.Device).Kind);
        Assert.Equal([new ByteRange(0, MiB)], applied.ChangedRanges);
    }

    public static TheoryData<Change, string> Refusals => new()
    {
        { new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = MiB, TargetLength = 2 * MiB, DiskSignature = "00000001" }, "CNV007" },
        { new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = 100, TargetLength = 4 * MiB, DiskSignature = "00000001" }, "CNV007" },
        { new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = 1L << 40, TargetLength = 1L << 41, DiskSignature = "00000001" }, "CNV007" },
        { new WrapInPartition { StepId = "s", Reason = "r", DiskId = "d", PartitionOffset = MiB, TargetLength = 4 * MiB, DiskSignature = "xyz" }, "CNV010" },
        { new ShiftPartitions { StepId = "s", Reason = "r", DiskId = "d", ShiftBytes = MiB, TargetLength = 4 * MiB }, "CNV006" },
        { new AddBiosBootPartition { StepId = "s", Reason = "r", DiskId = "d", Offset = 34 * 512, LengthBytes = 512 }, "CNV006" },
        { Grub(BootConfigurationKind.Extlinux, "/x"), "CNV010" },
        { Grub(BootConfigurationKind.Grub2, "/boot/grub/grub.cfg") with { SerialConsole = "hvc0" }, "CNV010" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void An_impossible_layout_is_refused(Change change, string id)
    {
        using var overlay = Overlay(Random(2 * MiB));
        var disk = new TargetDisk("d", overlay);

        Assert.Equal(id, Assert.Throws<DiagnosticException>(() => Apply(disk, change)).Diagnostic.Id);
        Assert.Empty(overlay.ChangedRanges);
        Assert.False(disk.IsMoved);
    }

    private static InstallBootloader Grub(BootConfigurationKind ConfigurationKind, string path) => new()
    {
        StepId = "s",
        Reason = "r",
        DiskId = "d",
        FileSystemUuid = "4be5b0c1-7e1d-4c52-9f3a-6d0c8a5f1121",
        Prefix = "/boot/grub",
        ConfigurationPath = path,
        ConfigurationKind = ConfigurationKind,
        SerialConsole = "ttyS0,115200",
        CoreCapacity = 2047 * 512,
    };

    private AppliedDisk Apply(TargetDisk disk, params Change[] changes) => Assert.Single(PlanApplier.Apply(Plans.Of(changes), new ApplyContext(_tree, [disk])));

    private static OverlayDevice Overlay(byte[] content) => new(new MemoryDevice((byte[])content.Clone(), canWrite: false), OverlayStore.InMemory());

    private static byte[] Random(int length)
    {
        var content = new byte[length];
        new Random(11).NextBytes(content);
        return content;
    }

    private static byte[] ReadAll(IBlockDevice device)
    {
        var content = new byte[device.Length];
        device.Read(GuestOffset.Zero, content);
        return content;
    }

    private static string Dump(IBlockDevice device, string tool, string argument)
    {
        using var scratch = new ScratchDirectory();
        File.WriteAllBytes(scratch["image"], ReadAll(device));
        return Tool.MustRun(tool, argument, scratch["image"]);
    }
}
