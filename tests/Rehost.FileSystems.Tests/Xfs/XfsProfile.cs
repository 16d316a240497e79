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

    public static IReadOnlyList<XfsProfile> All { get; } =
    [
        new("v5-2014", "-m crc=1,finobt=0,rmapbt=0,reflink=0,bigtime=0,inobtcount=0 -i sparse=0", 320),
        new("v5-today", "", 320),
        new("v5-all", "-m crc=1,finobt=1,rmapbt=1,reflink=1,bigtime=1,inobtcount=1 -i sparse=1,nrext64=1", 320),
        new("v5-1k", "-b size=1024 -m rmapbt=1", 320),
        new("v5-1k-big-inodes", "-b size=1024 -i size=1024 -m finobt=1,reflink=0 -n size=4096", 320),
        new("v5-2k-directories-64k", "-b size=2048 -n size=65536 -m rmapbt=1", 320),
        new("v5-sectors-4k", "-s size=4096 -i size=2048", 320),
        new("v5-many-groups", "-d agcount=16 -m rmapbt=1", 320) { Share = 0.5 },
        new("v5-16k", "-b size=16384 -m rmapbt=1", 400) { IsMountable = false, Share = 0.5 },
        new("v5-64k", "-b size=65536 -i size=2048", 400) { IsMountable = false, Share = 0.5 },
        new("v4-512", "-m crc=0,finobt=0 -b size=512 -i size=256 -n ftype=0", 320) { IsMountable = false },
        new("v4-4k-2012", "-m crc=0,finobt=0 -n ftype=0 -i size=256", 320) { IsMountable = false },
        new("v4-ftype-16k-directories", "-m crc=0,finobt=0 -n ftype=1,size=16384 -i size=512", 320) { IsMountable = false },
        new("v5-full", "-m rmapbt=1 -b size=1024", 320) { BecomesFull = true, Script = "fallocate -l 245m filler; chmod 600 filler" },
    ];

    public string Make(ScratchDirectory scratch)
    {
        var image = scratch["image"];
        Tool.MustRun("sh", "-c", $"rm -f '{image}'; yes stale-junk- | head -c {Mebibytes}M > '{image}'; mkfs.xfs -q -f {Mkfs} '{image}'");
        if (Script.Length > 0)
        {
            Directory.CreateDirectory(scratch["prepare"]);
            using var mounted = new Mounted(image, scratch["prepare"], "-o", "loop");
            Tool.MustRun("bash", "-c", $"set -e; cd '{scratch["prepare"]}'\n{Script}");
        }

        return image;
    }

    public static XfsFileSystem Open(IBlockDevice device) => XfsFileSystem.Open(device, new FileSystemOpenOptions());

    /// <summary>What xfs_repair finds; null when nothing.</summary>
    public static string? FindFault(string image)
    {
        var check = Tool.Run("xfs_repair", "-n", "-f", image);
        return check.ExitCode == 0 ? null : $"xfs_repair -n exits with {check.ExitCode}:\n{check.Output}{check.Error}";
    }
}
