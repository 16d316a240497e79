using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Ntfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>Volumes that others filled, edited by our code; ntfs-3g's tools and mount are the witnesses.</summary>
public sealed class NtfsEditingTests
{
    private static readonly FileSystemOpenOptions Options = new() { Timestamp = DateTimeOffset.UnixEpoch.AddYears(50) };

    private const string Varied = """
        mkdir packed; setfattr -h -v 0x00000810 -n system.ntfs_attrib_be packed
        for i in $(seq 20000); do echo "line $i of a text that can be compressed rather well"; done > packed/text
        head -c 300000 /dev/urandom > packed/random; cat packed/text packed/random packed/text > packed/mixed
        truncate -s 3000000 packed/hole; printf end >> packed/hole; : > packed/empty; echo small > packed/small; head -c 65536 packed/text > packed/unit; head -c 600 packed/text > packed/resident
        mkdir plain; truncate -s 3000000 plain/sparse; for at in 0 5 13 77 400; do printf data | dd of=plain/sparse bs=4096 seek=$at conv=notrunc status=none; done
        for i in $(seq 60); do head -c 5000 packed/random >> plain/a; head -c 5000 packed/random >> plain/b; done
        echo resident > plain/resident; head -c 40000 packed/random > plain/random; setfattr -n user.stream -v value plain/a; ln plain/a plain/another-name-of-a
        for i in $(seq 0 40); do printf x | dd of=plain/many-holes bs=1 seek=$((i * 140000)) conv=notrunc status=none; done
        """;

