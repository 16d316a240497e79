using System.Text;
using Rehost.Blocks;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Testing;
using Rehost.Volumes;
using Rehost.Volumes.Gpt;
using Rehost.Volumes.Luks;
using Rehost.Volumes.Lvm2;
using Rehost.Volumes.Lvm2.Thin;
using Rehost.Volumes.Mbr;
using Rehost.Volumes.Stack;
using Rehost.Volumes.Swap;
using Rehost.Volumes.Tests.Lvm2;
using Rehost.Volumes.Tests.MdRaid;

namespace Rehost.Fuzz.Targets;

/// <summary>Partition tables and what stacks volumes.</summary>
internal static class VolumeTargets
{
    private const string Passphrase = "k";
    private const int Extent = 1 << 20;

    public static IEnumerable<FuzzTarget> All =>
    [
        new("mbr", MbrSeeds, RunTable) { Covers = ["MbrReader", "MbrTable", "PartitionTable", "LogicalPartitions"], IsElastic = false, Weight = 2 },
        new("gpt", GptSeeds, RunTable) { Covers = ["GptReader", "GptHeader", "GptTable", "GptEditor"], Seal = VolumeSeals.Gpt, IsElastic = false, Weight = 2, SmokeExecutions = 60 },
        new("swap", SwapSeeds, run => SwapSignature.TryRead(run.Device())) { Covers = ["SwapSignature"] },
        new("lvm2", LvmSeeds, run => Assemble(run, 2)) { Covers = ["PhysicalVolumeLabel", "MetadataArea", "VolumeGroup", "VolumeStack"], Seal = VolumeSeals.Lvm, IsElastic = false, Weight = 3, SmokeExecutions = 25 },
        new("lvm2-text", LvmTextSeeds, RunLvmText) { Covers = ["MetadataParser", "FreeExtents"], IsText = true, Weight = 2, Words = ["{", "}", "\"linear\"", "\"striped\"", "\"raid1\"", "\"raid5_ls\"", "\"raid6\"", "\"raid10\"", "\"mirror\"", "\"thin-pool\"", "\"thin\"", "\"snapshot\"", "\"cache\"", "\"vdo\"", "\"writecache\"", "stripe_count = 2", "\"pv0\", 0"] },
        new("thin-pool", ThinSeeds, RunThin) { Covers = ["SpaceMap"], Seal = VolumeSeals.Thin, IsElastic = false, Weight = 3, SmokeExecutions = 25 },
        new("snapshot-store", SnapshotSeeds, run => Assemble(run, 1)) { Covers = [], Seal = VolumeSeals.Lvm, IsElastic = false, Weight = 2, SmokeExecutions = 20 },
        new("md", MdSeeds, run => Assemble(run, 4)) { Covers = ["MdSuperblock", "MdSuperblock090", "Raid10Layout", "StripeShape"], Seal = VolumeSeals.Md, IsElastic = false, Weight = 3, SmokeExecutions = 40 },
        new("luks", LuksSeeds, RunLuks) { Covers = ["LuksFormat", "Luks1Header", "Luks2Header", "LuksOpener", "LuksText"], Seal = VolumeSeals.Luks, IsElastic = false, Weight = 2, SmokeExecutions = 25 },
    ];

    private static IEnumerable<FuzzSeed> MbrSeeds(SeedRoom room)
    {
        yield return room.Make("primary", "truncate -s 4M out; printf 'label: dos\\nstart=2048,size=1000,type=83,bootable\\nstart=4096,size=2000,type=82\\n' | sfdisk -q out");
        yield return room.Make("logical", "truncate -s 8M out; printf 'label: dos\\nstart=2048,size=1000,type=83\\nstart=4096,size=12288,type=5\\n5: size=1000,type=83\\n6: size=1000,type=82\\n7: size=100,type=8e\\n' | sfdisk -q out");
        yield return room.Make("hybrid", "truncate -s 4M out; printf 'label: dos\\nstart=1,type=ee\\n' | sfdisk -q out");
    }

