using Rehost.Blocks;
using Rehost.FileSystems.Ntfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>How mkntfs makes a volume; ntfsfix, ntfsresize (which counts every cluster) and ntfs-3g judge it.</summary>
internal sealed record NtfsProfile(string Name, string Mkntfs, int Mebibytes, int BlockSize) : RandomProfile(Name, BlockSize)
{
    public static IReadOnlyList<NtfsProfile> Matrix { get; } =
    [
        new("ntfs-4k", "-c 4096", 48, 4096),
        new("ntfs-512", "-c 512", 40, 512),
        new("ntfs-1k-aliases", "-c 1024", 40, 1024) { ShortNames = true },
        new("ntfs-4k-sectors", "-s 4096 -c 4096", 48, 4096),
        new("ntfs-64k", "-c 65536", 200, 65536),
        new("ntfs-compressed", "-c 4096 -C", 48, 4096) { Prepare = "setfattr -h -v 0x00000810 -n system.ntfs_attrib_be ." },
        new("ntfs-full", "-c 4096", 8, 4096) { BecomesFull = true },
    ];

    /// <summary>What to do in the volume, through ntfs-3g, before anything else.</summary>
    public string? Prepare { get; init; }

    public override long Farthest { get; init; } = 3_000_000;

    public override Func<string, string?>? FindNameFault => WindowsName.FindFault;

    /// <summary>Whether long names get aliases.</summary>
    public bool? ShortNames { get; init; }

    public override void MakeImage(string image)
    {
        NtfsImages.Make(image, Mkntfs, Mebibytes);
        if (Prepare is not null)
        {
            NtfsImages.Fill(image, image + ".mount", Prepare);
        }
    }

    public override IFileSystem Open(IBlockDevice device) => NtfsFileSystem.Open(device, new FileSystemOpenOptions { Timestamp = DateTimeOffset.UnixEpoch.AddYears(50), ShortNames = ShortNames });

    public override string? FindFault(string image) => NtfsImages.FindFault(image);

    public override void CompareWithWitness(InMemoryFileSystem model, string image, ScratchDirectory scratch)
    {
        var directory = Directory.CreateDirectory(scratch["witness"]).FullName;
        using var mounted = new Mounted(image, directory, "-t", "ntfs-3g", "-o", "ro");
        MountedTree.Compare(model, directory, scratch["list"], isMount: false, contentOnly: true);
    }
}
