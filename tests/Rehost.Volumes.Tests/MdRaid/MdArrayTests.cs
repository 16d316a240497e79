using Rehost.Blocks;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.Volumes.Tests.MdRaid;

/// <summary>Arrays of every level: superblocks judged by mdadm, what is written through them read by GRUB's own reader, also with members missing.</summary>
public sealed class MdArrayTests
{
    [Theory]
    [InlineData("1.2", 1, 0u, 2, 1)]
    [InlineData("1.1", 1, 0u, 3, 2)]
    [InlineData("1.0", 1, 0u, 2, 1)]
    [InlineData("0.90", 1, 0u, 2, 1)]
    [InlineData("1.2", 0, 0u, 3, 0)]
    [InlineData("0.90", 0, 0u, 2, 0)]
    [InlineData("1.2", 4, 0u, 3, 1)]
    [InlineData("1.2", 5, 0u, 4, 1)]
    [InlineData("1.2", 5, 1u, 4, 1)]
    [InlineData("1.2", 5, 2u, 3, 1)]
    [InlineData("0.90", 5, 2u, 4, 1)]
    [InlineData("1.0", 5, 3u, 5, 1)]
    [InlineData("1.2", 6, 0u, 5, 2)]
    [InlineData("1.2", 6, 1u, 5, 2)]
    [InlineData("1.2", 6, 2u, 4, 2)]
    [InlineData("1.2", 6, 3u, 6, 2)]
    [InlineData("1.2", 10, 0x102u, 4, 1)]
    [InlineData("1.2", 10, 0x102u, 3, 1)]
    [InlineData("1.2", 10, 0x201u, 4, 1)]
    [InlineData("1.2", 10, 0x10201u, 4, 1)]
    [InlineData("1.2", 10, 0x10201u, 3, 1)]
    [InlineData("1.2", 10, 0x103u, 5, 2)]
    public void What_is_written_is_read_by_grub_with_members_missing(string version, int level, uint layout, int devices, int spareable)
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage { Version = version, Level = level, Layout = layout, Devices = devices };
        var images = image.Make(scratch, isZeroed: level is 4 or 5 or 6);
        foreach (var one in images)
        {
            var told = Tool.MustRun("mdadm", "--examine", one);
            Assert.Contains(version, told, StringComparison.Ordinal);
            Assert.Contains("- correct", told, StringComparison.Ordinal);
            Assert.Contains($"raid{level}", told, StringComparison.Ordinal);
        }

        var fileSystem = scratch["fs"];
        using (var bench = new StackBench(images))
        {
            Assert.Empty(bench.Stack.Findings);
            var volume = bench["md0"];
            Assert.Equal($"RAID {level} of {devices}", volume.Layout);
            StackBench.MakeFileSystem(fileSystem, volume.Device.Length / 1024 * 1024, level);
            StackBench.Fill(volume.Device, fileSystem, level);
        }

