using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>Images made with mke2fs over junk, so that whatever is not initialised shows.</summary>
internal static class ExtImages
{
    /// <summary>Name of a feature set and the arguments that make it.</summary>
    internal static readonly (string Name, int MiB, string[] Arguments)[] All =
    [
        ("ext2-2005", 24, ["-t", "ext2", "-b", "1024", "-I", "128", "-O", "none,filetype,sparse_super,resize_inode,dir_index"]),
        ("ext2-plain", 8, ["-t", "ext2", "-b", "1024", "-I", "128", "-O", "none"]),
        ("ext3", 20, ["-t", "ext3", "-b", "4096", "-I", "256", "-O", "^metadata_csum,^64bit,^extents"]),
        ("ext3-1k", 20, ["-t", "ext3", "-b", "1024", "-I", "128"]),
        ("ext4-2010", 20, ["-t", "ext4", "-b", "4096", "-O", "^metadata_csum,^64bit,uninit_bg"]),
        ("ext4", 20, ["-t", "ext4", "-b", "4096"]),
        ("ext4-1k", 24, ["-t", "ext4", "-b", "1024"]),
        ("ext4-2k", 20, ["-t", "ext4", "-b", "2048"]),
        ("ext4-64k", 64, ["-t", "ext4", "-b", "65536", "-N", "4096"]),
        ("ext4-inline", 20, ["-t", "ext4", "-b", "4096", "-I", "256", "-O", "inline_data"]),
        ("ext4-inline-1k", 20, ["-t", "ext4", "-b", "1024", "-I", "512", "-O", "inline_data,^metadata_csum,^64bit"]),
        ("ext4-modern", 20, ["-t", "ext4", "-b", "4096", "-O", "metadata_csum_seed,orphan_file,ea_inode,large_dir,inline_data,verity,stable_inodes,casefold"]),
        ("ext4-noextents", 20, ["-t", "ext4", "-b", "1024", "-O", "^extents,^64bit"]),
        ("ext4-metabg", 24, ["-t", "ext4", "-b", "1024", "-O", "meta_bg,^resize_inode"]),
        ("ext4-sparse2", 24, ["-t", "ext4", "-b", "1024", "-O", "sparse_super2,^resize_inode"]),
        ("ext4-noflex", 24, ["-t", "ext4", "-b", "1024", "-O", "^flex_bg,^huge_file,^dir_nlink,mmp,project"]),
        ("ext4-nojournal", 24, ["-t", "ext4", "-b", "1024", "-I", "128", "-O", "^has_journal,^dir_index,^extra_isize"]),
    ];

    /// <summary>Feature sets that can be read only.</summary>
    internal static readonly (string Name, int MiB, string[] Arguments)[] ReadOnly =
    [
        ("ext4-bigalloc", 24, ["-t", "ext4", "-b", "1024", "-O", "bigalloc", "-C", "16384"]),
        ("ext4-quota", 20, ["-t", "ext4", "-b", "1024", "-O", "quota"]),
    ];

    internal static string Make(ScratchDirectory scratch, string name, string? sourceDirectory = null, int? mebibytes = null)
    {
        var (_, size, arguments) = All.Concat(ReadOnly).Single(set => set.Name == name);
        return Make(scratch, name, mebibytes ?? size, arguments, sourceDirectory);
    }

    internal static string Make(ScratchDirectory scratch, string name, int mebibytes, string[] arguments, string? sourceDirectory = null)
    {
        var path = scratch[name + ".img"];
        WriteJunk(path, mebibytes);
        string[] source = sourceDirectory is null ? [] : ["-d", sourceDirectory];
        Tool.MustRun("mke2fs", ["-q", "-F", "-E", "nodiscard,root_owner=0:0,hash_seed=11223344-5566-7788-99aa-bbccddeeff00,lazy_itable_init=1", "-U", "5a1e0c11-1111-4222-8333-444455556666", .. arguments, .. source, path]);
        return path;
    }

    internal static ExtFileSystem Open(IBlockDevice device) => ExtFileSystem.Open(device, new FileSystemOpenOptions());

    internal static void MustBeClean(string path)
    {
        var result = Tool.Run("e2fsck", "-fn", path);
        Assert.True(result.ExitCode == 0, $"e2fsck -fn {path} exited with {result.ExitCode}:\n{result.Output}\n{result.Error}");
    }

    private static void WriteJunk(string path, int mebibytes)
    {
        var junk = new byte[1 << 20];
        new Random(20051121).NextBytes(junk);
        using var file = File.Create(path);
        for (var i = 0; i < mebibytes; i++)
        {
            junk[i % junk.Length] ^= 0x5A;
            file.Write(junk);
        }
    }
}
