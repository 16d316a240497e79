namespace Rehost.FileSystems.Ext;

/// <summary>s_feature_compat: may be ignored by those who do not know them.</summary>
[Flags]
internal enum CompatFeatures : uint
{
    None = 0,
    DirPrealloc = 0x1,
    ImagicInodes = 0x2,
    HasJournal = 0x4,
    ExtAttr = 0x8,
    ResizeInode = 0x10,
    DirIndex = 0x20,
    LazyBg = 0x40,
    SparseSuper2 = 0x200,
    FastCommit = 0x400,
    StableInodes = 0x800,
    OrphanFile = 0x1000,
}

/// <summary>s_feature_incompat: who does not know one must not touch the file system.</summary>
[Flags]
internal enum IncompatFeatures : uint
{
    None = 0,
    Compression = 0x1,
    FileType = 0x2,
    NeedsRecovery = 0x4,
    JournalDevice = 0x8,
    MetaBg = 0x10,
    Extents = 0x40,
    Bits64 = 0x80,
    Mmp = 0x100,
    FlexBg = 0x200,
    EaInode = 0x400,
    DirData = 0x1000,
    ChecksumSeed = 0x2000,
    LargeDir = 0x4000,
    InlineData = 0x8000,
    Encrypt = 0x10000,
    CaseFold = 0x20000,
}

/// <summary>s_feature_ro_compat: who does not know one may read.</summary>
[Flags]
internal enum ReadOnlyFeatures : uint
{
    None = 0,
    SparseSuper = 0x1,
    LargeFile = 0x2,
    BtreeDir = 0x4,
    HugeFile = 0x8,
    GdtChecksum = 0x10,
    DirNlink = 0x20,
    ExtraIsize = 0x40,
    HasSnapshot = 0x80,
    Quota = 0x100,
    BigAlloc = 0x200,
    MetadataChecksum = 0x400,
    Replica = 0x800,
    ReadOnly = 0x1000,
    Project = 0x2000,
    SharedBlocks = 0x4000,
    Verity = 0x8000,
    OrphanPresent = 0x10000,
}

/// <summary>Which features this code knows, and their names as dumpe2fs prints them.</summary>
internal static class ExtFeatures
{
    internal const IncompatFeatures Readable = IncompatFeatures.FileType | IncompatFeatures.NeedsRecovery | IncompatFeatures.MetaBg | IncompatFeatures.Extents
        | IncompatFeatures.Bits64 | IncompatFeatures.Mmp | IncompatFeatures.FlexBg | IncompatFeatures.EaInode | IncompatFeatures.ChecksumSeed
        | IncompatFeatures.LargeDir | IncompatFeatures.InlineData | IncompatFeatures.Encrypt | IncompatFeatures.CaseFold;

    internal const ReadOnlyFeatures Writable = ReadOnlyFeatures.SparseSuper | ReadOnlyFeatures.LargeFile | ReadOnlyFeatures.HugeFile | ReadOnlyFeatures.GdtChecksum
        | ReadOnlyFeatures.DirNlink | ReadOnlyFeatures.ExtraIsize | ReadOnlyFeatures.MetadataChecksum | ReadOnlyFeatures.Project
        | ReadOnlyFeatures.Verity | ReadOnlyFeatures.OrphanPresent;

    private static readonly Dictionary<uint, string> CompatNames = new()
    {
        [0x1] = "dir_prealloc", [0x2] = "imagic_inodes", [0x4] = "has_journal", [0x8] = "ext_attr", [0x10] = "resize_inode", [0x20] = "dir_index",
        [0x40] = "lazy_bg", [0x80] = "snapshot_bitmap", [0x200] = "sparse_super2", [0x400] = "fast_commit", [0x800] = "stable_inodes", [0x1000] = "orphan_file",
    };

    private static readonly Dictionary<uint, string> IncompatNames = new()
    {
        [0x1] = "compression", [0x2] = "filetype", [0x4] = "needs_recovery", [0x8] = "journal_dev", [0x10] = "meta_bg", [0x40] = "extent", [0x80] = "64bit",
        [0x100] = "mmp", [0x200] = "flex_bg", [0x400] = "ea_inode", [0x1000] = "dirdata", [0x2000] = "metadata_csum_seed", [0x4000] = "large_dir",
        [0x8000] = "inline_data", [0x10000] = "encrypt", [0x20000] = "casefold",
    };

    private static readonly Dictionary<uint, string> ReadOnlyNames = new()
    {
        [0x1] = "sparse_super", [0x2] = "large_file", [0x8] = "huge_file", [0x10] = "uninit_bg", [0x20] = "dir_nlink", [0x40] = "extra_isize", [0x80] = "snapshot",
        [0x100] = "quota", [0x200] = "bigalloc", [0x400] = "metadata_csum", [0x800] = "replica", [0x1000] = "read-only", [0x2000] = "project",
        [0x4000] = "shared_blocks", [0x8000] = "verity", [0x10000] = "orphan_present",
    };

    internal static IEnumerable<string> Names(CompatFeatures features) => Names((uint)features, CompatNames, 'C');

    internal static IEnumerable<string> Names(IncompatFeatures features) => Names((uint)features, IncompatNames, 'I');

    internal static IEnumerable<string> Names(ReadOnlyFeatures features) => Names((uint)features, ReadOnlyNames, 'R');

    private static IEnumerable<string> Names(uint features, Dictionary<uint, string> names, char kind)
    {
        for (var bit = 0; bit < 32; bit++)
        {
            var mask = 1u << bit;
            if ((features & mask) != 0)
            {
                yield return names.TryGetValue(mask, out var name) ? name : $"FEATURE_{kind}{bit}";
            }
        }
    }
}
