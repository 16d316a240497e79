using System.Diagnostics;
using Rehost.Blocks;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.FileSystems.Xfs;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>Images that mkfs.xfs made and the kernel filled, full of junk before: our code and the kernel's mount must see the same.</summary>
public sealed class XfsReadingTests(SourceDirectory source) : IClassFixture<SourceDirectory>
{
    [Theory]
    [InlineData("v5", "")]
    [InlineData("all", "-m rmapbt=1,reflink=1,bigtime=1,inobtcount=1 -i sparse=1,nrext64=1")]
    [InlineData("old-v5", "-m bigtime=0,inobtcount=0,reflink=0,finobt=0 -i sparse=0")]
    [InlineData("small", "-b size=1024 -i size=512")]
    [InlineData("directories-16k", "-n size=16384")]
    [InlineData("directories-64k", "-n size=65536 -i size=2048")]
    [InlineData("sectors-4k", "-s size=4096")]
    [InlineData("groups", "-d agcount=2 -l size=64m")]
    public void Everything_reads_as_through_the_kernel(string name, string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, mkfs, 512);
        Directory.CreateDirectory(scratch["mounted"]);
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $$"""
                set -e; cd '{{scratch["mounted"]}}'; cp -a '{{source.Path}}/.' .
                fallocate -l 500000 allocated; printf in | dd of=allocated bs=1 seek=200000 conv=notrunc status=none
                seq 200000 > text; cp --reflink=auto text shared; printf CHANGED | dd of=shared bs=1 seek=500000 conv=notrunc status=none; truncate -s 9000000 shared
                for i in $(seq 0 2 1500); do printf x | dd of=pieces bs=4096 seek=$i conv=notrunc status=none; done
                mkdir hashes; for i in $(seq 4000); do : > hashes/a-name-of-some-length-$i; done; rm hashes/*7
                mkdir one short; for i in 1 2 3; do : > one/$i; done; for i in $(seq 20); do : > short/entry-$i; done
                setfattr -n user.note -v 'some value' text; setfattr -n trusted.x -v y text; setfattr -n security.selinux -v system_u:object_r:etc_t:s0 text; setfacl -m u:55:rwx,g:7:r text; setfacl -d -m u:5:rx one
                for i in $(seq 60); do setfattr -n user.number-$i-of-many -v "$(seq $i 90)" special/random; done; setfattr -n user.big -v "$(seq 12000)" special/random
                ln -s $(printf '%*s' 1000 | tr ' ' t) long-link; touch -d '2040-01-01 UTC' future || true; mknod dev c 200 60000
                """);
        }

        using (new Mounted(image, scratch["mounted"], "-o", "loop,ro"))
        using (var device = FileDevice.OpenRead(image))
        using (var fileSystem = XfsFileSystem.Open(device, new FileSystemOpenOptions()))
        {
            var tree = new GuestTree(fileSystem);
            HostTree.Compare(tree, scratch["mounted"], scratch["list"]);
            foreach (var path in (string[])["/text", "/special/random", "/special/size-60", "/empty", "/one"])
            {
                CompareAttributes(tree, path, scratch["mounted"]);
            }

            Assert.Equal("xfs", fileSystem.Info.Type);
            Assert.Equal(Tool.MustRun("blkid", "-o", "value", "-s", "UUID", "-p", image).Trim(), fileSystem.Info.Uuid);
            Assert.Empty(fileSystem.Check());
            Assert.NotEmpty(name);
        }
    }

    /// <summary>Kernels are built without version 4 now, and map no blocks larger than a page: mkfs.xfs fills these images itself, from a prototype.</summary>
    [Theory]
    [InlineData("-m crc=0 -n ftype=0")]
    [InlineData("-m crc=0 -n ftype=1 -i size=256")]
    [InlineData("-m crc=0 -b size=512 -i size=256 -n ftype=1")]
    [InlineData("-m crc=0 -i attr=1,size=1024 -n size=32768")]
    [InlineData("-b size=16384 -i size=2048")] // mkfs writes long links of version 5 without their header; here they fit into the inode
    [InlineData("-b size=65536 -i size=2048")]
    public void What_mkfs_copied_in_reads_the_same(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("bash", "-c", $$"""
            cd '{{scratch.Path}}'; seq 300000 > big; seq 90 > small; : > empty
            { echo skip; echo 0 0; echo d--755 3 4; echo big ---644 5 6 big; echo small -u-755 0 0 small; echo empty ---600 0 0 empty; echo link l--777 0 0 some/where/else
            printf 'long l--777 0 0 %s\n' $(printf '%*s' 900 | tr ' ' t); echo null c--666 1 2 1 3; echo disk b--660 0 0 8 17; echo pipe p--644 0 0
            echo sub d--750 0 0; echo 'deep d--700 0 0'; echo leaf ---644 0 0 small; echo '$'; echo '$'
            echo many d--755 0 0; for i in $(seq 700); do echo a-name-of-some-length-$i ---644 0 0 small; done; echo '$'; echo '$'; } > proto
            """);
        var image = Make(scratch, $"{mkfs} -p '{scratch["proto"]}'", 400);
        using var fileSystem = Open(image);
        var tree = new GuestTree(fileSystem);
        Assert.Equal(["big", "disk", "empty", "link", "long", "many", "null", "pipe", "small", "sub"], tree.List("/").Select(entry => entry.Name));
        Assert.Equal(File.ReadAllBytes(scratch["big"]), tree.ReadAllBytes("/big", 10 << 20));
        Assert.Equal(File.ReadAllBytes(scratch["small"]), tree.ReadAllBytes("/sub/deep/leaf", 1000));
        Assert.Equal(700, tree.List("/many").Count(entry => entry.Kind == NodeKind.File && tree.ReadAllBytes(entry.Path, 1000).Length == new FileInfo(scratch["small"]).Length));
        Assert.Equal(("some/where/else", 900), (tree.ReadLink("/link"), tree.ReadLink("/long").Length));
        var (zero, disk, small) = (tree.Resolve("/null").Metadata, tree.Resolve("/disk").Metadata, tree.Resolve("/small").Metadata);
        Assert.Equal((NodeKind.CharacterDevice, 1u, 3u, 1u, 2u), (zero.Kind, zero.DeviceMajor, zero.DeviceMinor, zero.Uid, zero.Gid));
        Assert.Equal((NodeKind.BlockDevice, 8u, 17u, NodeKind.Fifo), (disk.Kind, disk.DeviceMajor, disk.DeviceMinor, tree.Resolve("/pipe").Kind));
        Assert.Equal((Convert.ToInt32("4755", 8), Convert.ToInt32("750", 8)), (small.Permissions, tree.Resolve("/sub").Metadata.Permissions));
        Assert.Empty(fileSystem.Check());
        Assert.True(fileSystem.GetFreeRanges().Sum(range => range.Length) > 200 << 20);
    }

    [Fact]
    public void Free_space_holds_nothing_that_the_checker_or_the_kernel_reads()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "", 400);
        Fill(scratch, image, $"cp -a '{source.Path}/many' .; seq 3000000 > big; for i in $(seq 300); do seq $i 2000 > f$i; done; sync; rm f*[02468]; rm big");
        long freed = 0;
        using (var device = FileDevice.OpenRead(image))
        using (var fileSystem = XfsFileSystem.Open(device, new FileSystemOpenOptions()))
        using (var file = new FileStream(image, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
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

        Assert.True(freed > 250 << 20, $"only {freed} bytes are free");
        Tool.MustRun("xfs_repair", "-n", image);
        using (new Mounted(image, scratch["mounted"], "-o", "loop,ro"))
        using (var device = FileDevice.OpenRead(image))
        using (var fileSystem = XfsFileSystem.Open(device, new FileSystemOpenOptions()))
        {
            HostTree.Compare(new GuestTree(fileSystem), scratch["mounted"], scratch["list"]);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("-l size=64m,su=64k")]
    public void A_file_system_in_use_is_refused_with_the_way_out_and_a_clean_one_is_not(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, mkfs, 400);
        Open(image).Dispose(); // straight from mkfs

        // Several passes over the log, so that the head stands anywhere.
        for (var round = 0; round < 3; round++)
        {
            Fill(scratch, image, $"for i in $(seq 1500); do echo $i > f{round}-$i; done; sync; rm f{round}-*");
            Open(image).Dispose();
        }

        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Tool.MustRun("sh", "-c", $"cd '{scratch["mounted"]}' && echo 1 > a && sync && cp --sparse=always '{image}' '{scratch["copy"]}'");
        }

        Assert.Equal("XFS008", Assert.Throws<DiagnosticException>(() => Open(scratch["copy"])).Diagnostic.Id);
        Open(image).Dispose();
    }

    [Fact]
    public void Damage_gives_findings_and_nothing_else()
    {
        using var scratch = new ScratchDirectory();
        foreach (var (mkfs, seed) in ((string, int)[])[("-i size=2048", 1), ("", 2)])
        {
            var image = Make(scratch, mkfs, 400);
            Fill(scratch, image, """
                mkdir -p many a/b/c; for i in $(seq 300); do echo $i > many/a-file-with-a-name-$i; done; seq 20000 > text; ln -s a/b link; ln -s $(printf '%*s' 1000 | tr ' ' t) long
                for i in $(seq 0 2 400); do printf x | dd of=pieces bs=4096 seek=$i conv=notrunc status=none; done
                for i in $(seq 40); do setfattr -n user.number-$i -v "$(seq $i 90)" text; done; setfattr -n user.big -v "$(seq 9000)" text; setfacl -m u:55:rwx a
                """);
            using var pristine = FileDevice.OpenRead(image);
            var hot = FindMetadata(pristine);
            var random = new Random(seed);
            for (var round = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 400); round > 0; round--)
            {
                using var device = new OverlayDevice(pristine, OverlayStore.InMemory());
                for (var flips = random.Next(1, 10); flips > 0; flips--)
                {
                    var at = random.Next(8) == 0 ? random.Next(240) : hot[random.Next(hot.Count)];
                    device.Write(new GuestOffset(at), [(byte)(random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => random.Next(256) })]);
                }

                var watch = Stopwatch.StartNew();
                try
                {
                    ReadEverything(device);
                }
                catch (DiagnosticException)
                {
                    // A finding: what damage must give.
                }
                catch (Exception e)
                {
                    Assert.Fail($"{mkfs}, round {round}: {e}");
                }

                Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"{mkfs}, round {round} took {watch.Elapsed}");
            }
        }
    }

    [Fact]
    public void What_is_not_read_is_refused_by_name()
    {
        using var scratch = new ScratchDirectory();
        var image = Make(scratch, "-m crc=0", 400);
        foreach (var (length, id) in ((int, string)[])[(0, "XFS001"), (511, "XFS001"), (4096, "XFS001"), (10 << 20, "XFS001")])
        {
            using var cut = new MemoryDevice(File.ReadAllBytes(image)[..length]);
            Assert.Equal(id, Assert.Throws<DiagnosticException>(() => XfsFileSystem.Open(cut, new FileSystemOpenOptions())).Diagnostic.Id);
        }

        using (var fileSystem = Open(image))
        {
            Assert.Null(fileSystem.Info.ReadOnlyReason);
        }

        // Read, and not written.
        using var other = new ScratchDirectory();
        using var ignoresCase = Open(Make(other, "-n version=ci", 400));
        Assert.Contains("ascii-ci", ignoresCase.Info.ReadOnlyReason, StringComparison.Ordinal);
        Assert.Equal("FIL006", Assert.Throws<DiagnosticException>(() => new GuestTree(ignoresCase).WriteFile("/x", "y"u8)).Diagnostic.Id);
    }

    private static XfsFileSystem Open(string image) => XfsFileSystem.Open(FileDevice.OpenRead(image), new FileSystemOpenOptions());

    private static string Make(ScratchDirectory scratch, string mkfs, int mebibytes)
    {
        var image = scratch["image"];
        var junk = new byte[4 << 20];
        new Random(1).NextBytes(junk);
        using (var file = File.Create(image))
        {
            for (var written = 0; written < mebibytes; written += 4)
            {
                file.Write(junk);
            }
        }

        Tool.MustRun("sh", "-c", $"cd '{scratch.Path}' && mkfs.xfs -q -f {mkfs} '{image}'");
        return image;
    }

    private static void Fill(ScratchDirectory scratch, string image, string script)
    {
        Directory.CreateDirectory(scratch["mounted"]);
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop");
        Tool.MustRun("bash", "-c", $"set -e; cd '{scratch["mounted"]}'\n{script}\n");
    }

    private static void CompareAttributes(GuestTree tree, string path, string directory)
    {
        var expected = Tool.MustRun("getfattr", "-d", "-m", "-", "-e", "hex", "--absolute-names", directory + path).Split('\n').Where(line => line.Contains('=', StringComparison.Ordinal) && !line.Contains(".SGI_ACL_", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        var found = tree.GetExtendedAttributes(path).Select(one => $"{one.Key}=0x{Convert.ToHexStringLower(one.Value)}").Order(StringComparer.Ordinal);
        Assert.Equal(expected, found);
    }

    /// <summary>Places in the allocated part that are not random junk: inodes, trees, directories.</summary>
    private static List<int> FindMetadata(FileDevice image)
    {
        using var fileSystem = XfsFileSystem.Open(image, new FileSystemOpenOptions());
        var free = fileSystem.GetFreeRanges().ToList();
        var hot = new List<int>();
        var block = new byte[512];
        for (var at = 0; at < image.Length && hot.Count < 400_000; at += block.Length)
        {
            if (free.Any(range => at >= range.Offset && at < range.End))
            {
                continue;
            }

            image.Read(new GuestOffset(at), block);
            var zeros = block.AsSpan().Count((byte)0);
            if (zeros is > 60 and < 512)
            {
                hot.AddRange(Enumerable.Range(at, block.Length).Where(place => block[place - at] != 0));
            }
        }

        return hot;
    }

    private static void ReadEverything(IBlockDevice device)
    {
        using var fileSystem = XfsFileSystem.Open(device, new FileSystemOpenOptions());
        Attempt(() => fileSystem.Check());
        var buffer = new byte[100_000];
        var work = new Stack<NodeId>([fileSystem.Root]);
        for (var left = 500; left > 0 && work.TryPop(out var node); left--)
        {
            Attempt(() =>
            {
                var metadata = fileSystem.GetMetadata(node);
                Attempt(() => fileSystem.GetExtendedAttributes(node));
                foreach (var entry in fileSystem.List(node).Take(1000))
                {
                    work.Push(entry.Node);
                }

                Attempt(() => fileSystem.Lookup(node, "not there"));
                Attempt(() => fileSystem.ReadLink(node));
                foreach (var offset in new[] { 0, 4000, metadata.Length / 2, Math.Max(0, metadata.Length - 5), long.MaxValue - 200_000 })
                {
                    Attempt(() => fileSystem.Read(node, offset, buffer));
                }

                return null;
            });
        }
    }

    private static void Attempt(Func<object?> action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
            // One finding must not hide what comes after it.
        }
    }
}