    private static IEnumerable<FuzzSeed> GptSeeds(SeedRoom room)
    {
        yield return room.Make("gpt", "truncate -s 4M out; printf 'label: gpt\\nstart=2048,size=1000,type=L,name=\"root\"\\nstart=4096,size=100,type=U\\n' | sfdisk -q out");
        yield return room.Make("short", "truncate -s 300k out; printf 'label: gpt\\ntable-length: 4\\nfirst-lba: 34\\nstart=100,size=100,type=L\\n' | sfdisk -q out");
        var id = new Guid("3f2504e0-4f89-41d3-9a0c-0305e82c3301");
        var large = new byte[2 << 20];
        new GptTable(id, [new GptEntry(1, PartitionTypes.LinuxData, id, new Lba(100), 100)], 4096).WriteTo(new MemoryDevice(large));
        yield return new FuzzSeed("4096", large);
    }

    private static void RunTable(FuzzRun run)
    {
        using var disk = run.Device();
        foreach (var sector in (int[])[512, 4096])
        {
            run.Attempt(() =>
            {
                var table = PartitionTable.Read(disk, sector);
                run.Note("partitions", table.Partitions.Length);
                run.Demand(table.Partitions.Length <= 4096, "partitions", $"{table.Partitions.Length}");
                run.Demand(table.Partitions.Select(one => one.Number).Distinct().Count() == table.Partitions.Length, "numbers");
                foreach (var partition in table.Partitions.Take(200))
                {
                    run.Attempt(() =>
                    {
                        using var slice = partition.Open(disk);
                        var bytes = new byte[(int)Math.Min(slice.Length, 512)];
                        slice.Read(GuestOffset.Zero, bytes);
                    });
                }

                _ = table.FirstUsedByte(disk);
            });
        }

        run.Attempt(() =>
        {
            var logical = LogicalPartitions.Read(disk);
            logical.SetType(5, 0x83);
            _ = logical.Add(0x83, new Lba(run.Random.Next(4000)), run.Random.Next(1, 100));
        });
        run.Attempt(() =>
        {
            var table = GptTable.Read(disk);
            table = table.Entries.IsEmpty ? table : table.WithType(table.Entries[0].Number, PartitionTypes.LinuxData).WithBootable(table.Entries[0].Number);
            table.WriteTo(disk);
        });
    }

    private static IEnumerable<FuzzSeed> SwapSeeds(SeedRoom room)
    {
        yield return room.Make("4096", "truncate -s 64k out; mkswap -q -L label out 2>/dev/null");
        yield return room.Make("65536", "truncate -s 200k out; mkswap -q -p 16384 out 2>/dev/null || mkswap -q out 2>/dev/null");
    }

    private static IEnumerable<FuzzSeed> LvmSeeds(SeedRoom _)
    {
        using (var disks = new LvmDisks(2, 6 << 20))
        {
            disks.Attach();
            disks.MakeGroup("vg", "-s", "64k");
            disks.MakeVolume("vg", "-n", "linear", "-l", "3");
            disks.MakeVolume("vg", "-n", "stripes", "-l", "4", "-i2", "-I", "4k");
            disks.MakeVolume("vg", "--type", "raid0", "-i2", "-n", "r0", "-l", "4");
            disks.Detach();
            yield return new FuzzSeed("linear, striped, raid0", Join(disks));
        }

        using (var disks = new LvmDisks(2, 6 << 20))
        {
            disks.Attach();
            disks.MakeGroup("vg", "-s", "64k");
            disks.Restore("vg", text => new LvmText().Raid("r1", "raid1", 16, 16, "pv0", "pv1").Mirror("m", 16, "pv0", "pv1").Linear("l", 2, "pv1", isVisible: true).Into(text));
            disks.Detach();
            yield return new FuzzSeed("raid1, mirror", Join(disks));
        }
    }

    private static byte[] Join(LvmDisks disks) => [.. disks.Images.SelectMany(File.ReadAllBytes)];

