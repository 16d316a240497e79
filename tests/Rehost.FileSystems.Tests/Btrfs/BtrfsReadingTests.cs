using Rehost.Blocks;
using Rehost.FileSystems.Btrfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>Images that mkfs.btrfs made and the kernel filled, read by our code and by the kernel's mount: both must see the same.</summary>
public sealed class BtrfsReadingTests(SourceDirectory source) : IClassFixture<SourceDirectory>
{
    [Theory]
    [InlineData("crc32c", "", "", 1, 160)]
    [InlineData("zlib", "--csum xxhash", "compress-force=zlib", 1, 160)]
    [InlineData("lzo", "--csum sha256 -n 4096 -s 4096", "compress-force=lzo", 1, 160)]
    [InlineData("zstd", "--csum blake2 -n 65536", "compress-force=zstd:9", 1, 200)]
    [InlineData("mixed", "--mixed -n 4096 -O ^no-holes", "max_inline=0", 1, 160)]
    [InlineData("single", "-d single -m single -O ^skinny-metadata", "nodatasum", 1, 200)]
    [InlineData("dup", "-d dup -m dup", "", 1, 400)]
    [InlineData("raid0", "-d raid0 -m raid0", "", 3, 200)]
    [InlineData("raid1", "-d raid1 -m raid1", "compress-force=zstd", 2, 300)]
    [InlineData("raid10", "-d raid10 -m raid10", "", 4, 200)]
    [InlineData("raid1c3", "-d raid1c3 -m raid1c4", "", 4, 300)]
    [InlineData("raid5", "-d raid5 -m raid6", "", 4, 200)]
    [InlineData("metadata-uuid", "", "compress=lzo", 1, 160)]
    public void Everything_reads_as_through_the_kernel(string name, string mkfs, string options, int devices, int mebibytes)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, devices, mebibytes);
        if (name == "metadata-uuid")
        {
            Tool.MustRun("btrfstune", "-f", "-m", disks.Files[0]);
        }

        disks.Fill(options, $$"""
            cp -a '{{source.Path}}/.' .
            # Extents of every kind: allocated and never written, overwritten in parts, shared, cut.
            fallocate -l 500000 preallocated; printf in | dd of=preallocated bs=1 seek=200000 conv=notrunc status=none
            seq 200000 > text; sync; for at in 3 50000 131071 131072 400001; do printf OVERWRITTEN | dd of=text bs=1 seek=$at conv=notrunc status=none; sync; done
            cp --reflink=always text shared || cp text shared; truncate -s 300001 shared; truncate -s 9000000 shared
            head -c 1500 text > inline; head -c 5000000 /dev/zero > zeros
            setfattr -n user.note -v 'some value' text; setfattr -n user.big -v "$(seq 600)" text; setfacl -m u:55:rwx text
            mkdir collisions; for i in $(seq 3000); do : > collisions/$i; done
            """);

        using (disks.Mount("ro"))
        using (var fileSystem = disks.Open())
        {
            var tree = new GuestTree(fileSystem);
            HostTree.Compare(tree, disks.MountPoint, scratch["list"]);
            Assert.Equal("some value"u8.ToArray(), tree.GetExtendedAttributes("/text")["user.note"]);
            Assert.True(tree.GetExtendedAttributes("/text").ContainsKey("system.posix_acl_access"));
            Assert.Equal("btrfs", fileSystem.Info.Type);
            Assert.Equal(Tool.MustRun("blkid", "-o", "value", "-s", "UUID", "-p", disks.Files[0]).Trim(), fileSystem.Info.Uuid);
            Assert.Empty(fileSystem.Check());
        }
    }

    [Fact]
    public void Subvolumes_snapshots_and_the_default_are_seen_as_the_kernel_sees_them()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 200);
        disks.Fill("", """
            btrfs -q subvolume create @ ; btrfs -q subvolume create @home; mkdir @/etc dir; echo system > @/etc/name; echo me > @home/me
            btrfs -q subvolume create dir/nested; echo deep > dir/nested/file
            btrfs -q subvolume snapshot -r @ snap; echo later > @/etc/later
            btrfs -q subvolume create @/inner; echo in > @/inner/file
            btrfs subvolume set-default $(btrfs subvolume list . | awk '$NF == "@" { print $2 }') .
            """);

        using var fileSystem = disks.Open();
        Assert.Equal(
            [("", false, false), ("@", true, false), ("@home", false, false), ("dir/nested", false, false), ("snap", false, true), ("@/inner", false, false)],
            fileSystem.Subvolumes.Select(one => (one.Path, one.IsDefault, one.IsReadOnly)));
        Assert.Equal(["etc", "inner"], fileSystem.List(fileSystem.Root).Select(entry => entry.Name).Order());

        foreach (var subvolume in fileSystem.Subvolumes)
        {
            using var mounted = disks.Mount($"ro,subvolid={subvolume.Id}");
            using var view = fileSystem.OpenSubvolume(subvolume.Id);
            HostTree.Compare(new GuestTree(view), disks.MountPoint, scratch["list"]);
        }

        Assert.Equal("BTR010", Assert.Throws<DiagnosticException>(() => fileSystem.OpenSubvolume(99999)).Diagnostic.Id);
    }

    [Fact]
    public void The_entry_of_a_subvolume_in_a_snapshot_leads_nowhere()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 200);
        disks.Fill("", "btrfs -q subvolume create @ ; btrfs -q subvolume create @/inner; echo in > @/inner/file; echo out > @/file; btrfs -q subvolume snapshot @ snap");
        using var fileSystem = disks.Open();
        var tree = new GuestTree(fileSystem);
        Assert.Equal(["/snap/file", "/snap/inner"], tree.List("/snap").Select(entry => entry.Path));
        Assert.Empty(tree.List("/snap/inner"));
        Assert.Equal("in\n", tree.ReadText("/@/inner/file"));
    }

    [Fact]
    public void Free_space_holds_nothing_that_the_kernel_reads()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 300);
        disks.Fill("", $"cp -a '{source.Path}/many' .; seq 2000000 > big; sync; seq 900000 > second; sync; rm big");
        long freed = 0;
        using (var fileSystem = disks.Open())
        using (var file = new FileStream(disks.Files[0], FileMode.Open, FileAccess.ReadWrite))
        {
            foreach (var range in fileSystem.GetFreeRanges())
            {
                freed += range.Length;
                var junk = new byte[range.Length];
                Random.Shared.NextBytes(junk);
                file.Position = range.Offset;
                file.Write(junk);
            }
        }

        Assert.True(freed > 200 << 20, $"only {freed} bytes are free");
        Tool.MustRun("btrfs", "check", "--readonly", "--check-data-csum", disks.Files[0]);
        using (disks.Mount("ro"))
        using (var fileSystem = disks.Open())
        {
            HostTree.Compare(new GuestTree(fileSystem), disks.MountPoint, scratch["list"]);
        }
    }

    [Fact]
    public void A_damaged_copy_is_replaced_by_the_other_and_damage_of_both_is_told()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "-d raid1 -m raid1", 2, 200);
        disks.Fill("", "head -c 3000000 /dev/urandom > file; yes marker-of-content | head -c 400000 > text");
        var marker = "marker-of-content\n"u8.ToArray();
        Assert.True(disks.Spoil(0, marker) > 0);
        using (var fileSystem = disks.Open())
        {
            var tree = new GuestTree(fileSystem);
            Assert.Equal(400000, tree.ReadAllBytes("/text", 1 << 20).Length);
            Assert.StartsWith("marker-of-content\nmarker-of-content\n", tree.ReadText("/text"), StringComparison.Ordinal);
        }

        Assert.True(disks.Spoil(1, marker) > 0);
        using (var fileSystem = disks.Open())
        {
            Assert.Equal("BTR007", Assert.Throws<DiagnosticException>(() => new GuestTree(fileSystem).ReadAllBytes("/text", 1 << 20)).Diagnostic.Id);
        }

        // A RAID1 whose second device is away still reads; a RAID0 says which one is missing.
        using var alone = BtrfsFileSystem.Open(disks.Device(0), new FileSystemOpenOptions());
        Assert.Equal(3000000, new GuestTree(alone).ReadAllBytes("/file", 4 << 20).Length);
        Assert.Contains(alone.Check(), finding => finding.Id == "BTR006");
    }

    /// <summary>Reading asks nothing of the block groups, wherever they stand: no tool here makes the tree of their own, so the feature is only declared.</summary>
    [Fact]
    public void A_block_group_tree_is_no_hindrance_to_reading()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);
        disks.Fill("", "seq 200000 > text; mkdir dir; echo x > dir/file");
        disks.EditSuperblock(bytes => bytes[0xb4] |= 8);
        using var fileSystem = disks.Open();
        var tree = new GuestTree(fileSystem);
        Assert.Contains("block-group-tree", fileSystem.Info.Features);
        Assert.StartsWith("1\n2\n3\n", tree.ReadText("/text"), StringComparison.Ordinal);
        Assert.Equal("x\n", tree.ReadText("/dir/file"));
        Assert.True(fileSystem.GetFreeRanges().Sum(range => range.Length) > 20 << 20);
        Assert.Empty(fileSystem.Check());
    }

    [Theory]
    [InlineData(12, "zoned")]
    [InlineData(13, "extent-tree-v2")]
    [InlineData(14, "raid-stripe-tree")]
    [InlineData(16, "simple-quota")]
    [InlineData(40, "0x10000000000")]
    public void What_is_not_read_is_refused_by_name(int bit, string name)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);
        disks.EditSuperblock(bytes => bytes[0xbc + (bit / 8)] |= (byte)(1 << (bit % 8)));
        var refusal = Assert.Throws<DiagnosticException>(disks.Open).Diagnostic;
        Assert.Equal("BTR002", refusal.Id);
        Assert.Contains(name, refusal.ToString(), StringComparison.Ordinal);
    }

    /// <summary>One copy of every tree block, then one copy of all content: DUP on one device, RAID1 and RAID10 on several. What has no intact copy is named.</summary>
    [Theory]
    [InlineData("-d dup -m dup", 1)]
    [InlineData("-d raid1 -m raid1", 2)]
    [InlineData("-d raid10 -m raid10", 4)]
    [InlineData("-d raid1c3 -m raid1c4", 4)]
    public void Where_the_first_copy_is_junk_the_other_is_read(string mkfs, int devices)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, devices, devices == 1 ? 400 : 200);
        disks.Fill("", $"cp -a '{source.Path}/many' .; seq 300000 > text; mkdir dir; echo x > dir/file");
        SpoilCopies(disks, copy => copy == 0);
        using (disks.Mount("ro"))
        using (var fileSystem = disks.Open())
        {
            HostTree.Compare(new GuestTree(fileSystem), disks.MountPoint, scratch["list"]);
        }

        disks.Close();
        SpoilCopies(disks, _ => true);
        var error = Assert.Throws<DiagnosticException>(() =>
        {
            using var fileSystem = disks.Open();
            new GuestTree(fileSystem).ReadAllBytes("/text", 4 << 20);
        }).Diagnostic;
        Assert.Contains(error.Id, (string[])["BTR003", "BTR007"]);
        Assert.Contains("crc32c", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Writes junk over copies of what each chunk holds, the superblocks aside.</summary>
    private static void SpoilCopies(BtrfsImage disks, Func<int, bool> which)
    {
        var places = new List<(ulong Device, long Offset, int Length)>();
        var numbers = new Dictionary<ulong, string>();
        using (var fileSystem = disks.Open())
        {
            foreach (var file in disks.Files)
            {
                using var device = FileDevice.OpenRead(file);
                numbers[BtrfsSuperblock.Read(device).DeviceId] = file;
            }
        }

        disks.Close();
        using (var first = FileDevice.OpenRead(disks.Files[0]))
        {
            var volume = BtrfsVolume.Open(first, [.. disks.Files.Skip(1).Select(FileDevice.OpenRead)]);
            foreach (var chunk in volume.Chunks)
            {
                for (var copy = 0; copy < chunk.Copies; copy++)
                {
                    for (var at = chunk.Start; which(copy) && at < chunk.End; at += 64 << 10)
                    {
                        var (place, contiguous) = chunk.Locate(at, copy);
                        places.Add((place.DeviceId, (long)place.Offset, (int)Math.Min(contiguous, 64 << 10)));
                    }
                }
            }
        }

        var junk = new byte[64 << 10];
        new Random(2).NextBytes(junk);
        foreach (var group in places.GroupBy(place => place.Device))
        {
            using var file = new FileStream(numbers[group.Key], FileMode.Open, FileAccess.Write);
            foreach (var (_, offset, length) in group.Where(place => !BtrfsSuperblock.Offsets.Any(one => one < place.Offset + place.Length && one + 4096 > place.Offset)))
            {
                file.Position = offset;
                file.Write(junk, 0, length);
            }
        }
    }

    [Fact]
    public void A_file_system_in_use_is_refused_with_the_way_out()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);

        // On a slow machine the kernel's next commit, which ends the log, would come before the copy.
        using (disks.Mount("commit=300"))
        {
            Tool.MustRun("sh", "-c", $"cd '{disks.MountPoint}' && echo 1 > a && sync && echo 2 > b && python3 -c \"import os; f = os.open('b', os.O_RDWR); os.write(f, b'3'); os.fsync(f)\" && cp --sparse=always '{disks.Files[0]}' '{scratch["copy"]}'");
        }

        var before = Tool.MustRun("sha256sum", scratch["copy"]);
        using (var device = FileDevice.OpenReadWrite(scratch["copy"]))
        {
            var refusal = Assert.Throws<DiagnosticException>(() => BtrfsFileSystem.Open(device, new FileSystemOpenOptions())).Diagnostic;
            Assert.Equal("BTR008", refusal.Id);
            Assert.Contains("zero-log", refusal.NextStep, StringComparison.Ordinal);
        }

        Assert.Equal(before, Tool.MustRun("sha256sum", scratch["copy"]));

        // Both ways out that need no guest: giving up what was synced last, and the kernel's replay.
        Tool.MustRun("cp", "--sparse=always", scratch["copy"], scratch["zeroed"]);
        Tool.MustRun("btrfs", "rescue", "zero-log", scratch["zeroed"]);
        Assert.Equal(["a"], Names(scratch["zeroed"]));
        using (new Mounted(scratch["copy"], disks.MountPoint, "-o", "loop"))
        {
            Assert.Equal("3", File.ReadAllText(Path.Combine(disks.MountPoint, "b"))[..1]);
        }

        Assert.Equal(["a", "b"], Names(scratch["copy"]));

        static IEnumerable<string> Names(string image)
        {
            using var device = FileDevice.OpenRead(image);
            using var fileSystem = BtrfsFileSystem.Open(device, new FileSystemOpenOptions());
            return [.. fileSystem.List(fileSystem.Root).Select(entry => entry.Name).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public void A_damaged_superblock_is_replaced_by_its_copy()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);
        disks.Fill("", "echo hello > file");
        using (var file = new FileStream(disks.Files[0], FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = (64 << 10) + 0x100;
            file.Write("damage"u8);
        }

        using (var fileSystem = disks.Open())
        {
            Assert.Equal("hello\n", new GuestTree(fileSystem).ReadText("/file"));
        }

        using (var file = new FileStream(disks.Files[0], FileMode.Open, FileAccess.ReadWrite))
        {
            file.Position = (64 << 20) + 0x100;
            file.Write("damage"u8);
        }

        Assert.Equal("BTR001", Assert.Throws<DiagnosticException>(disks.Open).Diagnostic.Id);
    }

    [Fact]
    public void Nothing_is_written_to_a_device_that_cannot_be()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);
        using var fileSystem = disks.Open();
        Assert.NotNull(fileSystem.Info.ReadOnlyReason);
        Assert.Equal("FIL006", Assert.Throws<DiagnosticException>(() => new GuestTree(fileSystem).WriteFile("/x", "y"u8)).Diagnostic.Id);
    }
}
