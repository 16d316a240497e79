using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Volumes.Tests.Lvm2;

/// <summary>Groups made by lvm2's own tools; what is written through our volumes is read by GRUB's own reader of LVM.</summary>
public sealed class LvmToolsTests
{
    private const long DiskLength = 48 << 20;

    [Fact]
    public void Linear_striped_and_raid0_of_real_lvm2()
    {
        using var disks = new LvmDisks(3, DiskLength);
        disks.Attach();
        disks.MakeGroup("vg-a", "-s", "1M");
        disks.MakeVolume("vg-a", "-n", "lin", "-l", "10");
        disks.MakeVolume("vg-a", "-n", "str-ipes", "-l", "12", "-i3", "-I", "64k");
        disks.MakeVolume("vg-a", "-n", "span", "-l", "60", "--addtag", "backup");
        disks.MakeVolume("vg-a", "--type", "raid0", "-i2", "-n", "r0", "-l", "8");
        disks.Lvm("vgchange", "--addtag", "any.tag", "vg-a");
        disks.Detach();
        using var bench = new StackBench(disks.Images);

        Assert.Empty(bench.Stack.Findings);
        Assert.Equal(["sda", "sdb", "sdc", "mapper/vg--a-lin", "mapper/vg--a-str--ipes", "mapper/vg--a-span", "mapper/vg--a-r0"], bench.Stack.Nodes.Select(node => node.Name));
        var group = Assert.Single(bench.Stack.Groups);
        Assert.Equal((141L << 20, (141L - 90) << 20), (group.LengthBytes, group.FreeRanges.Sum(ranges => ranges.Sum(range => range.Length))));
        Assert.All(["sda", "sdb", "sdc"], name => Assert.Equal(("LVM2", "vg-a"), (bench[name].MemberType, bench[name].PartOf)));
        Assert.Equal(["linear", "striped over 3", "linear", "raid0"], bench.Stack.Nodes.Skip(3).Select(node => node.Layout));
        var seed = 0;
        foreach (var (node, grub) in (IEnumerable<(string, string)>)[("mapper/vg--a-lin", "lvm/vg--a-lin"), ("mapper/vg--a-str--ipes", "lvm/vg--a-str--ipes"), ("mapper/vg--a-span", "lvm/vg--a-span")])
        {
            var volume = bench[node].Device;
            var fileSystem = StackBench.MakeFileSystem(disks["fs" + ++seed], volume.Length, seed);
            StackBench.Fill(volume, fileSystem, seed);
            StackBench.AssertGrubReads(disks.Images, grub, fileSystem);
        }
    }

    [Fact]
    public void A_missing_disk_takes_only_the_volumes_on_it()
    {
        using var disks = new LvmDisks(2, DiskLength);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        disks.MakeVolume("vg", "-n", "first", "-l", "10");
        disks.MakeVolume("vg", "-n", "both", "-l", "60");
        disks.Detach();
        using var bench = new StackBench(disks.Images.Take(1));

        Assert.Null(bench["mapper/vg-first"].Problem);
        Assert.Equal("VOL006", bench["mapper/vg-both"].Problem?.Id);
        Assert.Equal(60L << 20, bench["mapper/vg-both"].Device.Length);
        Assert.Equal("VOL006", Assert.Throws<DiagnosticException>(() => bench["mapper/vg-both"].Device.Read(GuestOffset.Zero, new byte[1])).Diagnostic.Id);
        Assert.Single(bench.Stack.Groups[0].MissingPhysicalVolumes);
        Assert.Equal(["VOL006", "VOL006"], bench.Stack.Findings.Select(finding => finding.Id));
    }

    [Fact]
    public void The_newest_of_many_copies_counts()
    {
        using var disks = new LvmDisks(2, DiskLength);
        disks.Attach();
        disks.Lvm("pvcreate", ["-ff", "-y", "--metadatacopies", "2", .. disks.Devices]);
        disks.Lvm("vgcreate", ["-s", "1M", "vg", .. disks.Devices]);
        disks.MakeVolume("vg", "-n", "old", "-l", "3");

        // The second disk sleeps through what follows; ring buffers go round many times.
        File.Copy(disks.Images[1], disks["sleeping"]);
        for (var i = 0; i < 40; i++)
        {
            disks.Lvm("lvchange", "--addtag", $"tag{i}", "vg/old");
        }

        disks.MakeVolume("vg", "-n", "new", "-l", "5");
        disks.Detach();
        using var bench = new StackBench([disks.Images[0], disks["sleeping"]]);

        Assert.Equal(["mapper/vg-old", "mapper/vg-new"], bench.Stack.Groups[0].LogicalVolumes.Select(node => node.Name));
        Assert.Empty(bench.Stack.Findings);
    }