    /// <summary>The input cut into disks of one length, put together as far as it goes, and used.</summary>
    private static void Assemble(FuzzRun run, int disks)
    {
        var each = run.Length / disks / 512 * 512;
        using var keys = new VolumeKeys();
        keys.Add(null, Encoding.ASCII.GetBytes(Passphrase));
        var stack = VolumeStack.Assemble([.. Enumerable.Range(0, disks).Select(index => new StackDisk("sd" + (char)('a' + index), run.Device(index * each, each)))], keys);
        run.Note("nodes", stack.Nodes.Length);
        foreach (var node in stack.Nodes.Skip(disks).Take(24))
        {
            run.Attempt(() => DeviceUse.ReadSome(run, node.Device));
            if (run.Random.Next(2) == 0)
            {
                run.Attempt(() => DeviceUse.WriteSome(run, node.Device));
            }
        }

        foreach (var range in stack.Groups.SelectMany(group => group.FreeRanges).SelectMany(ranges => ranges))
        {
            run.Demand(range.Offset >= 0 && range.Length > 0, "free ranges", $"{range}");
        }
    }

    private static IEnumerable<FuzzSeed> LvmTextSeeds(SeedRoom _)
    {
        yield return FuzzSeed.Of("kinds", """
            vg {
            id = "a"
            seqno = 3
            status = ["READ"]
            flags = []
            extent_size = 8
            tags = ["x"]
            physical_volumes {
            pv0 { id = "00000000000000000000000000000000"
            status = ["ALLOCATABLE"]
            dev_size = 100
            pe_start = 8
            pe_count = 10
            } }
            logical_volumes {
            a { id = "b"
            status = ["READ", "WRITE", "VISIBLE"]
            segment_count = 1
            segment1 { start_extent = 0
            extent_count = 4
            type = "striped"
            stripe_count = 1
            stripes = ["pv0", 1] } }
            b { id = "c" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "striped" stripe_count = 2 stripe_size = 8 stripes = ["pv0", 1, "a", 0] } }
            m { id = "d" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "raid5" stripe_size = 8 raids = ["a", "b", "a", "a", "b", "a"] } }
            n { id = "e" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "mirror" mirrors = ["n", 0, "a", 0] } }
            t { id = "f" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "thin" thin_pool = "p" device_id = 1 } }
            s { id = "h" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "snapshot" chunk_size = 8 origin = "a" cow_store = "b" } }
            p { id = "g" status = ["VISIBLE"] segment1 { start_extent = 0 extent_count = 2 type = "thin-pool" metadata = "a" pool = "b" chunk_size = 128 } } } }
            # comment
            contents = "Text Format Volume Group"
            """);
    }

    private static void RunLvmText(FuzzRun run)
    {
        var group = VolumeGroup.Read(run.Bytes);
        using var disk = new MemoryDevice(new byte[64 << 10]);
        var builder = new LogicalVolumeBuilder(group, group.PhysicalVolumes.DistinctBy(one => one.Name).ToDictionary(one => one.Name, _ => (IBlockDevice)disk));
        foreach (var volume in group.LogicalVolumes.Take(50))
        {
            run.Attempt(() =>
            {
                if (builder.Build(volume.Name).Device is { Length: > 0 } device)
                {
                    DeviceUse.ReadSome(run, device);
                    DeviceUse.WriteSome(run, device);
                }
            });
        }

        foreach (var range in FreeExtents.Of(group, [.. group.PhysicalVolumes.DistinctBy(one => one.Name)]).SelectMany(one => one))
        {
            run.Demand(range.Length > 0 && range.Offset >= 0, "free ranges", $"{range}");
        }
    }

    private static IEnumerable<FuzzSeed> ThinSeeds(SeedRoom room)
    {
        foreach (var snapshot in (int[])[0, 5])
        {
            var lines = string.Join('\n', Enumerable.Range(0, 500).Select(i => $"<single_mapping origin_block=\"{(i * 3) % 1499}\" data_block=\"{(i * 7) % 640}\" time=\"3\"/>").Distinct().OrderBy(line => int.Parse(line.Split('"')[1], System.Globalization.CultureInfo.InvariantCulture)));
            File.WriteAllText(room["xml"], $"<superblock uuid=\"\" time=\"9\" transaction=\"1\" flags=\"0\" version=\"2\" data_block_size=\"128\" nr_data_blocks=\"640\">\n<device dev_id=\"3\" mapped_blocks=\"0\" transaction=\"0\" creation_time=\"0\" snap_time=\"0\">\n</device>\n<device dev_id=\"7\" mapped_blocks=\"500\" transaction=\"0\" creation_time=\"0\" snap_time=\"{snapshot}\">\n{lines}\n</device>\n</superblock>\n");
            yield return room.Make($"snapshot time {snapshot}", "truncate -s 2M out; thin_restore -q -i xml -o out > /dev/null || thin_restore -i xml -o out > /dev/null");
        }
    }

