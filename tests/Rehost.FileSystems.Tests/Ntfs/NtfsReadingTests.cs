using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Ntfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>Volumes filled through ntfs-3g, read and compared with its mount.</summary>
public sealed class NtfsReadingTests
{
    private static readonly FileSystemOpenOptions Options = new();

    private const string Script = """
        mkdir many deep special sparse packed empty
        x=$(printf 'x%.0s' {1..100}); for i in $(seq 1000); do echo "content $i" > "many/file-$i-${x:0:$((i % 90 + 1))}"; done
        for i in $(seq 3 7 1000); do rm "many/file-$i-${x:0:$((i % 90 + 1))}"; done
        d=deep; for i in $(seq 40); do d=$d/level-$i; done; mkdir -p $d; echo bottom > $d/file
        ln -s short special/link; ln -s "$(printf 't%.0s' $(seq 500))" special/long-link
        echo one > special/hard1; ln special/hard1 special/hard2; ln special/hard1 deep/hard3
        for i in $(seq 60); do ln special/hard1 "deep/another name of the same file $i $x"; done
        echo > 'special/größe 名前 😀'; printf x > 'special/trailing dot'
        head -c 3000000 /dev/urandom > special/random; : > special/empty
        for n in 1 100 500 600 700 800 1000 4095 4096 4097 65535 65537; do head -c $n /dev/urandom > special/size-$n; done
        truncate -s 20000000 sparse/all-hole
        for at in 0 5 13 77 400 1200 4000; do printf data-$at | dd of=sparse/holes bs=4096 seek=$at conv=notrunc status=none; done; truncate -s 30000000 sparse/holes
        for i in $(seq 200); do head -c 4200 special/random >> sparse/a-fragmented; head -c 4200 special/random >> sparse/b-fragmented; done
        for i in $(seq 0 300); do printf x | dd of=sparse/many-holes bs=1 seek=$((i * 140000)) conv=notrunc status=none; done
        """;

    private const string Compressed = """
        setfattr -h -v 0x00000810 -n system.ntfs_attrib_be packed
        (for i in $(seq 20000); do echo "line $i of a text that can be compressed rather well"; done) > packed/text
        head -c 500000 /dev/urandom > packed/random; cat packed/text packed/random packed/text > packed/mixed
        truncate -s 3000000 packed/hole; printf end >> packed/hole; : > packed/empty; echo small > packed/small
        head -c 1000000 /dev/zero > packed/zeros; for i in $(seq 5000); do printf 'ab'; done > packed/ab; head -c 65536 packed/text > packed/one-unit; head -c 65537 packed/text > packed/one-and-a-byte
        """;

    [Theory]
    [InlineData("-s 512 -c 4096 -L 'Ein Name'", 64, true)]
    [InlineData("-s 512 -c 512", 64, true)]
    [InlineData("-s 512 -c 1024", 64, true)]
    [InlineData("-s 1024 -c 2048", 64, true)]
    [InlineData("-s 4096 -c 4096", 64, true)]
    [InlineData("-s 512 -c 65536", 300, false)]
    [InlineData("-s 512 -c 2097152", 1500, false)]
    public void A_volume_holds_what_ntfs_3g_shows(string mkntfs, int mebibytes, bool canCompress)
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        if (mebibytes > 1000)
        {
            Tool.MustRun("sh", "-c", $"truncate -s {mebibytes}M '{image}'; mkntfs -q -F -Q -T {mkntfs} '{image}'");
            NtfsImages.Fill(image, mount, Script.Replace("1000", "150", StringComparison.Ordinal).Replace("200", "3", StringComparison.Ordinal).Replace("0 300)", "0 5)", StringComparison.Ordinal));
        }
        else
        {
            NtfsImages.Make(image, mkntfs, mebibytes);
            NtfsImages.Fill(image, mount, Script + "\n" + (canCompress ? Compressed : ""));
        }

        using var device = FileDevice.OpenRead(image);
        Assert.Equal("ntfs", KnownFileSystems.Identify(device)?.Name);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        Assert.Empty(fileSystem.Check());
        Assert.Equal(mkntfs.Contains("Ein Name", StringComparison.Ordinal) ? "Ein Name" : null, fileSystem.Info.Label);
        Assert.True(fileSystem.Info.IsClean);
        Assert.Equal(Tool.MustRun("blkid", "-p", "-o", "value", "-s", "UUID", image).Trim(), fileSystem.Info.Uuid);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro,streams_interface=xattr"))
        {
            HostTree.Compare(new GuestTree(fileSystem), mount, scratch["list"]);
        }