    [Fact]
    public void Two_copies_of_one_disk_are_named()
    {
        using var disks = new LvmDisks(1, DiskLength);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        disks.MakeVolume("vg", "-n", "root", "-l", "3");
        disks.Detach();
        using var bench = new StackBench([disks.Images[0], disks.Images[0]]);

        Assert.Contains(bench.Stack.Findings, finding => finding.Id == "VOL008" && finding.Message.StartsWith("sda, sdb are all pv0", StringComparison.Ordinal));
        Assert.Equal("VOL006", bench["mapper/vg-root"].Problem?.Id);
    }

    [Theory]
    [InlineData("raid1", 6, 6, 3, 2)]
    [InlineData("raid5", 12, 4, 4, 1)]
    [InlineData("raid6", 12, 4, 5, 2)]
    [InlineData("mirror", 6, 6, 2, 1)]
    [InlineData("raid4", 12, 4, 4, 0)]
    [InlineData("raid5_ra", 12, 4, 4, 0)]
    [InlineData("raid6_nc", 12, 4, 5, 0)]
    [InlineData("raid6_ls_6", 12, 4, 5, 0)]
    [InlineData("raid10", 8, 4, 4, 0)]
    public void Raid_of_lvm(string type, int extents, int imageExtents, int count, int spareable)
    {
        using var disks = new LvmDisks(count, 24 << 20);
        foreach (var image in disks.Images.Where(_ => type is not ("raid1" or "mirror")))
        {
            // Parity of zeros is right from the start.
            File.WriteAllBytes(image, new byte[24 << 20]);
        }

        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        var places = Enumerable.Range(0, count).Select(index => $"pv{index}").ToArray();
        disks.Restore("vg", text => (type == "mirror" ? new LvmText().Mirror("vol", extents, places) : new LvmText().Raid("vol", type, extents, imageExtents, places)).Into(text));
        Assert.Contains("vol", disks.Lvm("lvs", "--driverloaded", "n", "-a", "vg"), StringComparison.Ordinal);
        disks.Detach();
        var fileSystem = disks["fs"];
        using (var bench = new StackBench(disks.Images))
        {
            Assert.Empty(bench.Stack.Findings);
            var volume = bench["mapper/vg-vol"];
            Assert.Equal((type, (long)extents << 20), (volume.Layout, volume.Device.Length));
            StackBench.MakeFileSystem(fileSystem, volume.Device.Length, extents);
            StackBench.Fill(volume.Device, fileSystem, extents);
            Assert.Equal((24L - 1 - imageExtents - (type == "mirror" ? 0 : 1)) << 20, bench.Stack.Groups[0].FreeRanges[0].Sum(range => range.Length) );
        }

        if (spareable == 0)
        {
            // GRUB does not read these; their layouts are MD's, which it reads in other tests.
            return;
        }

        StackBench.AssertGrubReads(disks.Images, "lvm/vg-vol", fileSystem);
        for (var first = 0; first < count; first++)
        {
            var gone = spareable == 2 ? [first, (first + 1) % count] : (int[])[first];
            StackBench.AssertGrubReads([.. disks.Images.Where((_, index) => !gone.Contains(index))], "lvm/vg-vol", fileSystem);
        }
    }

    [Fact]
    public void One_odd_volume_leaves_the_others_readable()
    {
        using var disks = new LvmDisks(2, DiskLength);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M", "--addtag", "t1");
        disks.Restore("vg", text => new LvmText()
            .Linear("root", 4, "pv0", isVisible: true)
            .Linear("fast_cpool_cdata", 2, "pv0").Linear("fast_cpool_cmeta", 1, "pv0").Linear("slow_corig", 4, "pv1")
            .Volume("fast_cpool", 2, "cache-pool", "data = \"fast_cpool_cdata\"\nmetadata = \"fast_cpool_cmeta\"\nmetadata_format = 2\nchunk_size = 128\ncache_mode = \"writethrough\"\npolicy = \"smq\"", isVisible: false)
            .Volume("slow", 4, "cache", "cache_pool = \"fast_cpool\"\norigin = \"slow_corig\"")
            .Linear("home", 4, "pv1", isVisible: true).Into(text));
        disks.Detach();
        using var bench = new StackBench(disks.Images);

        Assert.Equal([null, "VOL001", null], ((string[])["mapper/vg-root", "mapper/vg-slow", "mapper/vg-home"]).Select(name => bench[name].Problem?.Id));
        Assert.Equal("vg/slow", bench["mapper/vg-slow"].Problem?.Where);
        Assert.Contains("'cache'", bench["mapper/vg-slow"].Problem?.Message, StringComparison.Ordinal);
    }
}