    private static void RunThin(FuzzRun run)
    {
        using var data = new OverlayDevice(new ZeroDevice(640L * (64 << 10)), OverlayStore.InMemory());
        var pool = new ThinPool("pool", run.Device(), data);
        foreach (var id in (ulong[])[7, 3])
        {
            run.Attempt(() =>
            {
                var volume = new ThinVolume("thin", pool, id, 100 << 20);
                DeviceUse.ReadSome(run, volume);
                DeviceUse.WriteSome(run, volume);
                DeviceUse.ReadSome(run, volume);
            });
        }
    }

    private static IEnumerable<FuzzSeed> SnapshotSeeds(SeedRoom _)
    {
        using var disks = new LvmDisks(1, 10 << 20);
        disks.Attach();
        disks.MakeGroup("vg", "-s", "1M");
        disks.Restore("vg", text => new LvmText().Linear("root", 4, "pv0", isVisible: true).Linear("before", 3, "pv0", isVisible: true)
            .Volume("snapshot0", 4, "snapshot", "chunk_size = 8\norigin = \"root\"\ncow_store = \"before\"", isVisible: false).Into(text));
        disks.Detach();
        var image = File.ReadAllBytes(disks.Images[0]);
        CowStore.Make(3 * Extent, 4096, [.. Enumerable.Range(0, 100).Select(index => ((long)index * 7, new byte[4096]))]).CopyTo(image, Extent + (4 * Extent));
        yield return new FuzzSeed("persistent", image);
    }

    private static IEnumerable<FuzzSeed> MdSeeds(SeedRoom room)
    {
        foreach (var (version, level) in ((string, int)[])[("1.2", 1), ("1.2", 0), ("1.2", 5), ("1.2", 6), ("1.2", 10), ("1.2", -1), ("1.0", 1), ("0.90", 5), ("1.2", 4)])
        {
            var images = new MdImage { Version = version, Level = level, Devices = 4, Layout = level == 10 ? 0x102u : 2, Used = 256 << 10 }.Make(room.Scratch, $"{version}-{level}-", isZeroed: true);
            yield return new FuzzSeed($"{version}, level {level}", [.. images.SelectMany(File.ReadAllBytes)]);
        }
    }

    private static IEnumerable<FuzzSeed> LuksSeeds(SeedRoom room)
    {
        File.WriteAllText(room["key"], Passphrase);
        yield return room.Make("luks1", "truncate -s 3M out; cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 -s 256 out key");
        yield return room.Make("luks2", "truncate -s 18M out; cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 out key; cryptsetup config -q out --label x");
        yield return room.Make("argon2id", "truncate -s 18M out; cryptsetup luksFormat -q --type luks2 --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32 --pbkdf-parallel 1 --sector-size 4096 out key");
    }

    /// <summary>The header always; a key is tried only where that is quick, since a header may ask for as much work as the limits allow.</summary>
    private static void RunLuks(FuzzRun run)
    {
        using var device = run.Device();
        if (LuksFormat.Read(device) is not { } header)
        {
            return;
        }

        run.Note("slots", header.KeySlots.Length);
        if (header.KeySlots.All(slot => slot.Rounds <= 5000 && slot.Kibibytes <= 4096 && (long)slot.Stripes * slot.KeyLength <= 4 << 20) && header.KeySlots.Length < 10)
        {
            using var volume = LuksOpener.Open(device, header, [Encoding.ASCII.GetBytes(Passphrase)], "sda");
            DeviceUse.ReadSome(run, volume);
            DeviceUse.WriteSome(run, volume);
        }
    }
}