        var name = version == "0.90" ? "mduuid/112233445566778899aabbccddeeff00" : "md/0";
        StackBench.AssertGrubReads(images, name, fileSystem);
        for (var first = 0; first < devices && spareable > 0; first++)
        {
            // Every single member missing, and every pair of neighbours where the level bears it: parity and syndrome are right.
            var gone = spareable == 2 ? [first, (first + 1) % devices] : (int[])[first];
            StackBench.AssertGrubReads([.. images.Where((_, index) => !gone.Contains(index))], name, fileSystem);
        }
    }

    [Fact]
    public void A_big_endian_superblock_of_090()
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage { Version = "0.90", Level = 5, Layout = 2, Devices = 3, IsBigEndian = true };
        var images = image.Make(scratch, isZeroed: true);
        using var bench = new StackBench(images);

        Assert.Empty(bench.Stack.Findings);
        Assert.Equal(("md0", "RAID 5 of 3", 16L << 20), (bench["md0"].Name, bench["md0"].Layout, bench["md0"].Device.Length));
        Assert.Equal("11223344:55667788:99aabbcc:ddeeff00", bench["md0"].Uuid);
    }

    [Fact]
    public void A_member_that_is_behind_is_named_and_not_used()
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage { Devices = 3, Name = "host:root" };
        var images = image.Make(scratch);
        image.Stamp(images[0], 0, 120, failed: 1);
        image.Stamp(images[2], 2, 120, failed: 1);
        using var bench = new StackBench(images);

        var array = bench["md/root"];
        Assert.Null(array.Problem);
        Assert.False(array.Device.CanWrite);
        Assert.Equal("VOL009", Assert.Throws<DiagnosticException>(() => array.Device.Write(GuestOffset.Zero, new byte[1])).Diagnostic.Id);
        Assert.Equal(["VOL007", "VOL006"], bench.Stack.Findings.Select(finding => finding.Id));
        Assert.Contains("sdb (100 events) is behind sda, sdc (120 events)", bench.Stack.Findings[0].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Halves_that_went_on_without_each_other_are_refused()
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage();
        var images = image.Make(scratch);
        image.Stamp(images[0], 0, 120, failed: 1);
        image.Stamp(images[1], 1, 130, failed: 0);
        using var bench = new StackBench(images);

        Assert.Equal("VOL007", bench["md0"].Problem?.Id);
        Assert.Contains("each went on without the other", bench["md0"].Problem?.Message, StringComparison.Ordinal);
        Assert.Equal("VOL007", Assert.Throws<DiagnosticException>(() => bench["md0"].Device.Read(GuestOffset.Zero, new byte[1])).Diagnostic.Id);
    }

    [Fact]
    public void One_event_apart_is_no_difference()
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage();
        var images = image.Make(scratch);
        image.Stamp(images[1], 1, 101);
        using var bench = new StackBench(images);

        Assert.Empty(bench.Stack.Findings);
        Assert.True(bench["md0"].Device.CanWrite);
    }

    [Theory]
    [InlineData("1.2", 1, "")]
    [InlineData("1.2", 5, "VOL006")]
    [InlineData("1.2", 0, "VOL006")]
    public void A_missing_member(string version, int level, string problem)
    {
        using var scratch = new ScratchDirectory();
        var images = new MdImage { Version = version, Level = level, Devices = 3, Layout = 2 }.Make(scratch);
        using var bench = new StackBench(images.Take(2));

        Assert.Equal(problem, bench["md0"].Problem?.Id ?? "");
        Assert.Equal("VOL006", Assert.Single(bench.Stack.Findings).Id);
        Assert.Equal(level == 1, bench["md0"].Device.CanWrite);
    }

    [Theory]
    [InlineData(4u, "reshaped")]
    [InlineData(16u, "replaced")]
    [InlineData(512u, "journal")]
    [InlineData(256u, "cluster")]
    [InlineData(8192u, "2000")]
    public void States_that_are_not_read_are_named(uint features, string word)
    {
        using var scratch = new ScratchDirectory();
        var images = new MdImage { Features = features }.Make(scratch);
        using var bench = new StackBench(images);

        Assert.Equal("VOL001", bench["md0"].Problem?.Id);
        Assert.Contains(word, bench["md0"].Problem?.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u, false)]
    [InlineData(1u, true)]
    [InlineData(2u, true)]
    public void Raid0_over_different_sizes_has_zones(uint layout, bool isKnown)
    {
        using var scratch = new ScratchDirectory();
        var image = new MdImage { Level = 0, Devices = 3, Layout = layout, Features = isKnown ? 4096u : 0 };
        var images = image.Make(scratch);
        for (var i = 0; i < 3; i++)
        {
            using var file = File.OpenWrite(images[i]);
            file.SetLength(file.Length + (i * 192 << 10));
            file.Close();
            image.Stamp(images[i], i, 100);
        }

        using var bench = new StackBench(images);
        if (!isKnown)
        {
            Assert.Contains("default_layout", bench["md0"].Problem?.Message, StringComparison.Ordinal);
            return;
        }

        // drivers/md/raid0.c by the letter: 8.5 MiB of each in zone 0, then 192 KiB of two, then 192 KiB of one.
        var disks = images.Select(File.ReadAllBytes).ToArray();
        var zone0 = ((8 << 20) + (512 << 10)) / (64 << 10);
        var total = (zone0 * 3) + 6 + 3;
        Assert.Equal((long)total << 16, bench["md0"].Device.Length);
        var read = new byte[64 << 10];
        for (var chunk = 0; chunk < total; chunk++)
        {
            var (zone, start, disksInZone, devStart) = chunk < zone0 * 3 ? (0, 0, 3, 0) : chunk < (zone0 * 3) + 6 ? (1, zone0 * 3, 2, zone0) : (2, (zone0 * 3) + 6, 1, zone0 + 3);
            var disk = zone + ((layout == 1 ? chunk : chunk - start) % disksInZone);
            var at = (512 << 10) + ((devStart + ((chunk - start) / disksInZone)) << 16);
            bench["md0"].Device.Read(new GuestOffset((long)chunk << 16), read);
            Assert.True(disks[disk].AsSpan(at, read.Length).SequenceEqual(read), $"chunk {chunk}");
        }
    }

    [Fact]
    public void A_damaged_superblock_is_named_and_the_disk_left_alone()
    {
        using var scratch = new ScratchDirectory();
        var images = new MdImage().Make(scratch);
        using (var file = File.OpenWrite(images[1]))
        {
            file.Position = 4096 + 100;
            file.WriteByte(77);
        }

        using var bench = new StackBench(images);
        Assert.Equal("VOL005", bench["sdb"].Problem?.Id);
        Assert.True(bench["md0"].Device.CanWrite);
    }

    [Fact]
    public void Partitions_inside_an_array_and_an_array_inside_partitions()
    {
        using var scratch = new ScratchDirectory();
        var images = new MdImage { Version = "1.0" }.Make(scratch);
        using (var bench = new StackBench(images))
        {
            var table = scratch["table"];
            using (var file = File.Create(table))
            {
                file.SetLength(bench["md0"].Device.Length);
            }

            Tool.RunWithInput("sfdisk", "label: dos\nstart=2048, size=4096\n"u8.ToArray(), table);
            bench["md0"].Device.Write(GuestOffset.Zero, File.ReadAllBytes(table).AsSpan(0, 512));
        }

        // The mirror's halves show the same table: only the array is divided.
        using (var bench = new StackBench(images))
        {
            Assert.Equal(["sda", "sdb", "md0", "md0p1"], bench.Stack.Nodes.Select(node => node.Name));
        }

        // A last partition whose superblock of 0.90 is also the one of the whole disk.
        var whole = scratch["whole"];
        LvmDisks.Junk(whole, 16 << 20, 9);
        var part = new MdImage { Version = "0.90", Devices = 1, Used = (15 << 20) - (64 << 10) };
        Tool.RunWithInput("sfdisk", "label: dos\nstart=2048, type=fd\n"u8.ToArray(), whole);
        part.Stamp(whole, 0, 7);
        using (var bench = new StackBench([whole]))
        {
            Assert.Equal(["sda", "sda1", "md0"], bench.Stack.Nodes.Select(node => node.Name));
            Assert.Equal("sda1", Assert.Single(bench["md0"].Below).Name);
        }
    }
}
