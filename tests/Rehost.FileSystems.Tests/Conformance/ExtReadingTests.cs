using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Images that mke2fs -d filled from a directory, read and compared with that directory.</summary>
public sealed class ExtReadingTests
{
    [Theory]
    [InlineData("-t ext4", "120M")]
    [InlineData("-t ext4 -b 1024 -O inline_data -I 512", "120M")]
    [InlineData("-t ext3 -b 1024 -I 128", "120M")]
    [InlineData("-t ext2 -b 4096", "120M")]
    [InlineData("-t ext4 -b 1024 -g 2048 -O ^metadata_csum,uninit_bg,meta_bg,^resize_inode", "120M")]
    [InlineData("-t ext4 -O bigalloc -C 16384", "160M")]
    [InlineData("-t ext4 -b 65536", "256M")]
    [InlineData("-t ext4 -O metadata_csum_seed,ea_inode,large_dir,orphan_file,sparse_super2,^resize_inode", "120M")]
    public void An_image_holds_what_its_source_directory_held(string mke2fs, string size)
    {
        using var scratch = new ScratchDirectory();
        try
        {
            Compare(scratch, mke2fs, size);
        }
        finally
        {
            Tool.MustRun("rm", "-rf", scratch["source"]); // .NET cannot remove names that are not UTF-8
        }
    }

    private static void Compare(ScratchDirectory scratch, string mke2fs, string size)
    {
        var (source, image) = (scratch["source"], scratch["image"]);
        Tool.MustRun("bash", "-c", $$"""
            set -e; export LC_ALL=C; mkdir -p '{{source}}'; cd '{{source}}'
            mkdir many deep special sparse empty
            for i in $(seq 2500); do echo "content $i" > many/file-$i-{{new string('x', 20)}}; done
            d=deep; for i in $(seq 40); do d=$d/level-$i; done; mkdir -p $d; echo bottom > $d/file
            for i in 1 50 59 60 61 500; do ln -s $(printf '%*s' $i | tr ' ' t) special/link-$i; done
            echo one > special/hard1; ln special/hard1 special/hard2; ln special/hard1 deep/hard3
            mknod special/null c 1 3; mknod special/big b 259 70000; mkfifo special/fifo
            printf 'latin' > $'special/gr\xfcn'; printf x > $'special/\xee\xbe\x80private'; echo > 'special/größe 名前'
            head -c 3000000 /dev/urandom > special/random; : > special/empty
            for n in 1 10 59 60 61 100 150 200 300 1023 1024 1025 4095 4096 4097 65535 65537; do head -c $n /dev/urandom > special/size-$n; done
            truncate -s 20000000 sparse/all-hole
            for at in 0 5 13 77 400 1200 4000; do printf data-$at | dd of=sparse/holes bs=4096 seek=$at conv=notrunc status=none; done; truncate -s 30000000 sparse/holes
            chmod 4755 special/random; chmod 1777 empty; chown 1000:70000 special/size-10; chown 100000:5 special/size-100; touch -d '1999-12-31 23:59:58 UTC' special/size-1
            """);
        if (mke2fs.Contains("inline_data", StringComparison.Ordinal))
        {
            // mke2fs 1.47.0 itself cuts a sparse file that it starts as inline data.
            File.Delete(Path.Combine(source, "sparse/holes"));
        }

        SetAttribute(Path.Combine(source, "special/size-60"), "user.short", [1, 2, 3]);
        SetAttribute(Path.Combine(source, "special/size-60"), "security.selinux", Encoding.ASCII.GetBytes("system_u:object_r:etc_t:s0\0"));
        SetAttribute(Path.Combine(source, "empty"), "trusted.long", [.. Enumerable.Range(0, 600).Select(i => (byte)(i % 251))]);
        Tool.MustRun("sh", "-c", $"yes stale-junk- | head -c {size} > '{image}'; mke2fs -q -F {mke2fs} -d '{source}' '{image}'");

        using var device = FileDevice.OpenRead(image);
        using var fileSystem = ExtFileSystem.Open(device, new FileSystemOpenOptions());
        Assert.Empty(fileSystem.Check());
        var tree = new GuestTree(fileSystem);
        HostTree.Compare(tree, source, scratch["list"]);
        Assert.Equal((NodeKind.CharacterDevice, 1u, 3u), DeviceOf(tree, "/special/null"));
        Assert.Equal((NodeKind.BlockDevice, 259u, 70000u), DeviceOf(tree, "/special/big"));
        Assert.Equal([1, 2, 3], tree.GetExtendedAttributes("/special/size-60")["user.short"]);
        Assert.Equal("system_u:object_r:etc_t:s0\0", Encoding.ASCII.GetString(tree.GetExtendedAttributes("/special/size-60")["security.selinux"]));
        Assert.Equal(600, tree.GetExtendedAttributes("/empty")["trusted.long"].Length);
        Assert.Empty(tree.GetExtendedAttributes("/special/size-61"));
        Assert.Equal(tree.Resolve("/special/hard1").Node, tree.Resolve("/deep/hard3").Node);
        AssertFreeRangesAreFree(fileSystem, image, mke2fs);
    }

    /// <summary>Free ranges need not be copied: with all of them overwritten, the file system must be as sound as before.</summary>
    private static void AssertFreeRangesAreFree(IFileSystem fileSystem, string image, string mke2fs)
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

        var check = Tool.Run("e2fsck", "-fn", image);
        Assert.True(check.ExitCode == 0, mke2fs + "\n" + check.Output);
    }

    private static (NodeKind Kind, uint Major, uint Minor) DeviceOf(GuestTree tree, string path)
        => tree.Resolve(path).Metadata is var metadata ? (metadata.Kind, metadata.DeviceMajor, metadata.DeviceMinor) : default;

    private static void SetAttribute(string path, string name, byte[] value)
        => Assert.Equal(0, SetAttribute(path, name, value, value.Length, 0));

    [DllImport("libc", EntryPoint = "setxattr", SetLastError = true)]
    [SuppressMessage("Globalization", "CA2101", Justification = "names in this test are ASCII, marshalled as UTF-8")]
    private static extern int SetAttribute([MarshalAs(UnmanagedType.LPUTF8Str)] string path, [MarshalAs(UnmanagedType.LPUTF8Str)] string name, byte[] value, nint size, int flags);
}
