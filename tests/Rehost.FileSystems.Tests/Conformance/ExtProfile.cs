namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>One point of the feature matrix: how mke2fs makes it.</summary>
internal sealed record ExtProfile(string Name, string Mke2fs, int Mebibytes, int BlockSize)
{
    /// <summary>How far away a sparse write may be; small where the witness writes holes out.</summary>
    public long Farthest { get; init; } = 600_000_000;

    /// <summary>A command to run on the image, which is added as its last argument.</summary>
    public string Afterwards { get; init; } = "true";

    /// <summary>Whether Linux can mount it on a machine with pages of 4 KiB.</summary>
    public bool IsMountable { get; init; } = true;

    /// <summary>Fraction of the operations to run, for those that are slow.</summary>
    public double Share { get; init; } = 1;

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
        new("ext4-full", "-t ext4 -b 1024 -N 400 -O ^has_journal", 4, 1024),
        new("ext2-full", "-t ext2 -b 1024 -N 400", 4, 1024),
        new("ext2-no-filetype", "-t ext2 -b 1024 -O ^filetype", 16, 1024),
        new("ext4-hash-tea", "-t ext4 -b 1024", 24, 1024) { Afterwards = "tune2fs -E hash_alg=tea" },
        new("ext4-hash-legacy", "-t ext4 -b 1024", 24, 1024) { Afterwards = "tune2fs -E hash_alg=legacy" },
        new("ext4-hash-unsigned", "-t ext4 -b 1024", 24, 1024) { Afterwards = "debugfs -w -R 'ssv flags 2'" },
    ];
}
