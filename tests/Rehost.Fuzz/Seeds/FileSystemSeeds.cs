using Rehost.FileSystems.Tests.Ntfs;
using Rehost.Fuzz.Engine;
using Rehost.Testing;

namespace Rehost.Fuzz.Seeds;

/// <summary>File systems as the field's tools make them, and as the kernel fills them.</summary>
internal static class FileSystemSeeds
{
    private const string Fill = """
        mkdir -p many a/b/c etc; for i in $(seq 60); do echo $i > many/file-$i; done; seq 4000 > text; seq 9000 > a/b/c/more; ln -s a/b link; ln -s loop loop; echo '/dev/sda1 / ext4 defaults 0 1' > etc/fstab
        truncate -s 3000000 sparse; for at in 0 50 100 200 400; do printf x | dd of=sparse bs=4096 seek=$at conv=notrunc status=none; done; ln text hard; mkfifo pipe; printf 'caf\351' > "$(printf 'caf\351')"
        ln -s $(printf 'long/%.0s' $(seq 100)) long
        """;

    private const string Attributes = "setfattr -n user.x -v y text; setfattr -n user.large -v $(seq -s, 60) many/file-1; setfattr -n security.selinux -v system_u:object_r:etc_t:s0 etc/fstab; ";

    public static IEnumerable<FuzzSeed> Ext(SeedRoom room)
    {
        room.Shell($"mkdir tree; cd tree; {Fill}");
        (string Name, string Options)[] kinds =
        [
            ("ext2", "-t ext2 -b 1024"),
            ("ext3", "-t ext3 -b 1024 -J size=1 -I 128"),
            ("ext4 without checksums", "-t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit"),
            ("ext4", "-t ext4 -b 1024 -J size=1"),
            ("blocks of 4096", "-t ext4 -b 4096 -O ^has_journal"),
            ("inline data", "-t ext4 -b 1024 -I 256 -O inline_data,^has_journal,^metadata_csum"),
            ("bigalloc", "-t ext4 -b 1024 -C 16384 -O bigalloc,^has_journal,^metadata_csum,quota"),
        ];
        foreach (var (name, options) in kinds)
        {
            yield return room.Make(name, $"mke2fs -q -F {options} -E root_owner=0:0 -d tree out 6M");
        }

        // Filled by the kernel: extended attributes, hashed directories, a journal that was not replayed.
        foreach (var (name, options) in ((string, string)[])[("mounted", "-t ext4 -b 1024 -J size=1 -O ^metadata_csum,^64bit -I 256"), ("mounted with checksums", "-t ext4 -b 1024 -J size=1 -I 256")])
        {
            room.Shell($"mke2fs -q -F {options} image 8M; mkdir -p mounted");
            using (new Mounted(room["image"], room["mounted"], "-o", "loop"))
            {
                room.Shell($"cd mounted; {Fill}\n{Attributes} sync -f .; for i in $(seq 200); do echo $i > many/another-rather-long-name-$i; done; sync; for i in $(seq 20); do echo x > new-$i; done; rm many/file-3; for f in text new-3; do sync $f; done; cp --sparse=always ../image ../out");
            }

            yield return new FuzzSeed(name, room.Read("out"));
        }
    }

    public static IEnumerable<FuzzSeed> Xfs(SeedRoom room)
    {
        (string Name, string Options, bool IsDirty)[] kinds =
        [
            ("version 5", "-m rmapbt=1,reflink=1 -l size=3075b", false),
            ("log to replay", "-m rmapbt=1,reflink=1 -l size=3075b", true),
        ];
        foreach (var (name, options, isDirty) in kinds)
        {
            room.Shell($"rm -f image; truncate -s 24M image; mkfs.xfs -q -f --unsupported -d agcount=2 {options} image || mkfs.xfs -q -f --unsupported {options} image; mkdir -p mounted");
            var fill = Fill.Replace("\n", isDirty ? "; sync -f .\n" : "\n", StringComparison.Ordinal);
            using (new Mounted(room["image"], room["mounted"], "-o", "loop"))
            {
                room.Shell($"cd mounted; {fill}\n{Attributes} for i in $(seq 300); do echo $i > many/another-rather-long-name-$i; done; cp --reflink=auto text shared; for i in $(seq 0 2 60); do xfs_io -c \"pwrite -q $((i * 4096)) 4096\" -f pieces; done; {(isDirty ? "sync -f .; rm many/file-4; mv text moved; echo x > fresh; xfs_io -x -c 'shutdown -f' ." : "true")}");
            }

            yield return new FuzzSeed(name, room.Read("image"));
        }

        // Kernels of today mount version 4 no more; mkfs.xfs fills it from a description.
        room.Shell("""
            rm -f image; truncate -s 24M image; seq 4000 > text
            { printf '/\n0 0\nd--755 0 0\ntext ---644 0 0 text\nlink l--777 0 0 a/b\npipe p--644 0 0\nmany d--755 0 0\n'; for i in $(seq 300); do echo "another-rather-long-name-$i ---644 0 0 text"; done; printf '$\netc d--755 0 0\nfstab ---600 0 0 text\n$\n$\n'; } > proto
            mkfs.xfs -q -f --unsupported -m crc=0,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -l size=2000b -p proto image
            """);
        yield return new FuzzSeed("version 4", room.Read("image"));
    }

