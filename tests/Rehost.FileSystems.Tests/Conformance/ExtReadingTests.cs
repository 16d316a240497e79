using System.Text;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Images that mke2fs -d filled from a directory, read and compared with that directory.</summary>
public sealed class ExtReadingTests(SourceDirectory fixture) : IClassFixture<SourceDirectory>
{
    [Theory]
    [InlineData("-t ext4", "72M")]
    [InlineData("-t ext4 -b 1024 -O inline_data -I 512", "72M")]
    [InlineData("-t ext3 -b 1024 -I 128", "72M")]
    [InlineData("-t ext2 -b 4096", "72M")]
    [InlineData("-t ext4 -b 1024 -g 2048 -O ^metadata_csum,uninit_bg,meta_bg,^resize_inode", "72M")]
    [InlineData("-t ext4 -O bigalloc -C 16384", "128M")]
    [InlineData("-t ext4 -b 65536", "256M")]
    [InlineData("-t ext4 -O metadata_csum_seed,ea_inode,large_dir,orphan_file,sparse_super2,^resize_inode", "72M")]
    public void An_image_holds_what_its_source_directory_held(string mke2fs, string size)
    {
        using var scratch = new ScratchDirectory();
        var image = scratch["image"];
        var source = mke2fs.Contains("inline_data", StringComparison.Ordinal) ? fixture.WithoutSparse : fixture.Path;
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
}
