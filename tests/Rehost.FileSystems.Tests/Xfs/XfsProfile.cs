using Rehost.Blocks;
using Rehost.FileSystems.Xfs;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Xfs;

/// <summary>One point of the feature matrix: how mkfs.xfs makes it, over junk.</summary>
internal sealed record XfsProfile(string Name, string Mkfs, int Mebibytes)
{
    /// <summary>How far away a sparse write may be.</summary>
    public long Farthest { get; init; } = 600_000_000;

    /// <summary>Whether this machine's kernel can mount it: its build may lack version 4, and it maps no blocks larger than a page.</summary>
    public bool IsMountable { get; init; } = true;

    /// <summary>What is done before our own operations, in the mounted root.</summary>
    public string Script { get; init; } = "";

    /// <summary>Whether the operations must fill it.</summary>
    public bool BecomesFull { get; init; }

    /// <summary>Fraction of the operations to run.</summary>
    public double Share { get; init; } = 1;

    /// <summary>Whether mkfs.xfs itself fills it with files, from a prototype.</summary>
    public bool HasPrototype { get; init; }

    public static IReadOnlyList<XfsProfile> All { get; } =
    [
        new("v5-2014", "-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0", 96),
        new("v5-today", "", 96),
        new("v5-all", "-m crc=1,finobt=1,rmapbt=1,reflink=1,bigtime=1,inobtcount=1 -i sparse=1,nrext64=1", 96),
        new("v5-1k", "-b size=1024 -m rmapbt=1", 96),
        new("v5-2k-big-inodes", "-b size=2048 -i size=1024 -m finobt=1,reflink=0 -n size=4096", 96),
        new("v5-2k-directories-64k", "-b size=2048 -n size=65536 -m rmapbt=1", 96),
        new("v5-sectors-4k", "-s size=4096 -i size=2048", 96),
        new("v5-many-groups", "-d agcount=16 -m rmapbt=1", 320) { Share = 0.5 },
        new("v5-16k", "-b size=16384 -m rmapbt=1", 200) { IsMountable = false, Share = 0.5 },
        new("v5-64k", "-b size=65536 -i size=2048", 400) { IsMountable = false, Share = 0.5 },
        new("v4-512", "-m crc=0,finobt=0 -b size=512 -i size=256 -n ftype=0", 96) { IsMountable = false, HasPrototype = true },
        new("v4-4k-2012", "-m crc=0,finobt=0 -n ftype=0 -i size=256", 96) { IsMountable = false, HasPrototype = true },
        new("v4-attr1", "-m crc=0,finobt=0 -n ftype=0 -i size=256,attr=1", 96) { IsMountable = false },
        new("v4-ftype-16k-directories", "-m crc=0,finobt=0 -n ftype=1,size=16384 -i size=512", 96) { IsMountable = false, HasPrototype = true },
        new("v5-lived-in", "", 128) { Script = LivedIn },
        new("v5-lived-in-1k", "-b size=1024 -m rmapbt=1 -i nrext64=1", 128) { Script = LivedIn },
        new("v5-lived-in-2014", "-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0", 128) { Script = LivedIn, Share = 0.5 },
        new("v5-full", "-m rmapbt=1 -b size=1024", 96) { BecomesFull = true, Script = $"{Fragment}\nsync\nfallocate -l $(($(stat -f -c '%a * %S' .) - 1200000)) filler" },
        new("v5-full-4k", "", 96) { BecomesFull = true, Script = $"fallocate -l $(($(stat -f -c '%a * %S' .) - 1200000)) filler" },
    ];

