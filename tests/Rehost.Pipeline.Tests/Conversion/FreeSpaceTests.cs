using System.Text;
using Rehost.Blocks;
using Rehost.Model;
using Rehost.Pipeline.Files;
using Rehost.Pipeline.Sources;
using Rehost.Testing;

namespace Rehost.Pipeline.Tests.Conversion;

/// <summary>What nothing uses stays behind, on every kind of file system; everything else travels; and rehost verify can tell the two apart.</summary>
public sealed class FreeSpaceTests
{
    private const string Marker = "Bytes of a file that was deleted long ago. ";
    private const long PartitionStart = 1 << 20;
    private static readonly CancellationToken NoStop = TestContext.Current.CancellationToken;

    [Fact]
    public void Only_what_is_used_travels_and_it_is_proved() // S1.13, S1.14, S1.18, S1.20, X.5
    {
        using var scratch = new ScratchDirectory();
        var request = MakeMachine(scratch);
        var record = Convert(request, scratch["out"], new ConversionOptions { DiskFormat = "raw" });

        // A deleted file's bytes are in the source, and nowhere in the target.
        Assert.True(Find(request.Path, Marker) > 0);
        Assert.Equal(-1, Find(scratch["out/" + record.Disks[0].File], Marker));
        Assert.All(record.Disks, disk => Assert.True(disk.FreedBytes > 8 << 20, $"{disk.DeviceName}: {disk.FreedBytes}"));
        var shares = record.Disks.SelectMany(disk => disk.FreeSpace).ToDictionary(share => share.Volume, share => (share.Bytes > 0, share.Reason));
        Assert.Equal((true, "free in ext4"), shares["xvda1"]);
        Assert.Equal((true, "inside of swap space"), shares["xvda2"]);
        Assert.Equal((true, "extents that no volume of the group has"), shares["vg"]);
        Assert.Equal((false, "nothing that Rehost reads"), shares["xvda4"]);
        Assert.Equal([(true, "free in xfs"), (true, "free in btrfs"), (true, "free in ntfs"), (true, "free in vfat")], ((string[])["xvdb", "xvdc", "xvdd", "xvde"]).Select(name => shares[name]));
        var report = File.ReadAllText(scratch["out/report.md"]);
        Assert.Contains("the bytes of deleted files do not travel (`--keep-free-space` copies them too)", report, StringComparison.Ordinal);
        Assert.Contains("- `xvdb` on vdb: ", report, StringComparison.Ordinal);

        // What no file system claims is as it was: the unknown partition, the gaps, the last bytes of the disk.
        var (before, after) = (File.ReadAllBytes(request.Path), File.ReadAllBytes(scratch["out/" + record.Disks[0].File]));
        Assert.True(before.AsSpan((113 << 20)..(121 << 20)).SequenceEqual(after.AsSpan((113 << 20)..(121 << 20))));
        Assert.True(before.AsSpan(121 << 20).SequenceEqual(after.AsSpan(121 << 20)));

        // The field's checkers agree, and every file of every volume is there.
        File.WriteAllBytes(scratch["root"], after[(int)PartitionStart..(49 << 20)]);
        Tool.MustRun("e2fsck", "-fn", scratch["root"]);
        Tool.MustRun("xfs_repair", "-n", scratch["out/" + record.Disks[1].File]);
        Tool.MustRun("btrfs", "check", "--readonly", "--check-data-csum", scratch["out/" + record.Disks[2].File]);
        Tool.MustRun("ntfsfix", "-n", scratch["out/" + record.Disks[3].File]);
        Tool.MustRun("fsck.fat", "-n", scratch["out/" + record.Disks[4].File]);
        var target = new SourceRequest(scratch["out/" + record.Disks[0].File]) { DeviceName = "vda", MoreDisks = [.. record.Disks.Skip(1).Select(disk => new BareDisk(scratch["out/" + disk.File], disk.DeviceName))] };
        foreach (var (left, right) in ((string, string)[])[("vg/data", "vg/data"), ("xvdb", "vdb"), ("xvdc", "vdc"), ("xvdd", "vdd"), ("xvde", "vde")])
        {
            using var one = GuestFiles.Open(request, left, scratch.Path, null, NoStop);
            using var other = GuestFiles.Open(target, right, scratch.Path, null, NoStop);
            Assert.True(GuestListing.Walk(one, "/", int.MaxValue, NoStop).Count() > 10);
            Assert.Empty(FileComparison.Run(one, other, "/", withTimes: true, NoStop));
        }

        var verified = new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop);
        Assert.True(verified.IsProved, string.Join("\n", verified.Checks.Where(check => check.Outcome == CheckOutcome.Failed)));
        Assert.Equal(5, verified.Checks.Count(check => check.Title.StartsWith("what was left out of", StringComparison.Ordinal)));

