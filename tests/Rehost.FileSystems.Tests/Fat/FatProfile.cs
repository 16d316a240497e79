using Rehost.Blocks;
using Rehost.FileSystems.Fat;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Fat;

/// <summary>How mkfs.fat makes an image; fsck.fat and mtools judge it.</summary>
internal sealed record FatProfile(string Name, string Mkfs, int Kibibytes, int BlockSize) : RandomProfile(Name, BlockSize)
{
    public static IReadOnlyList<FatProfile> Matrix { get; } =
    [
        new("fat12-floppy", "-F 12", 1440, 512) { Farthest = 300_000, BecomesFull = true },
        new("fat12-4k-clusters", "-F 12 -s 8", 8192, 4096) { Farthest = 1_000_000 },
        new("fat16", "-F 16 -s 4", 32768, 2048),
        new("fat16-small-root", "-F 16 -s 1 -r 112 -f 1", 16384, 512) { Farthest = 1_000_000 },
        new("fat16-one-table", "-F 16 -s 8 -f 1", 65536, 4096),
        new("fat32-esp", "-F 32 -s 1 -n ESP", 65536, 512),
        new("fat32-4k-sectors", "-F 32 -S 4096 -s 1", 280_000, 4096),
        new("fat32-1k-sectors", "-F 32 -S 1024 -s 1", 70_000, 1024),
        new("fat32-32k-clusters", "-F 32 -s 64", 80_000, 32768) { IsReadableByMtools = false },
        new("fat32-full", "-F 32 -s 1", 4096, 512) { BecomesFull = true, IsReadableByMtools = false },
    ];

    /// <summary>mtools goes by the number of clusters, and takes a FAT32 with few of them for FAT16; Linux and fsck.fat go by the boot sector, as we do.</summary>
    public bool IsReadableByMtools { get; init; } = true;

    public override long Farthest { get; init; } = 3_000_000;

    public override Func<string, string?>? FindNameFault => WindowsName.FindFault;

    public override void MakeImage(string image)
        => Tool.MustRun("sh", "-c", $"rm -f '{image}'; yes stale-junk- | head -c {Kibibytes}K > '{image}'; mkfs.fat {Mkfs} -i 1234ABCD '{image}'");

    public override IFileSystem Open(IBlockDevice device) => FatFileSystem.Open(device, new FileSystemOpenOptions { Timestamp = DateTimeOffset.UnixEpoch.AddYears(50) });

    public override string? FindFault(string image)
    {
        var check = Tool.Run("fsck.fat", "-n", "-v", image);
        return check.ExitCode == 0 ? null : $"fsck.fat exits with {check.ExitCode}:\n{check.Output}{check.Error}";
    }

    public override void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        if (!IsReadableByMtools)
        {
            return;
        }

        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        try
        {
            if (model.List(model.Root).Any())
            {
                Tool.MustRun("sh", "-c", $"cd '{directory}' && MTOOLS_SKIP_CHECK=1 mcopy -s -n -i '{image}' '::*' .");
            }

            MountedTree.Compare(model, directory, scratch["list"], isMount: false, contentOnly: true);
        }
        finally
        {
            Tool.MustRun("rm", "-rf", directory);
        }
    }
}