    /// <summary>What the kernel makes in the mounted root: each form of directory, map, attribute and link, shared and unwritten extents, and holes in free space.</summary>
    private const string LivedIn = """
        seq 40000 > text; cp --reflink=auto text shared; cp --reflink=auto shared also; printf CHANGED | dd of=shared bs=1 seek=50000 conv=notrunc status=none; truncate -s 9000000 shared
        fallocate -l 500000 allocated; printf in | dd of=allocated bs=1 seek=200000 conv=notrunc status=none; fallocate -o 3000000 -l 400000 -n allocated
        for i in $(seq 0 2 2400); do echo "pwrite -q $((i * 1024)) 1000"; done | xfs_io -f pieces > /dev/null; cp --reflink=auto pieces pieces2
        mkdir hashes leaf one short deep deep/er; cd hashes; seq -f 'a-name-of-some-length-%g' 3000 | xargs touch; rm -f *7; cd ../leaf; seq -f 'a-name-%g' 200 | xargs touch; cd ../short; seq -f 'entry-%g' 8 | xargs touch; cd ..
        ln -s $(printf '%*s' 1000 | tr ' ' t) long; ln -s text link; ln text hard; chmod 4711 also; chown 5:7 also
        attributes() { echo "# file: $1"; for i in $(seq $2); do echo "user.number-$i=\"$(seq -s, $i 40)\""; done; [ -z "$3" ] || echo "user.big=\"$(seq -s, $3)\""; echo; }
        { attributes hashes/a-name-of-some-length-1 1; attributes hashes/a-name-of-some-length-2 6; attributes hashes/a-name-of-some-length-3 70 4000; attributes leaf/a-name-1 3 1000; attributes deep 2; attributes short 30; } | setfattr --restore=- 
        setfattr -n security.selinux -v system_u:object_r:etc_t:s0 text; setfattr -n trusted.t -v x short

        """ + Fragment;

    private const string Fragment = "\nmkdir f; for i in $(seq 400); do head -c $((i * 40)) /dev/zero > f/$i; done; sync; rm f/*[13579]";

    public string Make(ScratchDirectory scratch)
    {
        var image = scratch["image"];
        var mkfs = Mkfs;
        if (HasPrototype)
        {
            mkfs += $" -p '{scratch["prototype"]}'";
            Tool.MustRun("bash", "-c", $$"""
                cd '{{scratch.Path}}'; seq 300000 > big; seq 90 > small
                { echo skip; echo 0 0; echo d--755 0 0; echo big ---644 5 6 big; echo small -u-755 0 0 small; echo link l--777 0 0 some/where/else
                printf 'long l--777 0 0 %s\n' $(printf '%*s' 900 | tr ' ' t); echo sub d--750 0 0; echo leaf ---644 0 0 small; echo '$'
                for n in 8 200 2500; do echo many$n d--755 0 0; for i in $(seq $n); do echo a-name-of-some-length-$i ---644 0 0 small; done; echo '$'; done; echo '$'; } > prototype
                """);
        }

        Tool.MustRun("sh", "-c", $"rm -f '{image}'; cd '{scratch.Path}'; yes stale-junk- 2>&1 | head -c {Mebibytes}M > '{image}'; mkfs.xfs -q -f --unsupported {mkfs} '{image}'");
        if (Script.Length > 0)
        {
            Directory.CreateDirectory(scratch["prepare"]);
            using var mounted = new Mounted(image, scratch["prepare"], "-o", "loop");
            Tool.MustRun("bash", "-c", $"set -e; cd '{scratch["prepare"]}'\n{Script}");
        }

        if (BecomesFull)
        {
            FillWhatTheKernelKeeps(image);
        }

        return image;
    }

    /// <summary>The kernel holds some megabytes back for its trees, which is no part of the format: they are filled by our own writing, up to a last one.</summary>
    private static void FillWhatTheKernelKeeps(string image)
    {
        using var device = FileDevice.OpenReadWrite(image);
        using var fileSystem = Open(device);
        var filler = (fileSystem.Lookup(fileSystem.Root, "filler") ?? throw new InvalidOperationException("there is no filler")).Node;
        var piece = new byte[64 << 10];
        piece.AsSpan().Fill(7);
        for (var at = fileSystem.GetMetadata(filler).Length; fileSystem.Info.TotalBytes - fileSystem.Info.UsedBytes > 1_200_000; at += piece.Length)
        {
            fileSystem.Write(filler, at, piece);
        }

        fileSystem.Flush();
    }

    public static XfsFileSystem Open(IBlockDevice device) => XfsFileSystem.Open(device, new FileSystemOpenOptions());

    /// <summary>What xfs_repair finds; null when nothing.</summary>
    public static string? FindFault(string image)
    {
        var check = Tool.Run("xfs_repair", "-n", "-f", image);
        return check.ExitCode == 0 ? null : $"xfs_repair -n exits with {check.ExitCode}:\n{check.Output}{check.Error}";
    }
}