    public static IEnumerable<FuzzSeed> Btrfs(SeedRoom room)
    {
        foreach (var (name, options, mount) in ((string, string, string)[])[("plain", "", ""), ("old", "-R ^free-space-tree -O ^no-holes,^skinny-metadata", ""), ("zlib", "", "compress-force=zlib"), ("lzo", "", "compress-force=lzo"), ("zstd", "", "compress-force=zstd")])
        {
            room.Shell($"rm -f image; truncate -s 24M image; mkfs.btrfs -q -f -K --mixed -n 4096 -s 4096 -d single -m single {options} image; mkdir -p mounted");
            using (new Mounted(room["image"], room["mounted"], "-t", "btrfs", "-o", mount.Length == 0 ? "loop" : $"loop,{mount}"))
            {
                room.Shell($"cd mounted; {Fill}\n{Attributes} btrfs -q subvolume create sub; echo x > sub/file; fallocate -l 100000 allocated; cp --reflink=always text shared; sync; btrfs -q subvolume snapshot . snap; echo new > many/file-7");
            }

            yield return new FuzzSeed(name, room.Read("image"));
        }
    }

    public static IEnumerable<FuzzSeed> Ntfs(SeedRoom room)
    {
        const string script = """
            mkdir packed many; setfattr -h -v 0x00000810 -n system.ntfs_attrib_be packed; (for i in $(seq 3000); do echo "line $i of a text"; done) > packed/text
            for i in $(seq 60); do echo $i > "many/a file with a name $i that is not short"; done; ln packed/text hard; ln -s target link
            truncate -s 900000 sparse; for at in 0 50 100; do printf x | dd of=sparse bs=4096 seek=$at conv=notrunc status=none; done
            for i in $(seq 30); do head -c 5000 packed/text >> a; head -c 5000 packed/text >> b; ln a "a has many names $i and so more than one record"; done; setfattr -n user.stream -v value a
            """;
        foreach (var options in (string[])["-c 4096", "-c 512", "-s 4096 -c 4096"])
        {
            room.Shell($"rm -f image; truncate -s 5M image; mkntfs -q -F -Q -T {options} image");
            NtfsImages.Fill(room["image"], room["mounted"], script);
            yield return new FuzzSeed(options, room.Read("image"));
        }
    }

    public static IEnumerable<FuzzSeed> Fat(SeedRoom room)
    {
        foreach (var (options, size) in ((string, string)[])[("-F 12 -s 1", "1M"), ("-F 16 -s 1", "5M"), ("-F 32 -s 1", "34M"), ("-F 12 -S 4096", "12M")])
        {
            room.Shell($"""
                rm -rf image tree; truncate -s {size} image; mkfs.fat {options} -i 12345678 -n LABEL image > /dev/null; export MTOOLS_SKIP_CHECK=1
                mkdir -p tree/EFI/BOOT tree/many 'tree/a long directory name'; for i in $(seq 40); do echo $i > "tree/many/a file with a long name $i"; done; seq 9000 > tree/EFI/BOOT/BOOTX64.EFI; seq 3000 > tree/text
                mcopy -Q -s -i image tree/* ::/; mdel -i image '::/many/a file with a long name 3*'; seq 5000 > tree/pieces; mcopy -Q -i image tree/pieces '::/a long directory name/'
                """);
            yield return new FuzzSeed($"{options} {size}", room.Read("image"));
        }
    }
}
