using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.FileSystems.Btrfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>Edits of file systems that the kernel filled, and the ends of what fits.</summary>
public sealed class BtrfsWritingTests
{
    private const string KernelsContent = """
        seq 200000 > shared; cp --reflink=always shared reflink; cp --reflink=always shared second
        seq 100000 > compressed; btrfs filesystem defragment -czstd -f compressed > /dev/null
        fallocate -l 3000000 allocated; printf in | dd of=allocated bs=1 seek=200000 conv=notrunc status=none
        head -c 1500 shared > inline; truncate -s 9000000 sparse; printf end >> sparse
        for at in 3 50000 131071 400001; do printf OVERWRITTEN | dd of=second bs=1 seek=$at conv=notrunc status=none; sync; done
        mkdir dir; for i in $(seq 300); do ln shared dir/a-name-of-some-length-so-that-references-need-room-$i; done
        mkfifo pipe; mknod device c 1 3; setfattr -n user.note -v value shared; setfacl -m u:55:rwx shared
        """;

    [Theory]
    [InlineData("", "")]
    [InlineData("-n 4096 -s 4096 -O ^no-holes -R ^free-space-tree", "")]
    [InlineData("-d raid0 -m raid1", "snapshot")]
    [InlineData("-n 4096", "snapshot")]
    public void Files_of_the_kernel_are_edited(string mkfs, string snapshot)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, mkfs.Contains("raid", StringComparison.Ordinal) ? 2 : 1, 200);
        disks.Fill("", KernelsContent + (snapshot.Length > 0 ? "\nsync; btrfs -q subvolume snapshot -r . snapshot; (cd snapshot; find . -type f -print0 | sort -z | xargs -0 sha256sum) > ../before" : ""));
        var expected = new Dictionary<string, byte[]>();
        using (var fileSystem = disks.OpenToWrite())
        {
            var tree = new GuestTree(fileSystem);
            foreach (var name in new[] { "shared", "reflink", "second", "compressed", "allocated", "inline", "sparse" })
            {
                var content = tree.ReadAllBytes("/" + name, 10 << 20);
                var node = tree.Resolve("/" + name).Node;
                foreach (var (at, length) in new[] { (0, 10), (4090, 12), (100_000, 50_000), (content.Length - 3, 5000) })
                {
                    if (at > content.Length)
                    {
                        continue;
                    }

                    var data = Enumerable.Range(0, length).Select(i => (byte)((i + at) % 251)).ToArray();
                    fileSystem.Write(node, at, data);
                    Array.Resize(ref content, Math.Max(content.Length, at + length));
                    data.CopyTo(content, at);
                }

                fileSystem.SetLength(node, content.Length - 700);
                expected[name] = content[..^700];
                Assert.Equal(expected[name], tree.ReadAllBytes("/" + name, 10 << 20));
            }

            // Names of a file with so many in one directory that they stand in several items.
            var directory = tree.Resolve("/dir").Node;
            for (var i = 1; i <= 300; i += 2)
            {
                var name = "a-name-of-some-length-so-that-references-need-room-" + i;
                if (i % 3 == 0)
                {
                    fileSystem.Unlink(directory, name);
                }
                else
                {
                    fileSystem.Rename(directory, name, directory, "renamed-" + i.ToString(CultureInfo.InvariantCulture));
                }
            }

            fileSystem.Rename(fileSystem.Root, "pipe", directory, "pipe");
            fileSystem.Unlink(fileSystem.Root, "device");
            fileSystem.SetExtendedAttribute(tree.Resolve("/shared").Node, "user.note", null);
            fileSystem.Flush();
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (disks.Mount("ro"))
        {
            using var fileSystem = disks.Open();
            HostTree.Compare(new GuestTree(fileSystem), disks.MountPoint, scratch["list"]);
            foreach (var (name, content) in expected)
            {
                Assert.True(content.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(disks.MountPoint, name))), name);
            }

            if (snapshot.Length > 0)
            {
                Tool.MustRun("sh", "-c", $"cd '{disks.MountPoint}/snapshot' && sha256sum --quiet -c '{scratch["before"]}'");
            }
        }
    }

    [Theory]
    [InlineData("-n 4096 -s 4096", 6000)]
    [InlineData("", 100_000)]
    public void A_directory_of_thousands_of_entries_grows_and_shrinks(string mkfs, int count)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, 1, 200);
        using (var fileSystem = disks.OpenToWrite())
        {
            var directory = fileSystem.CreateDirectory(fileSystem.Root, "many", new NodeAttributes(0x1ED));
            for (var i = 0; i < count; i++)
            {
                fileSystem.CreateFile(directory, Name(i), new NodeAttributes(0x1A4));
            }

            fileSystem.Flush();
            Assert.Equal(count, fileSystem.List(directory).Count());
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (disks.Mount("ro"))
        {
            Assert.Equal(count, Directory.EnumerateFiles(Path.Combine(disks.MountPoint, "many")).Count());
            Assert.True(File.Exists(Path.Combine(disks.MountPoint, "many", Name(count / 2))));
        }

        using (var fileSystem = disks.OpenToWrite())
        {
            var directory = fileSystem.Lookup(fileSystem.Root, "many")?.Node ?? default;
            for (var i = 0; i < count; i++)
            {
                if (i % 100 != 7)
                {
                    fileSystem.Unlink(directory, Name(i));
                }
            }

            fileSystem.Flush();
            Assert.Equal(count / 100, fileSystem.List(directory).Count());
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (disks.Mount(""))
        {
            Tool.MustRun("sh", "-c", $"cd '{disks.MountPoint}' && [ $(ls many | wc -l) = {count / 100} ] && rm -r many && seq 100 > after");
        }

        Assert.Null(disks.FindFault());

        static string Name(int i) => $"{unchecked((uint)i * 2654435761u):x8}-{i}";
    }

    [Theory]
    [InlineData("--mixed -n 4096 -s 4096", 1, 24)]
    [InlineData("", 1, 160)]
    [InlineData("-d raid1 -m raid1", 2, 136)]
    public void A_full_file_system_stays_whole(string mkfs, int devices, int mebibytes)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, devices, mebibytes);
        var data = new byte[1 << 20];
        new Random(1).NextBytes(data);
        var files = 0;
        using (var fileSystem = disks.OpenToWrite())
        {
            for (var size = data.Length; size >= 4096; size /= 4)
            {
                while (true)
                {
                    var node = fileSystem.CreateFile(fileSystem.Root, $"file{files}", new NodeAttributes(0x1A4));
                    try
                    {
                        fileSystem.Write(node, 0, data.AsSpan(0, size));
                        files++;
                    }
                    catch (DiagnosticException e) when (e.Diagnostic.Id == "FIL004")
                    {
                        Assert.Equal(0, fileSystem.GetMetadata(node).Length);
                        fileSystem.Unlink(fileSystem.Root, $"file{files}");
                        break;
                    }
                }
            }

            fileSystem.Flush();
            Assert.True(files > mebibytes / 4, $"only {files} files fitted");
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (var fileSystem = disks.OpenToWrite())
        {
            for (var i = 0; i < files; i += 2)
            {
                fileSystem.Unlink(fileSystem.Root, $"file{i}");
            }

            fileSystem.Write(fileSystem.CreateFile(fileSystem.Root, "again", new NodeAttributes(0x1A4)), 0, data);
            fileSystem.Flush();
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (disks.Mount(""))
        {
            Assert.Equal(SHA256.HashData(data), SHA256.HashData(File.ReadAllBytes(Path.Combine(disks.MountPoint, "again"))));
            Tool.MustRun("sh", "-c", $"cd '{disks.MountPoint}' && rm file1 && seq 1000 > kernel && sync");
        }

        Assert.Null(disks.FindFault());
    }

    [Fact]
    public void Names_with_equal_hashes_stand_side_by_side()
    {
        var names = new Dictionary<uint, string>();
        var pairs = new List<(string, string)>();
        for (ulong i = 1; pairs.Count < 3; i++)
        {
            // Names that differ in few places only cannot have the same CRC.
            var name = unchecked(i * 0x9E37_79B9_7F4A_7C15).ToString("x16", CultureInfo.InvariantCulture);
            var hash = Crc32C.Update(0xFFFF_FFFE, Encoding.UTF8.GetBytes(name));
            if (!names.TryAdd(hash, name))
            {
                pairs.Add((names[hash], name));
            }
        }

        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 160);
        using (var fileSystem = disks.OpenToWrite())
        {
            var file = fileSystem.CreateFile(fileSystem.Root, "file", new NodeAttributes(0x1A4));
            foreach (var (first, second) in pairs)
            {
                fileSystem.CreateFile(fileSystem.Root, first, new NodeAttributes(0x1A4));
                fileSystem.CreateDirectory(fileSystem.Root, second, new NodeAttributes(0x1ED));
                fileSystem.SetExtendedAttribute(file, first, [1]);
                fileSystem.SetExtendedAttribute(file, second, [2]);
            }

            fileSystem.Unlink(fileSystem.Root, pairs[0].Item1);
            fileSystem.RemoveDirectory(fileSystem.Root, pairs[1].Item2);
            fileSystem.Flush();
            Assert.NotNull(fileSystem.Lookup(fileSystem.Root, pairs[0].Item2));
            Assert.Null(fileSystem.Lookup(fileSystem.Root, pairs[0].Item1));
            Assert.Equal(6, fileSystem.GetExtendedAttributes(file).Count);
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using var mounted = disks.Mount("ro");
        Assert.Equal(
            new[] { "file", pairs[0].Item2, pairs[1].Item1, pairs[2].Item1, pairs[2].Item2 }.Order(StringComparer.Ordinal),
            Directory.EnumerateFileSystemEntries(disks.MountPoint).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_file_of_10_000_extents_is_made_cut_and_removed()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 200);
        using (var fileSystem = disks.OpenToWrite())
        {
            var file = fileSystem.CreateFile(fileSystem.Root, "holes", new NodeAttributes(0x1A4));
            var removed = fileSystem.CreateFile(fileSystem.Root, "removed", new NodeAttributes(0x1A4));
            for (var i = 0; i < 20_000; i++)
            {
                fileSystem.Write(i % 2 == 0 ? file : removed, i * 8192L, "content"u8);
            }

            fileSystem.Flush();
            fileSystem.SetLength(file, 100_000_000);
            fileSystem.Unlink(fileSystem.Root, "removed");
            fileSystem.Flush();
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using (disks.Mount("ro"))
        {
            using var fileSystem = disks.Open();
            HostTree.Compare(new GuestTree(fileSystem), disks.MountPoint, scratch["list"]);
        }
    }

    [Fact]
    public void The_same_edits_give_the_same_bytes()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 136);
        var results = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var device = new OverlayDevice(FileDevice.OpenRead(disks.Files[0]), OverlayStore.InMemory(), ownsBelow: true);
            using (var fileSystem = BtrfsFileSystem.Open(device, new FileSystemOpenOptions()))
            {
                var tree = new GuestTree(fileSystem);
                tree.CreateDirectories("/etc/network");
                tree.WriteFile("/etc/network/interfaces", new byte[100_000]);
                tree.WriteFile("/etc/name", "guest\n"u8);
                fileSystem.Flush();
            }

            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var buffer = new byte[1 << 20];
            for (long at = 0; at < device.Length; at += buffer.Length)
            {
                device.Read(new GuestOffset(at), buffer);
                hash.AppendData(buffer);
            }

            results.Add(Convert.ToHexString(hash.GetHashAndReset()));
        }

        Assert.Equal(results[0], results[1]);
    }

    [Fact]
    public void Subvolumes_are_written_each_and_neither_moved_nor_removed()
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "", 1, 200);
        disks.Fill("", "btrfs -q subvolume create @; mkdir @/dir; btrfs -q subvolume create @/inner; echo a > @/file; btrfs -q subvolume snapshot @ copy; btrfs -q subvolume snapshot -r @ fixed");
        using (var fileSystem = disks.OpenToWrite())
        {
            var tree = new GuestTree(fileSystem);
            var (at, copy, fixedCopy) = (tree.Resolve("/@").Node, tree.Resolve("/copy").Node, tree.Resolve("/fixed").Node);
            tree.WriteFile("/@/file", "of @\n"u8);
            tree.WriteFile("/copy/file", "of the copy\n"u8);
            tree.WriteFile("/@/inner/new", "inside\n"u8);
            tree.WriteFile("/top", "top\n"u8);
            foreach (var (id, action) in new (string, Action)[]
            {
                ("FIL006", () => tree.WriteFile("/fixed/file", "no"u8)),
                ("FIL006", () => tree.WriteFile("/copy/inner/file", "no"u8)),
                ("FIL006", () => fileSystem.RemoveDirectory(fileSystem.Root, "copy")),
                ("FIL006", () => fileSystem.RemoveDirectory(copy, "inner")),
                ("FIL006", () => fileSystem.Rename(fileSystem.Root, "copy", fileSystem.Root, "other")),
                ("FIL006", () => fileSystem.Rename(at, "file", copy, "other")),
                ("FIL006", () => fileSystem.Rename(at, "dir", at, "inner")),
                ("FIL002", () => fileSystem.Unlink(fileSystem.Root, "copy")),
                ("FIL006", () => fileSystem.Unlink(fixedCopy, "file")),
            })
            {
                Assert.Equal(id, Assert.Throws<DiagnosticException>(action).Diagnostic.Id);
            }

            fileSystem.Flush();
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        using var mounted = disks.Mount("ro");
        Assert.Equal("of @\n|of the copy\n|inside\n|top\n|a\n", string.Join('|', new[] { "@/file", "copy/file", "@/inner/new", "top", "fixed/file" }.Select(path => File.ReadAllText(Path.Combine(disks.MountPoint, path)))));
    }

    [Theory]
    [InlineData("-d raid5 -m raid1", 3, "true", "parity")]
    [InlineData("-d raid1 -m raid6", 3, "true", "parity")]
    [InlineData("-d raid1 -m raid1", 2, "missing", "1 of its 2 devices")]
    [InlineData("-d raid1 -m raid1", 2, "missing", "missing: device 2")]
    [InlineData("", 1, "block-group-tree", "block-group-tree")]
    [InlineData("-d single -m single", 1, "btrfstune -f -S 1", "seed")]
    [InlineData("", 1, "compat", "compat_ro")]
    public void What_is_not_written_is_refused_before_anything_changes(string mkfs, int devices, string change, string reason)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, devices, 200);
        if (change == "compat")
        {
            disks.EditSuperblock(bytes => bytes[0xb4 + 1] |= 0x80);
        }
        else if (change == "block-group-tree")
        {
            disks.EditSuperblock(bytes => bytes[0xb4] |= 8);
        }
        else if (change is not "missing" and not "true")
        {
            Tool.MustRun("sh", "-c", $"{change} '{disks.Files[0]}'");
        }

        var before = disks.Files.Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))).ToList();
        if (change == "missing")
        {
            disks.Files.RemoveAt(1);
            before.RemoveAt(1);
        }

        using (var fileSystem = disks.OpenToWrite())
        {
            Assert.Contains(reason, fileSystem.Info.ReadOnlyReason, StringComparison.OrdinalIgnoreCase);
            var refusal = Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "x", new NodeAttributes(0x1A4))).Diagnostic;
            Assert.Equal("FIL006", refusal.Id);
            Assert.Contains(reason, refusal.ToString(), StringComparison.OrdinalIgnoreCase);
            fileSystem.Flush();
        }

        disks.Close();
        Assert.Equal(before, disks.Files.Select(file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)))));
    }

    /// <summary>All holes on the host; the largest file that an ext4 of 4 KiB blocks holds.</summary>
    [Fact]
    public void A_file_system_of_16_tebibytes_is_edited()
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"truncate -s 17592186040320 '{image}' && mkfs.btrfs -q -f -K '{image}' && mkdir '{scratch["mounted"]}'");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = BtrfsFileSystem.Open(device, new FileSystemOpenOptions()))
        {
            Assert.Null(fileSystem.Info.ReadOnlyReason);
            var tree = new GuestTree(fileSystem);
            for (var i = 0; i < 100; i++)
            {
                tree.CreateDirectories($"/etc/d{i}");
                tree.WriteFile($"/etc/d{i}/f", new byte[5000 * (i + 1)]);
            }

            tree.WriteFile("/etc/fstab", "text"u8);
            fileSystem.Write(tree.Resolve("/etc/fstab").Node, 1L << 60, "far"u8);
            fileSystem.Flush();
            Assert.True(fileSystem.GetFreeRanges().Sum(range => range.Length) > 15L << 40);
            Assert.Empty(fileSystem.Check());
        }

        Tool.MustRun("btrfs", "check", "--readonly", "--check-data-csum", image);
        using (new Mounted(image, scratch["mounted"], "-o", "loop"))
        {
            Assert.Equal("far", Tool.MustRun("tail", "-c", "3", scratch["mounted/etc/fstab"]));
            Assert.Equal(5000 * 101 * 50, Directory.GetFiles(scratch["mounted"], "f", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length));
            File.WriteAllText(scratch["mounted/kernel"], "wrote");
        }
    }

    /// <summary>As mkfs.btrfs makes them on machines with large pages; this kernel does not mount them, so btrfs check and btrfs restore judge.</summary>
    [Theory]
    [InlineData("-s 16384 -n 16384")]
    [InlineData("-s 65536 -n 65536")]
    [InlineData("-s 65536 -n 65536 --mixed")]
    [InlineData("-s 4096 -n 65536 --csum blake2 -d dup")]
    public void Sectors_and_tree_blocks_of_64_KiB_are_written(string mkfs)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, mkfs, 1, 320);
        var content = new byte[3_000_001];
        new Random(9).NextBytes(content);
        using (var fileSystem = disks.OpenToWrite())
        {
            Assert.Null(fileSystem.Info.ReadOnlyReason);
            var tree = new GuestTree(fileSystem);
            tree.CreateDirectories("/etc/many");
            tree.WriteFile("/etc/big", content);
            for (var i = 0; i < 400; i++)
            {
                tree.WriteFile($"/etc/many/{i}", content.AsSpan(0, i * 97));
            }

            fileSystem.Flush();
            fileSystem.Write(tree.Resolve("/etc/big").Node, 70_001, "changed"u8);
            "changed"u8.CopyTo(content.AsSpan(70_001));
            fileSystem.SetLength(tree.Resolve("/etc/many/399").Node, 5);
            tree.DeleteFile("/etc/many/300");
            fileSystem.Flush();
            Assert.Empty(fileSystem.Check());
        }

        disks.Close();
        Assert.Null(disks.FindFault());
        Directory.CreateDirectory(scratch["restored"]);
        Tool.MustRun("btrfs", "restore", disks.Files[0], scratch["restored"]);
        Assert.Equal(content, File.ReadAllBytes(scratch["restored/etc/big"]));
        Assert.Equal(399, Directory.GetFiles(scratch["restored/etc/many"]).Length);
        Assert.Equal(content[..(200 * 97)], File.ReadAllBytes(scratch["restored/etc/many/200"]));
    }
}