        AssertFreeRangesAreFree(fileSystem, image, mount, scratch);
    }

    [Fact]
    public void Names_are_found_whatever_their_case_and_by_alias()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, mount, "mkfifo fifo; mknod null c 1 3; mkdir 'Program Files'; echo ä > 'Program Files/GRÖßE.txt'; setfattr -h -n system.ntfs_dos_name -v 'PROGRA~1' 'Program Files'; setfattr -n user.Zone.Identifier -v zone 'Program Files/GRÖßE.txt'");
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        var tree = new GuestTree(fileSystem);
        Assert.Equal("/Program Files/GRÖßE.txt", tree.CanonicalPath("/progra~1/größe.TXT"));
        Assert.Equal(["Program Files", "fifo", "null"], tree.List("/").Select(entry => entry.Name));
        Assert.Equal("zone", Encoding.ASCII.GetString(tree.GetExtendedAttributes("/Program files/Größe.txt")["user.Zone.Identifier"]));
        Assert.Equal(1u, tree.Resolve("/Program Files").Metadata.Links);
        Assert.Equal(NodeKind.Fifo, tree.Resolve("/fifo").Kind);
        Assert.Equal(NodeKind.CharacterDevice, tree.Resolve("/null").Kind);
        Assert.False(tree.Exists("/$MFT"));
        Assert.Equal(["/PROGRAM files/GRÖßE.txt"], tree.Glob("/PROGRAM files/*.TXT"));
    }

    [Fact]
    public void Links_of_Windows_are_translated()
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, mount, $$"""
            mkdir -p Users/Default junction elsewhere volume symlink-directory; echo found > Users/Default/file; : > symlink; : > absolute; : > dedup
            setfattr -h -n system.ntfs_reparse_data -v 0x{{MountPoint(@"\??\c:\users\default")}} junction
            setfattr -h -n system.ntfs_reparse_data -v 0x{{MountPoint(@"\??\D:\data")}} elsewhere
            setfattr -h -n system.ntfs_reparse_data -v 0x{{MountPoint(@"\??\Volume{0123}\")}} volume
            setfattr -h -n system.ntfs_reparse_data -v 0x{{Symlink(@"Users\Default\file", true)}} symlink
            setfattr -h -n system.ntfs_reparse_data -v 0x{{Symlink(@"\??\C:\Users\Default\file", false)}} absolute
            setfattr -h -n system.ntfs_reparse_data -v 0x130000800400000001020304 dedup
            """);
        using var device = FileDevice.OpenRead(image);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        var tree = new GuestTree(fileSystem);
        Assert.Equal("/Users/Default", tree.ReadLink("/junction"));
        Assert.Equal("/D:/data", tree.ReadLink("/elsewhere"));
        Assert.Equal("/Volume{0123}", tree.ReadLink("/volume"));
        Assert.Equal("Users/Default/file", tree.ReadLink("/symlink"));
        Assert.Equal("found\n", tree.ReadText("/junction/file"));
        Assert.Equal("found\n", tree.ReadText("/symlink"));
        Assert.Equal("found\n", tree.ReadText("/absolute"));
        Assert.False(tree.Exists("/elsewhere"));
        Assert.Equal(NodeKind.File, tree.Resolve("/dedup").Kind);
        fileSystem.GetMetadata(tree.Resolve("/junction", followLast: false).Node);
    }

    [Theory]
    [InlineData("hibr", "NTF014")]
    [InlineData("HIBR", "NTF014")]
    [InlineData("wake", null)]
    public void Hibernation_is_seen(string magic, string? expected)
    {
        using var scratch = new ScratchDirectory();
        var (image, mount) = (scratch["image"], scratch["mount"]);
        NtfsImages.Make(image, "", 16);
        NtfsImages.Fill(image, mount, $"(printf {magic}; head -c 10000 /dev/zero) > hiberfil.sys");
        using var device = FileDevice.OpenReadWrite(image);
        using var fileSystem = NtfsFileSystem.Open(device, Options);
        Assert.Equal(expected, fileSystem.Check().SingleOrDefault()?.Id);
        Assert.Equal(expected is null, fileSystem.Info.IsClean);
        if (expected is not null)
        {
            Assert.Contains("powercfg /h off", fileSystem.Info.ReadOnlyReason, StringComparison.Ordinal);
            Assert.Equal("FIL006", Assert.Throws<DiagnosticException>(() => fileSystem.CreateFile(fileSystem.Root, "x", default)).Diagnostic.Id);
        }
    }

    private static string MountPoint(string target)
    {
        var text = Encoding.Unicode.GetBytes(target);
        return Reparse(ReparsePoint.MountPoint, [0, 0, .. BitConverter.GetBytes((ushort)text.Length), .. BitConverter.GetBytes((ushort)(text.Length + 2)), 0, 0, .. text, 0, 0, 0, 0]);
    }

    private static string Symlink(string target, bool isRelative)
    {
        var text = Encoding.Unicode.GetBytes(target);
        return Reparse(ReparsePoint.SymbolicLink,
            [0, 0, .. BitConverter.GetBytes((ushort)text.Length), 0, 0, .. BitConverter.GetBytes((ushort)text.Length), (byte)(isRelative ? 1 : 0), 0, 0, 0, .. text]);
    }

    private static string Reparse(uint tag, byte[] data)
        => Convert.ToHexStringLower([.. BitConverter.GetBytes(tag), .. BitConverter.GetBytes((ushort)data.Length), 0, 0, .. data]);

    /// <summary>Free ranges need not be copied: with all of them overwritten, the volume must be as sound as before.</summary>
    private static void AssertFreeRangesAreFree(NtfsFileSystem fileSystem, string image, string mount, ScratchDirectory scratch)
    {
        var ranges = fileSystem.GetFreeRanges().ToArray();
        Assert.Equal(fileSystem.Info.TotalBytes - fileSystem.Info.UsedBytes, ranges.Sum(range => range.Length));
        using (var writable = FileDevice.OpenReadWrite(image))
        {
            foreach (var range in ranges)
            {
                writable.WriteZeros(new GuestOffset(range.Offset), range.Length);
            }
        }

        Assert.Null(NtfsImages.FindFault(image));
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro"))
        {
            HostTree.Compare(new GuestTree(fileSystem), mount, scratch["list"]);
        }
    }
}
