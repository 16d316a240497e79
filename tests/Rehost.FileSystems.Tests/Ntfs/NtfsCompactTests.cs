using System.Globalization;
using Rehost.Blocks;
using Rehost.FileSystems.Ntfs;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ntfs;

/// <summary>
/// Files that CompactOS keeps compressed. Their chunks are those of a WIM archive with the same chunk size, so wimlib packs the files; ntfs-3g puts the packed content and the reparse point in place.
/// </summary>
public sealed class NtfsCompactTests
{
    [Theory]
    [InlineData(0, "XPRESS", 4096)]
    [InlineData(1, "LZX", 32768)]
    [InlineData(2, "XPRESS", 8192)]
    [InlineData(3, "XPRESS", 16384)]
    public void Compressed_system_files_are_read_and_written(int algorithm, string compression, int chunkSize)
    {
        using var scratch = new ScratchDirectory();
        var (source, image, mount, wim) = (Directory.CreateDirectory(scratch["source"]).FullName, scratch["image"], scratch["mount"], scratch["x.wim"]);
        Tool.MustRun("bash", "-c", $$"""
            set -e; cd '{{source}}'; (for i in $(seq 15000); do echo "line $i of a text that can be compressed rather well $((i * 7919 % 1000))"; done) > text
            cp /bin/bash program; head -c 100000 /dev/urandom > random; cat text random program > mixed; head -c 5000 text > small; head -c {{chunkSize}} text > chunk; head -c {{chunkSize + 1}} text > more; rm random
            wimcapture . '{{wim}}' --compress={{compression}} --chunk-size={{chunkSize}}
            """);
        var blobs = Blobs(Tool.MustRun("wiminfo", wim, "--blobs"));
        NtfsImages.Make(image, "", 32);
        var script = string.Join('\n', Directory.GetFiles(source).Select(file =>
        {
            var (offset, size) = blobs[Tool.MustRun("sha1sum", file)[..40]];
            var name = Path.GetFileName(file);
            var reparse = "1700008010000000" + "01000000" + "02000000" + "01000000" + $"0{algorithm}000000";
            return $"truncate -s {new FileInfo(file).Length} {name}; tail -c +{offset + 1} '{wim}' | head -c {size} > {name}:WofCompressedData; setfattr -h -n system.ntfs_reparse_data -v 0x{reparse} {name}";
        }));
        Directory.CreateDirectory(mount);
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "streams_interface=windows"))
        {
            Tool.MustRun("bash", "-c", $"set -e; cd '{mount}'; {script}");
        }

        using (var device = FileDevice.OpenReadWrite(image))
        using (var fileSystem = NtfsFileSystem.Open(device, new FileSystemOpenOptions { Timestamp = DateTimeOffset.UnixEpoch }))
        {
            var tree = new GuestTree(fileSystem);
            foreach (var file in Directory.GetFiles(source))
            {
                Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(tree.ReadAllBytes("/" + Path.GetFileName(file), 1 << 30)), file);
            }

            // Written to, they become ordinary files, as in Windows.
            foreach (var entry in tree.List("/").ToArray())
            {
                var node = tree.Resolve(entry.Path).Node;
                fileSystem.Write(node, 3000, "changed"u8);
                Assert.Empty(fileSystem.GetExtendedAttributes(node));
            }

            fileSystem.Flush();
        }

        Assert.Null(NtfsImages.FindFault(image));
        using (new Mounted(image, mount, "-t", "ntfs-3g", "-o", "ro,streams_interface=windows"))
        {
            foreach (var file in Directory.GetFiles(source))
            {
                var expected = File.ReadAllBytes(file);
                "changed"u8.CopyTo(expected.AsSpan(3000));
                Assert.True(expected.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(mount, Path.GetFileName(file)))), file);
            }
        }
    }

    /// <summary>Where compressed content is in the archive, by the SHA-1 of what it holds.</summary>
    private static Dictionary<string, (long Offset, long Size)> Blobs(string listing)
    {
        var blobs = new Dictionary<string, (long, long)>();
        foreach (var blob in listing.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = blob.Split('\n').Select(line => line.Split('=', 2)).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0].Trim(), pair => pair[1].Trim().Split(' ')[0]);
            if (fields.TryGetValue("Hash", out var hash) && blob.Contains("FLAG_COMPRESSED", StringComparison.Ordinal))
            {
                blobs[hash[2..]] = (long.Parse(fields["Offset in WIM"], CultureInfo.InvariantCulture), long.Parse(fields["Compressed size"], CultureInfo.InvariantCulture));
            }
        }

        return blobs;
    }
}
