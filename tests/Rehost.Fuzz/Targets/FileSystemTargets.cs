using Rehost.FileSystems;
using Rehost.Fuzz.Engine;
using Rehost.Fuzz.Seals;
using Rehost.Fuzz.Seeds;

namespace Rehost.Fuzz.Targets;

/// <summary>File systems: the whole tree is walked and read; on a share of the runs it is edited as well.</summary>
internal static class FileSystemTargets
{
    public static IEnumerable<FuzzTarget> All =>
    [
        Make("ext", FileSystemSeeds.Ext, FileSystemSeals.Ext, "ExtFileSystem", "ExtSuperblock", "DirectoryScanner", "GroupDescriptor", "InlineData", "JournalSuperblock", "JournalTag", "PosixAcl", "XattrReader", "KnownFileSystems", "GuestLabel"),
        Make("xfs", FileSystemSeeds.Xfs, FileSystemSeals.Xfs, "XfsFileSystem", "XfsSuperblock", "XfsAttributes", "XfsBlockMap", "XfsExtent", "XfsFileReader", "XfsFreeSpace", "XfsInode", "XfsSymbolicLink", "BufferKind", "Chunk", "GroupFile", "OwnerRecord"),
        Make("btrfs", FileSystemSeeds.Btrfs, FileSystemSeals.Btrfs, "BtrfsFileSystem", "BtrfsSuperblock", "BtrfsChunk", "BtrfsDecoder", "BtrfsExtent", "BtrfsExtentRecord", "BtrfsFreeSpace", "BtrfsInode", "BtrfsInodeItem", "BtrfsKey", "BtrfsName", "BtrfsRoot", "BtrfsTreeBlock", "BtrfsVolume", "BtrfsChangedNode", "BtrfsChecksum"),
        Make("ntfs", FileSystemSeeds.Ntfs, null, "NtfsFileSystem", "NtfsBootSector", "NtfsAttribute", "FileName", "IndexEntry", "NtfsTime"),
        Make("fat", FileSystemSeeds.Fat, null, "FatFileSystem", "FatBootSector", "FatTime", "FreeSpaceInfo", "OemCodePage", "ShortName"),
        new("ntfs-compression", CompressedSeeds, RunCompressed) { Covers = ["Lznt1", "Lzx", "XpressHuffman"], Weight = 2 },
    ];

    private static FuzzTarget Make(string name, Func<SeedRoom, IEnumerable<FuzzSeed>> seeds, Action<ImageBuffer>? seal, params string[] covers) => new(name, seeds, run => Run(run, name))
    {
        Covers = [.. covers, char.ToUpperInvariant(name[0]) + name[1..] + "FileSystemFormat"],
        Seal = seal,
        IsElastic = false,
        Weight = 14,
        SmokeExecutions = 25,
        AllocationBudget = 2L << 30,
    };

    private static void Run(FuzzRun run, string name)
    {
        using var device = run.Device();
        var format = KnownFileSystems.All.Single(one => one.Name == name);
        _ = KnownFileSystems.Identify(device);
        using var fileSystem = format.Open(device, new FileSystemOpenOptions());
        FileSystemUse.ReadEverything(run, fileSystem);
        if (fileSystem is ISubvolumes several)
        {
            run.Attempt(() =>
            {
                foreach (var volume in several.Subvolumes.Take(4))
                {
                    run.Attempt(() =>
                    {
                        using var view = several.OpenSubvolume(volume.Id);
                        run.Exhaust(view.List(view.Root).Take(1000));
                    });
                }
            });
        }

        if (run.Length % 3 == 0 || run.Random.Next(2) == 0)
        {
            FileSystemUse.EditSomething(run, fileSystem);
            run.Attempt(() => run.Note("findings", fileSystem.Check().Count));
        }
    }

    private static IEnumerable<FuzzSeed> CompressedSeeds(SeedRoom _)
    {
        // One byte that says which, and the data: valid streams of each are inside of the volumes of the other target.
        var random = new Random(5);
        foreach (var kind in (byte[])[0, 1, 2])
        {
            var noise = new byte[4000];
            random.NextBytes(noise);
            yield return new FuzzSeed($"noise {kind}", [kind, .. noise]);
            yield return new FuzzSeed($"low {kind}", [kind, .. noise.Select(one => (byte)(one & 0x33))]);
            yield return new FuzzSeed($"zeros {kind}", [kind, .. new byte[600]]);
        }

        // LZNT1: a stored chunk, and one of literals and a match.
        yield return new FuzzSeed("stored", [0, 0xFF, 0x3F, .. Enumerable.Range(0, 4096).Select(at => unchecked((byte)at))]);
        yield return new FuzzSeed("match", [0, 0x07, 0xB0, 0x10, 1, 2, 3, 4, 0x0D, 0x30, 0, 0]);
        var lengths = new byte[256];
        lengths.AsSpan().Fill(0x99);
        yield return new FuzzSeed("xpress", [2, .. lengths, .. Enumerable.Range(0, 2000).Select(at => unchecked((byte)(at * 37)))]);
    }

    private static void RunCompressed(FuzzRun run)
    {
        var bytes = run.Bytes;
        if (bytes.Length < 2)
        {
            return;
        }

        foreach (var length in (int[])[4096, 32768, 65536, 100])
        {
            run.Attempt(() =>
            {
                var content = new byte[length];
                switch (bytes[0] % 3)
                {
                    case 0:
                        FileSystems.Ntfs.Compression.Lznt1.Decompress(bytes.AsSpan(1), content, "input");
                        break;
                    case 1:
                        FileSystems.Ntfs.Compression.Lzx.Decompress(bytes.AsSpan(1), content, "input");
                        break;
                    default:
                        FileSystems.Ntfs.Compression.XpressHuffman.Decompress(bytes.AsSpan(1), content, "input");
                        break;
                }

                run.Note("decompressed", length);
            });
        }
    }
}
