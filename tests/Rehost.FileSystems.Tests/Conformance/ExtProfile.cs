using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>One point of the feature matrix: how mke2fs makes it, over junk.</summary>
internal sealed record ExtProfile(string Name, string Mke2fs, int Mebibytes, int BlockSize) : RandomProfile(Name, BlockSize)
{
    /// <summary>A command to run on the image, which is added as its last argument.</summary>
    public string Afterwards { get; init; } = "true";

    /// <summary>Whether Linux can mount it on a machine with pages of 4 KiB.</summary>
    public bool IsMountable { get; init; } = true;

    public override bool NumbersLast => true;

    public static IReadOnlyList<ExtProfile> All { get; } =
    [
        new("ext2-1k", "-t ext2 -b 1024 -I 128", 32, 1024),
        new("ext2-revision0", "-t ext2 -b 1024 -r 0 -O none", 16, 1024),
        new("ext3-2005", "-t ext3 -b 1024 -I 128 -O ^dir_index,^resize_inode,^ext_attr", 32, 1024),
        new("ext3-4k-small-inodes", "-t ext3 -b 4096 -I 128 -O dir_index", 48, 4096),
        new("ext3-dir-index", "-t ext3 -b 1024 -I 256 -O dir_index", 32, 1024),
        new("ext4-2008", "-t ext4 -b 1024 -I 256 -O ^metadata_csum,^64bit,uninit_bg,^flex_bg", 32, 1024),
        new("ext4-uninit-4k", "-t ext4 -b 4096 -O ^metadata_csum,^64bit,uninit_bg", 64, 4096),
        new("ext4-today", "-t ext4 -b 4096", 64, 4096),
        new("ext4-today-1k", "-t ext4 -b 1024", 40, 1024),
        new("ext4-2k", "-t ext4 -b 2048", 40, 2048),
        new("ext4-csum-seed", "-t ext4 -b 4096 -O 64bit,metadata_csum,metadata_csum_seed", 48, 4096),
        new("ext4-inline-data", "-t ext4 -O inline_data -b 4096 -I 256", 48, 4096),
        new("ext4-inline-data-1k", "-t ext4 -O inline_data -b 1024 -I 512", 32, 1024),
        new("ext4-large-dir", "-t ext4 -b 1024 -O large_dir", 32, 1024),
        new("ext4-ea-inode", "-t ext4 -O ea_inode -b 1024", 40, 1024),
        new("ext4-orphan-file", "-t ext4 -O orphan_file -b 4096", 48, 4096),
        new("ext4-sparse-super2", "-t ext4 -O sparse_super2,^resize_inode -b 1024", 40, 1024),
        new("ext4-meta-bg", "-t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode", 32, 1024),
        new("ext4-small-groups", "-t ext4 -b 1024 -g 2048 -G 4", 40, 1024),
        new("ext4-lazy", "-t ext4 -b 1024 -g 2048 -E lazy_itable_init=1,lazy_journal_init=1", 40, 1024),
        new("ext4-no-extents", "-t ext4 -O ^extent,^64bit -b 1024", 32, 1024),
        new("ext4-no-journal", "-t ext4 -b 4096 -O ^has_journal", 32, 4096),
        new("ext4-64k", "-t ext4 -b 65536", 64, 65536) { IsMountable = false, Farthest = 4_000_000, Share = 0.5 },
        new("ext4-full", "-t ext4 -b 1024 -N 400 -O ^has_journal", 4, 1024) { BecomesFull = true },
        new("ext2-full", "-t ext2 -b 1024 -N 400", 4, 1024) { BecomesFull = true },
        new("ext2-no-filetype", "-t ext2 -b 1024 -O ^filetype", 16, 1024),
        new("ext4-hash-tea", "-t ext4 -b 1024", 24, 1024) { Afterwards = "tune2fs -E hash_alg=tea" },
        new("ext4-hash-legacy", "-t ext4 -b 1024", 24, 1024) { Afterwards = "tune2fs -E hash_alg=legacy" },
        new("ext4-hash-unsigned", "-t ext4 -b 1024", 24, 1024) { Afterwards = "debugfs -w -R 'ssv flags 2'" },
    ];

    public override void MakeImage(string image)
        => Tool.MustRun("sh", "-c", $"rm -f '{image}'; yes stale-junk- | head -c {Mebibytes}M > '{image}'; mke2fs -q -F {Mke2fs} '{image}' && {Afterwards} '{image}'");

    public override IFileSystem Open(IBlockDevice device) => ExtFileSystem.Open(device, new FileSystemOpenOptions());

    /// <summary>lost+found is not in the model, and counts as a link of the root.</summary>
    public override void Adopt(ModelledFileSystem pair)
    {
        if (pair.Subject.Lookup(pair.Subject.Root, "lost+found") is { } lost)
        {
            pair.Subject.RemoveDirectory(pair.Subject.Root, lost.Name);
        }
    }

    public override string? FindFault(string image)
    {
        var check = Tool.Run("e2fsck", "-fn", image);
        return check.ExitCode == 0 ? null : $"e2fsck exits with {check.ExitCode}:\n{check.Output}{check.Error}";
    }

    public override void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        if (IsMountable && Environment.IsPrivilegedProcess)
        {
            using var mounted = new Mounted(image, directory, "-o", "loop,ro");
            MountedTree.Compare(model, directory, scratch["list"], isMount: true);
            return;
        }

        // debugfs sets owners, and so needs root too; content is compared by the kernel's mount or here, owners in the comparison of our own reading.
        try
        {
            Tool.Run("debugfs", "-R", $"rdump / {directory}", image);
            MountedTree.Compare(model, directory, scratch["list"], isMount: false);
        }
        finally
        {
            Tool.MustRun("rm", "-rf", directory); // .NET cannot remove names that are not UTF-8
        }
    }

    public override string ToString() => Name;
}