        ProofNoticesEachChange(scratch, request, record);
    }

    [Fact]
    public void Keep_free_space_copies_it_all() // S0.5, S0.27
    {
        using var scratch = new ScratchDirectory();
        var request = MakeMachine(scratch, rootAlone: true);
        var record = Convert(request, scratch["out"], new ConversionOptions { DiskFormat = "qcow2", KeepFreeSpace = true });
        Assert.Equal(0, record.Disks[0].FreedBytes);
        Tool.MustRun("qemu-img", "convert", "-O", "raw", scratch["out/" + record.Disks[0].File], scratch["raw"]);
        Assert.True(Find(scratch["raw"], Marker) > 0);
        Assert.Contains("free space included", File.ReadAllText(scratch["out/report.md"]), StringComparison.Ordinal);
        Assert.True(new Migration(new SilentProgress()).Verify(scratch["out"], null, [], NoStop).IsProved);

        // The plan tells the difference beforehand, with the rate at which the source was read.
        ConversionEstimate Planned(bool keep) => new Migration(new SilentProgress()).Plan(request, Target(null, new ConversionOptions { KeepFreeSpace = keep }), NoStop).Estimate;
        Assert.True(Planned(keep: false).SourceBytes < Planned(keep: true).SourceBytes - (8 << 20));
        Assert.True(Planned(keep: false).BytesPerSecond > 0);
    }

    /// <summary>A bit anywhere in the target is noticed, in what was left out too; one of the source only where it travelled.</summary>
    private static void ProofNoticesEachChange(ScratchDirectory scratch, SourceRequest request, ConversionRecord record)
    {
        var target = scratch["out/" + record.Disks[0].File];
        using var file = FileDevice.OpenRead(scratch[$"out/{record.Disks[0].ManifestFile}"]);
        var manifest = Transfer.BlockManifest.Load(file, "manifest");
        var freed = manifest.FreedRanges.MaxBy(range => range.Length);
        var random = new Random(4);
        long[] places = [0, freed.Offset, freed.End - 1, 113 << 20, manifest.Length - 1, .. Enumerable.Range(0, 6).Select(_ => random.NextInt64(manifest.Length))];
        foreach (var place in places)
        {
            Flip(target, place);
            Assert.False(Prove(request, target, manifest), $"a changed bit at {place} of the target was not noticed");
            Flip(target, place);
            var isFreed = manifest.FreedRanges.Concat(manifest.ChangedRanges).Any(range => range.Offset <= place && place < range.End);
            Flip(request.Path, place);
            Assert.Equal(isFreed, Prove(request, target, manifest));
            Flip(request.Path, place);
        }

        Assert.True(Prove(request, target, manifest));
    }

    private static bool Prove(SourceRequest request, string path, Transfer.BlockManifest manifest)
    {
        using var source = FileDevice.OpenRead(request.Path);
        using var target = FileDevice.OpenRead(path);
        return Transfer.DeltaProof.Run(source, target, manifest).IsProved;
    }

    private static void Flip(string path, long at)
    {
        using var file = new FileStream(path, FileMode.Open);
        file.Position = at;
        var value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 1));
    }

    private static TargetRequest Target(string? output, ConversionOptions options) => new("kvm") { OutputDirectory = output, Options = options };

    private static ConversionRecord Convert(SourceRequest request, string output, ConversionOptions options)
        => new Migration(new SilentProgress()).Convert(request, Target(output, options), NoStop);

    private static long Find(string path, string text) => File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.ASCII.GetBytes(text));

    /// <summary>Disks full of junk: root, swap, a volume group and an unknown partition on the first; XFS, Btrfs, NTFS and FAT on one each.</summary>
    internal static SourceRequest MakeMachine(ScratchDirectory scratch, bool rootAlone = false)
    {
        var guest = new SmallGuest(scratch["tree"], "/dev/xvda1 / ext4 defaults 0 1\n/dev/xvda2 none swap sw 0 0\n").Files("/srv", 40, 60_000, 1);
        var root = SmallGuest.Junk(scratch["root.img"], 48, 1);
        guest.Text("/deleted", string.Concat(Enumerable.Repeat(Marker, 20_000)));
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext4", "-E", "root_owner=0:0,lazy_itable_init=0", "-d", guest.Directory, root);
        Tool.MustRun("debugfs", "-w", "-R", "rm /deleted", root);
        Tool.MustRun("e2fsck", "-fy", "-E", "fixes_only", root);

        var disk = SmallGuest.Junk(scratch["xvda.img"], 122, 2);
        var swap = SmallGuest.Junk(scratch["swap.img"], 16, 3);
        Tool.MustRun("mkswap", "-q", swap);
        Tool.RunWithInput("sfdisk", "label: dos\nstart=2048,size=98304,type=83,bootable\nstart=100352,size=32768,type=82\nstart=133120,size=98304,type=8e\nstart=231424,size=16384,type=da\n"u8.ToArray(), "-q", disk);
        Place(root, disk, PartitionStart);
        Place(swap, disk, 49 << 20);
        if (rootAlone)
        {
            return new SourceRequest(disk) { MemoryBytes = 512 << 20 };
        }

        using var group = new LvmDisks(1, 48 << 20, 9);
        group.Attach();
        group.MakeGroup("vg", "-s", "4M");
        group.MakeVolume("vg", "-n", "data", "-l", "6");
        group.Detach();
        var data = SmallGuest.Junk(scratch["data.img"], 24, 5);
        Tool.MustRun("mke2fs", "-q", "-F", "-t", "ext3", "-b", "1024", "-d", Path.Combine(guest.Directory, "srv"), data);
        Place(data, group.Images[0], 1 << 20);
        Place(group.Images[0], disk, 65 << 20);

        var srv = Path.Combine(guest.Directory, "srv");
        var xfs = SmallGuest.Junk(scratch["xvdb.img"], 320, 6);
        Tool.MustRun("mkfs.xfs", "-q", "-f", "-p", Prototype(scratch, srv), xfs);
        var btrfs = SmallGuest.Junk(scratch["xvdc.img"], 160, 7);
        Tool.MustRun("mkfs.btrfs", "-q", "-f", "--rootdir", srv, btrfs);
        var ntfs = SmallGuest.Junk(scratch["xvdd.img"], 32, 8);
        Tool.MustRun("mkntfs", "-q", "-F", "-f", ntfs);
        var fat = SmallGuest.Junk(scratch["xvde.img"], 40, 10);
        Tool.MustRun("mkfs.fat", "-F", "32", fat);
        foreach (var file in Directory.GetFiles(srv).Order(StringComparer.Ordinal))
        {
            Tool.MustRun("ntfscp", "-q", ntfs, file, "/" + Path.GetFileName(file));
            Tool.MustRun("mcopy", "-i", fat, file, "::/");
        }

        return new SourceRequest(disk) { MemoryBytes = 512 << 20, MoreDisks = [.. ((string[])["xvdb", "xvdc", "xvdd", "xvde"]).Select(name => new BareDisk(scratch[name + ".img"], name))] };
    }

    /// <summary>A directory of files as mkfs.xfs takes it.</summary>
    private static string Prototype(ScratchDirectory scratch, string directory)
    {
        var text = new StringBuilder("/stand/diag\n4872 110\nd--755 0 0\n");
        foreach (var file in Directory.GetFiles(directory).Order(StringComparer.Ordinal))
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{Path.GetFileName(file)} ---644 0 0 {file}\n");
        }

        File.WriteAllText(scratch["prototype"], text.Append("$\n$\n").ToString());
        return scratch["prototype"];
    }

    private static void Place(string content, string image, long offset)
        => Tool.MustRun("dd", $"if={content}", $"of={image}", "bs=64K", "conv=notrunc", "oflag=seek_bytes", $"seek={offset}", "status=none");
}