    [Theory]
    [InlineData("-s 512 -c 4096", true, 1)]
    [InlineData("-s 512 -c 512", true, 2)]
    [InlineData("-s 1024 -c 2048", true, 3)]
    [InlineData("-s 4096 -c 4096", true, 4)]
    [InlineData("-s 512 -c 32768", false, 5)]
    public void Compressed_sparse_fragmented_and_small_files_are_overwritten(string mkntfs, bool canCompress, int seed)
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, mkntfs, canCompress ? 64 : 120);
        NtfsImages.Fill(image, mount, canCompress ? Varied : Varied.Replace("setfattr -h -v 0x00000810 -n system.ntfs_attrib_be packed", "", StringComparison.Ordinal));
        var random = new Random(seed);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var tree = new GuestTree(fileSystem);
            var model = new Dictionary<string, byte[]>();
            foreach (var entry in tree.List("/packed").Concat(tree.List("/plain")))
            {
                model.Add(entry.Path, tree.ReadAllBytes(entry.Path, 1 << 30));
            }

            var files = model.Keys.Where(path => path != "/plain/another-name-of-a").Order(StringComparer.Ordinal).ToArray();
            for (var i = 0; i < 300; i++)
            {
                var path = files[random.Next(files.Length)];
                var (node, content) = (tree.Resolve(path).Node, model[path]);
                if (random.Next(4) == 0)
                {
                    var length = random.Next(3) switch { 0 => 0, 1 => random.Next(content.Length + 1), _ => content.Length + random.Next(300_000) };
                    fileSystem.SetLength(node, length);
                    Array.Resize(ref content, length);
                }
                else
                {
                    var data = new byte[random.Next(3) switch { 0 => random.Next(1, 50), 1 => random.Next(1, 9000), _ => random.Next(1, 150_000) }];
                    random.NextBytes(data);
                    var offset = random.Next(4) switch { 0 => content.Length, 1 => content.Length + random.Next(100_000), _ => random.Next(content.Length + 1) };
                    fileSystem.Write(node, offset, data);
                    Array.Resize(ref content, Math.Max(content.Length, offset + data.Length));
                    data.CopyTo(content, offset);
                }

                model[path] = content;
            }

            model["/plain/another-name-of-a"] = model["/plain/a"];
            fileSystem.Flush();
            foreach (var (path, content) in model)
            {
                Assert.True(content.AsSpan().SequenceEqual(tree.ReadAllBytes(path, 1 << 30)), path);
            }

            Assert.Equal("value", Encoding.ASCII.GetString(tree.GetExtendedAttributes("/plain/a")["user.stream"]));
        }

        AssertSame(image, mount, scratch);
    }

    [Fact]
    public void Names_with_aliases_and_hard_links_are_renamed_and_removed()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, mount, """
            mkdir -p 'Program Files/Common Files' other; for i in $(seq 40); do echo $i > "Program Files/A long name $i.text"; setfattr -n system.ntfs_dos_name -v "ALONGN~$i.TEX" "Program Files/A long name $i.text"; done
            setfattr -h -n system.ntfs_dos_name -v 'PROGRA~1' 'Program Files'; setfattr -h -n system.ntfs_dos_name -v 'COMMON~1' 'Program Files/Common Files'
            echo linked > one; for i in $(seq 30); do ln one "other/hard link number $i of the file that is called one"; done
            """);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var tree = new GuestTree(fileSystem);
            var (root, files, other) = (fileSystem.Root, tree.Resolve("/program files").Node, tree.Resolve("/other").Node);
            Assert.Equal("FIL003", Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(files, "alongn~7.tex", default)).Diagnostic.Id);
            fileSystem.Unlink(files, "A LONG NAME 7.TEXT");
            Assert.Null(fileSystem.Lookup(files, "ALONGN~7.TEX"));
            fileSystem.Unlink(files, "ALONGN~8.TEX");
            Assert.Null(fileSystem.Lookup(files, "A long name 8.text"));
            fileSystem.Rename(files, "ALONGN~9.TEX", other, "nine");
            fileSystem.Rename(files, "A long name 10.text", files, "a LONG name 10.text");
            fileSystem.Rename(files, "A long name 11.text", files, "A long name 12.text");
            fileSystem.Rename(files, "common~1", root, "Common Files");
            fileSystem.Rename(root, "PROGRA~1", other, "Programs");
            Assert.Equal("11\n", tree.ReadText("/other/programs/a long NAME 12.text"));
            Assert.Equal(36, tree.List("/other/Programs").Count());
            Assert.Equal(31u, tree.Resolve("/one").Metadata.Links);
            for (var i = 3; i <= 30; i++)
            {
                fileSystem.Unlink(other, $"hard link number {i} of the file that is called one");
            }

            fileSystem.Unlink(root, "one");
            Assert.Equal(2u, tree.Resolve("/other/hard link number 1 of the file that is called ONE").Metadata.Links);
            tree.WriteFile("/other/hard link number 2 of the file that is called one", "changed"u8.ToArray());
            fileSystem.Flush();
        }

        AssertSame(image, mount, scratch, hasAliases: true);
    }

    [Fact]
    public void New_files_have_the_security_of_their_directory()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, mount, "mkdir guarded; chown 1001:1002 guarded; chmod 750 guarded", ",permissions");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var tree = new GuestTree(fileSystem);
            tree.WriteFile("/guarded/file", "x"u8.ToArray());
            tree.CreateDirectories("/guarded/directory/deep");
            tree.WriteFile("/plain", "x"u8.ToArray());
            fileSystem.Flush();
        }

        AssertSame(image, mount, scratch);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro,permissions"))
        {
            string Acl(string path) => Tool.MustRun("getfattr", "-h", "-e", "hex", "--only-values", "-n", "system.ntfs_acl", Path.Combine(mount, path));
            Assert.Equal(Acl("guarded"), Acl("guarded/file"));
            Assert.Equal(Acl("guarded"), Acl("guarded/directory/deep"));
            Assert.NotEqual(Acl("guarded"), Acl("plain"));
            Assert.Equal("1001:1002", Tool.MustRun("stat", "-c", "%u:%g", Path.Combine(mount, "guarded/file")).Trim());
        }
    }

    /// <summary>Long names in random order, so that all ways to split happen; then removal in order and at random, so that leaves become empty everywhere.</summary>
    [Theory]
    [InlineData("-c 4096", 0, 160, 20)]
    [InlineData("-s 4096 -c 4096", 3000, 64, 200)]
    [InlineData("-c 512", 3000, 32, 250)]
    [InlineData("-c 65536", 3000, 200, 120)]
    public void Directories_are_filled_and_emptied(string mkntfs, int count, int mebibytes, int longest)
    {
        count = count == 0 ? ExtRandomOperations.ReadSetting("REHOST_DIRECTORY_ENTRIES", 25_000) : count; // 100,000 take half a minute of CPU
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, mkntfs, mebibytes);
        var random = new Random(count);
        var names = Enumerable.Range(0, count).Select(i => i.ToString("d6", CultureInfo.InvariantCulture) + new string('n', i * 7 % longest)).ToArray();
        var kept = new HashSet<string>(names);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var directory = fileSystem.CreateDirectory(fileSystem.Root, "many", default);
            foreach (var name in names.OrderBy(_ => random.Next()))
            {
                fileSystem.CreateFile(directory, name, default);
            }

            fileSystem.Flush();
            Assert.Null(NtfsImages.FindFault(image));
            Assert.Equal(names, fileSystem.List(directory).Select(entry => entry.Name));

            // A stretch in order from the front, one from the back, and then here and there.
            foreach (var name in names[..(count / 5)].Concat(names[(count * 4 / 5)..].Reverse()).Concat(names[(count / 5)..(count * 4 / 5)].Where(_ => random.Next(4) != 0).OrderBy(_ => random.Next())))
            {
                fileSystem.Unlink(directory, name);
                kept.Remove(name);
            }

            fileSystem.Flush();
            Assert.Equal(kept.Order(StringComparer.Ordinal), fileSystem.List(directory).Select(entry => entry.Name));
            Assert.All(kept.Take(300), name => Assert.NotNull(fileSystem.Lookup(directory, name)));
        }

        Assert.Null(NtfsImages.FindFault(image));
        Directory.CreateDirectory(mount);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro"))
        {
            Assert.Equal(kept.Order(StringComparer.Ordinal), Directory.EnumerateFiles(Path.Combine(mount, "many")).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        }

        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var directory = new GuestTree(fileSystem).Resolve("/many").Node;
            foreach (var name in kept)
            {
                fileSystem.Unlink(directory, name);
            }

            fileSystem.RemoveDirectory(fileSystem.Root, "many");
            fileSystem.Flush();
            Assert.Empty(fileSystem.List(fileSystem.Root));
        }

        Assert.Null(NtfsImages.FindFault(image));
    }

    /// <summary>The largest that mkntfs makes here: in a file of 16 TiB, of which next to nothing is stored.</summary>
    [Fact]
    public void A_volume_of_16_tebibytes_is_edited()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        Tool.MustRun("sh", "-c", $"truncate -s 17592186040320 '{image}' && mkntfs -q -F -Q -T -p 63 -H 16 -S 63 -c 65536 '{image}'");
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            Assert.InRange(fileSystem.GetFreeRanges().Sum(range => range.Length), 17L << 40 >> 1, 16L << 40);
            var directory = fileSystem.CreateDirectory(fileSystem.Root, "größe-名前-имя", default);
            for (var i = 0; i < 100; i++)
            {
                fileSystem.Write(fileSystem.CreateFile(directory, $"file {i}", default), 0, new byte[5000 * (i + 1)]);
            }

            fileSystem.Flush();
        }

        Assert.Null(NtfsImages.FindFault(image));
        Directory.CreateDirectory(mount);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro"))
        {
            Assert.Equal(5000 * 101 * 50, Directory.GetFiles(Path.Combine(mount, "größe-名前-имя")).Sum(file => new FileInfo(file).Length));
        }
    }

    /// <summary>Free space only in single clusters, so that the table's own description needs further records.</summary>
    [Theory]
    [InlineData("-c 512", 16)]
    [InlineData("-c 1024", 16)]
    [InlineData("-s 4096 -c 4096", 48)]
    public void The_table_grows_in_pieces(string mkntfs, int mebibytes)
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, mkntfs, mebibytes);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            PunchFreeSpace(fileSystem);
            var directory = fileSystem.CreateDirectory(fileSystem.Root, "many", default);
            for (var i = 0; i < 4000; i++)
            {
                try
                {
                    fileSystem.CreateFile(directory, $"file {i}", default);
                }
                catch (DiagnosticException e)
                {
                    Assert.Contains(e.Diagnostic.Id, (string[])["FIL004", "NTF017"]);
                    Assert.True(i > 700, $"after {i} files: {e.Diagnostic}");
                    break;
                }
            }

            fileSystem.Flush();
        }

        Assert.Matches("ATTRIBUTE_LIST|0x20", Tool.MustRun("ntfsinfo", "-i", "0", image));
        AssertSame(image, mount, scratch);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            // The table is read by its list, and records of its last piece are changed.
            var directory = new GuestTree(fileSystem).Resolve("/many").Node;
            foreach (var entry in fileSystem.List(directory).Where((_, index) => index % 3 == 0).ToArray())
            {
                fileSystem.Unlink(directory, entry.Name);
            }

            fileSystem.Flush();
        }

        AssertSame(image, mount, scratch);
    }

    [Fact]
    public void A_file_of_ten_thousand_pieces()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "-c 512", 16);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var big = fileSystem.CreateFile(fileSystem.Root, "big", default);
            PunchFreeSpace(fileSystem);
            var content = new byte[10_000 * 512];
            new Random(1).NextBytes(content);
            fileSystem.Write(big, 0, content.AsSpan(0, content.Length / 2));
            fileSystem.Write(big, content.Length / 2, content.AsSpan(content.Length / 2));
            fileSystem.Write(big, 1_000_000, content.AsSpan(1_000_000, 5000));
            fileSystem.Flush();
            Assert.Equal(content, new GuestTree(fileSystem).ReadAllBytes("/big", 1 << 30));
        }

        AssertSame(image, mount, scratch);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var big = fileSystem.Lookup(fileSystem.Root, "big")?.Node ?? default;
            fileSystem.SetLength(big, 3_000_001);
            fileSystem.SetLength(big, 200);
            fileSystem.Flush();
        }

        AssertSame(image, mount, scratch);
    }

    [Fact]
    public void What_does_not_fit_leaves_the_volume_as_it_was()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "-c 4096", 8);
        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, Options))
        {
            var tree = new GuestTree(fileSystem);
            tree.WriteFile("/kept", "kept"u8.ToArray());
            var used = fileSystem.Info.UsedBytes;
            var file = fileSystem.CreateFile(fileSystem.Root, "big", default);
            Assert.Equal("FIL004", Assert.Throws<DiagnosticException>(() => fileSystem.Write(file, 0, new byte[9 << 20])).Diagnostic.Id);
            Assert.Equal("FIL004", Assert.Throws<DiagnosticException>(() => fileSystem.SetLength(file, 9 << 20)).Diagnostic.Id);
            Assert.Equal("FIL004", Assert.Throws<DiagnosticException>(() => fileSystem.Write(file, 12 << 20, [1])).Diagnostic.Id);
            Assert.Equal("NTF018", Assert.Throws<DiagnosticException>(() => fileSystem.SetLength(file, 1L << 50)).Diagnostic.Id);
            Assert.Equal(0, fileSystem.GetMetadata(file).Length);
            Assert.Equal(used, fileSystem.Info.UsedBytes);
            fileSystem.Flush();
        }

        AssertSame(image, mount, scratch);
    }

    [Theory]
    [InlineData(1, "NTF015")] // dirty
    [InlineData(0x4000, "NTF015")] // changed by chkdsk
    [InlineData(0, null)]
    public void A_volume_that_is_marked_is_not_written(int flags, string? expected)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        NtfsImages.Make(image, "", 16);
        var bytes = File.ReadAllBytes(image);
        foreach (var table in (int[])[48, 56]) // $MFT and its mirror
        {
            var record = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(table)) * 4096 + (3 * 1024);
            for (int at = record + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(record + 20)); ; at += BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4)))
            {
                if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) == 0x70)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(at + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at + 20)) + 10), (ushort)flags);
                    break;
                }
            }
        }

        AssertRefused(bytes, expected, "chkdsk");
    }

    [Theory]
    [InlineData(1, 0xFFFF, 0, null)] // no client: closed
    [InlineData(1, 0, 2, null)] // in use, and marked clean
    [InlineData(1, 0, 0, "NTF013")]
    [InlineData(2, 0xFFFF, 0, "NTF013")]
    [InlineData(-1, 0, 0, "NTF013")] // no restart page
    public void A_volume_whose_log_is_not_clean_is_not_written(int version, int client, int flags, string? expected)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        NtfsImages.Make(image, "", 16);
        var bytes = File.ReadAllBytes(image);
        var log = int.Parse(Tool.MustRun("sh", "-c", $"ntfsinfo -v -i 2 '{image}' | sed -n 's/.*VCN.*LCN.*/&/p; /^[[:space:]]*0x0[[:space:]]/{{s/^[[:space:]]*0x0[[:space:]]*0x\\([0-9a-f]*\\).*/\\1/;p}}' | tail -1").Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) * 4096;
        Assert.All(bytes[log..(log + 65536)], one => Assert.Equal(0xFF, one));
        foreach (var page in (int[])[log, log + 4096])
        {
            var raw = bytes.AsSpan(page, 4096);
            raw.Clear();
            if (version < 0)
            {
                continue;
            }

            "RSTR"u8.CopyTo(raw);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[4..], 30);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[6..], 9);
            BinaryPrimitives.WriteUInt32LittleEndian(raw[16..], 4096);
            BinaryPrimitives.WriteUInt32LittleEndian(raw[20..], 4096);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[24..], 48);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[26..], (ushort)(version == 2 ? 0 : 1));
            BinaryPrimitives.WriteUInt16LittleEndian(raw[28..], (ushort)version);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[60..], (ushort)client);
            BinaryPrimitives.WriteUInt16LittleEndian(raw[62..], (ushort)flags);
            UpdateSequence.Protect(raw);
        }

        AssertRefused(bytes, expected, "shutdown /s /t 0");
        if (expected is null)
        {
            // The log knows nothing of the changes: it was emptied.
            Assert.All(bytes[log..(log + 65536)], one => Assert.Equal(0xFF, one));
        }
    }

    private static void AssertRefused(byte[] bytes, string? expected, string wayOut)
    {
        var before = (byte[])bytes.Clone();
        using var device = new MemoryDevice(bytes);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        Assert.Equal(expected, fileSystem.Check().SingleOrDefault()?.Id);
        if (expected is null)
        {
            fileSystem.CreateFile(fileSystem.Root, "new", default);
            fileSystem.Flush();
            return;
        }

        Assert.Contains(wayOut, fileSystem.Info.ReadOnlyReason, StringComparison.Ordinal);
        var refusal = Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "new", default)).Diagnostic;
        Assert.Equal("FIL006", refusal.Id);
        Assert.Contains(wayOut, refusal.Message, StringComparison.Ordinal);
        fileSystem.Flush();
        Assert.True(before.AsSpan().SequenceEqual(bytes));
    }

    /// <summary>Leaves only single clusters free: pairs of files take turns until the volume is full, then one of each pair is removed.</summary>
    private static void PunchFreeSpace(NtfsFileSystem fileSystem)
    {
        const int clustersEach = 250;
        var cluster = new byte[fileSystem.Info.BlockSize];
        var directory = fileSystem.CreateDirectory(fileSystem.Root, "filler", default);
        var pairs = 0;
        try
        {
            for (; ; pairs++)
            {
                var (left, right) = (fileSystem.CreateFile(directory, $"left {pairs}", default), fileSystem.CreateFile(directory, $"right {pairs}", default));
                for (var i = 0; i < clustersEach; i++)
                {
                    // Content that is larger than a record can hold is in clusters from the start.
                    fileSystem.SetLength(left, 4096 + (i * cluster.Length));
                    fileSystem.SetLength(right, 4096 + (i * cluster.Length));
                }
            }
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == "FIL004")
        {
            // Full, as wanted.
        }

        for (var i = 0; i < pairs; i++)
        {
            fileSystem.Unlink(directory, $"left {i}");
        }
    }

    /// <summary>The tools find nothing, and ntfs-3g sees what we see.</summary>
    private static void AssertSame(string image, string mount, ScratchDirectory scratch, bool hasAliases = false)
    {
        Assert.Null(NtfsImages.FindFault(image));
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        Assert.Empty(fileSystem.Check());
        Directory.CreateDirectory(mount);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro,streams_interface=xattr"))
        {
            HostTree.Compare(new GuestTree(fileSystem), mount, scratch["list"], compareLinks: !hasAliases); // ntfs-3g counts aliases as links
        }
    }
}
