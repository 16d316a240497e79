using System.Globalization;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Large directories, maps and file systems: correct as e2fsck and the kernel see them, or refused before anything is written. Images are full of junk before mke2fs.</summary>
public sealed class ExtLimitTests
{
    private static readonly NodeAttributes Plain = new(0x1A4);

    [Theory]
    [InlineData("-t ext4 -b 1024 -I 128", 180, 100_000)]
    [InlineData("-t ext4", 160, 100_000)]
    [InlineData("-t ext2 -b 1024 -I 128 -O ^dir_index", 60, 10_000)] // the kernel itself reads it all for each name
    public void A_large_directory_of_the_kernel_is_edited(string mke2fs, int mebibytes, int count)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "large", mebibytes, [.. mke2fs.Split(' '), "-N", $"{count + 1000}"]);
        Directory.CreateDirectory(scratch["mounted"]);
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Tool.MustRun("bash", "-c", $"cd '{scratch["mounted"]}' && mkdir many && cd many && seq -f 'name-%.0f' {count} | xargs touch");
        }

        Edit(image, fileSystem =>
        {
            var directory = fileSystem.Lookup(fileSystem.Root, "many")?.Node ?? default;
            Assert.Equal(count, fileSystem.List(directory).Count());
            for (var i = 1; i <= 300; i++)
            {
                fileSystem.Write(fileSystem.CreateFile(directory, $"new-{i}", Plain), 0, "x"u8);
                fileSystem.Unlink(directory, $"name-{i * 31}");
            }

            fileSystem.Rename(directory, $"name-{count - 1}", fileSystem.Root, "moved");
        });
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Assert.Equal($"{count - 1}", Tool.MustRun("bash", "-c", $"ls -U '{scratch["mounted"]}/many' | wc -l").Trim());
            Tool.MustRun("bash", "-c", $"cd '{scratch["mounted"]}' && test $(cat many/new-300) = x && test ! -e many/name-31 && test -e moved && rm many/new-1 many/name-{count} && echo y > many/after");
        }

        ExtImages.MustBeClean(image);
    }

    /// <summary>REHOST_DIRECTORY_ENTRIES sets another number.</summary>
    [Fact]
    public void A_directory_of_100_000_entries_is_made()
    {
        var count = ExtRandomOperations.ReadSetting("REHOST_DIRECTORY_ENTRIES", 100_000);
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "large", 120, ["-t", "ext4", "-N", "101000", "-I", "128"]);
        Edit(image, fileSystem =>
        {
            var directory = fileSystem.CreateDirectory(fileSystem.Root, "many", Plain);
            for (var i = 0; i < count; i++)
            {
                fileSystem.CreateFile(directory, $"a-name-{i.ToString(CultureInfo.InvariantCulture)}", Plain);
            }

            for (var i = 0; i < count; i += 97)
            {
                Assert.NotNull(fileSystem.Lookup(directory, $"a-name-{i.ToString(CultureInfo.InvariantCulture)}"));
            }
        });
        Directory.CreateDirectory(scratch["mounted"]);
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop,ro");
        Assert.Equal($"{count}", Tool.MustRun("bash", "-c", $"ls -U '{scratch["mounted"]}/many' | wc -l").Trim());
    }

    [Theory]
    [InlineData("-t ext4 -b 1024", 1024)]
    [InlineData("-t ext4 -b 4096", 4096)]
    [InlineData("-t ext3 -b 1024", 1024)]
    public void A_file_of_10_000_extents_of_the_kernel_is_edited_cut_and_removed(string mke2fs, int block)
    {
        using var scratch = new ScratchDirectory();
        var image = ExtImages.Make(scratch, "pieces", block > 1024 ? 160 : 64, [.. mke2fs.Split(' '), "-N", "4096"]);
        Directory.CreateDirectory(scratch["mounted"]);
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            // Every other block: no two of them are one extent.
            Tool.MustRun("python3", "-c", $"""
                for name in ('pieces', 'removed'):
                    with open('{scratch["mounted"]}/' + name, 'wb') as f:
                        for i in range(0, 20002, 2):
                            f.seek(i * {block}); f.write(i.to_bytes(4, 'little'))
                """);
        }

        Edit(image, fileSystem =>
        {
            var file = fileSystem.Lookup(fileSystem.Root, "pieces")?.Node ?? default;
            var four = new byte[4];
            for (var i = 0; i < 20_000; i++)
            {
                fileSystem.Read(file, (long)i * block, four);
                Assert.Equal(i % 2 == 0 ? i : 0, BitConverter.ToInt32(four));
            }

            for (var i = 1; i < 20_000; i += 400)
            {
                fileSystem.Write(file, ((long)i * block) + 17, "between"u8);
            }

            fileSystem.SetLength(file, 15_000L * block);
            fileSystem.Unlink(fileSystem.Root, "removed");
        });
        using var mounted = new Mounted(image, scratch["mounted"], "-o", "loop,ro");
        var content = File.ReadAllBytes(scratch["mounted/pieces"]);
        Assert.Equal(15_000 * block, content.Length);
        Assert.All(Enumerable.Range(0, 15_000), i => Assert.Equal(i % 2 == 0 ? i : 0, BitConverter.ToInt32(content, i * block)));
        Assert.All(Enumerable.Range(0, 37), i => Assert.True(content.AsSpan((((i * 400) + 1) * block) + 17, 7).SequenceEqual("between"u8)));
    }

    /// <summary>More blocks than 32 bits count. The host's own ext4 holds no file of this size: the image lies in an XFS, all holes.</summary>
    [Fact]
    public void A_file_system_of_16_tebibytes_and_more_is_edited()
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-c", $"truncate -s 3G '{scratch["host"]}' && mkfs.xfs -q '{scratch["host"]}' && mkdir '{scratch["hostfs"]}' '{scratch["mounted"]}'");
        using var host = new Mounted(scratch["host"], scratch["hostfs"], "-o", "loop");
        var image = scratch["hostfs/image"];
        Tool.MustRun("sh", "-c", $"truncate -s 17T '{image}' && mke2fs -q -F -t ext4 -b 4096 -i 67108864 -O 64bit,^resize_inode,sparse_super2,^has_journal -E nodiscard,lazy_itable_init=1,num_backup_sb=1 '{image}'");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = ExtImages.Open(device))
        {
            Assert.Null(fileSystem.Info.ReadOnlyReason);
            Assert.True(fileSystem.Info.TotalBytes > 16L << 40);
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/etc");
            tree.WriteFile("/etc/fstab", "text"u8);
            for (var i = 0; i < 100; i++)
            {
                tree.CreateDirectories($"/etc/d{i}");
                tree.WriteFile($"/etc/d{i}/f", new byte[5000 * (i + 1)]);
            }

            // The last group, beyond what 32 bits count: its blocks are taken when all others are.
            var file = tree.Resolve("/etc/fstab");
            fileSystem.Write(file.Node, 15L << 40, "far"u8);
            fileSystem.Flush();
            Assert.Equal((15L << 40) + 3, fileSystem.GetMetadata(file.Node).Length);
        }

        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Assert.Equal("far", Tool.MustRun("tail", "-c", "3", scratch["mounted/etc/fstab"]));
            Assert.Equal(5000 * 101 * 50, Directory.GetFiles(scratch["mounted"], "f", SearchOption.AllDirectories).Sum(one => new FileInfo(one).Length));
            File.WriteAllText(scratch["mounted/kernel"], "wrote");
        }

        Tool.MustRun("debugfs", "-R", "stat /etc/d99/f", image);
        Assert.Contains("clean", Tool.MustRun("dumpe2fs", "-h", image), StringComparison.Ordinal);
    }

    private static void Edit(string image, Action<ExtFileSystem> edit)
    {
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = ExtImages.Open(device))
        {
            Assert.Null(fileSystem.Info.ReadOnlyReason);
            edit(fileSystem);
            fileSystem.Flush();
            Assert.Empty(fileSystem.Check());
        }

        ExtImages.MustBeClean(image);
    }
}
