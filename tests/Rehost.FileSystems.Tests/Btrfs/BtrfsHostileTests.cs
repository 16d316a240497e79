using System.Diagnostics;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.FileSystems.Btrfs;
using Rehost.FileSystems.Tests.Conformance;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Btrfs;

/// <summary>Damaged images: superblock, chunks, tree blocks with their checksums made good again, so that the damage reaches the parsers. Only findings may come out.</summary>
public sealed class BtrfsHostileTests
{
    private const int NodeSize = 4096;
    private const int MaximumNodes = 400;

    /// <summary>REHOST_PROPERTY_OPERATIONS sets more.</summary>
    private static readonly int Rounds = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 300);

    [Theory]
    [InlineData("", 1)]
    [InlineData("compress-force=zlib", 2)]
    [InlineData("compress-force=lzo", 3)]
    [InlineData("compress-force=zstd", 4)]
    public void Damage_gives_findings_and_nothing_else(string options, int seed) => Fuzz("", options, seed, ReadEverything);

    [Theory]
    [InlineData("", 5)]
    [InlineData("-R ^free-space-tree -O ^no-holes,^skinny-metadata", 6)]
    public void Writing_to_a_damaged_file_system_gives_findings_and_nothing_else(string features, int seed) => Fuzz(features, "", seed, EditEverything);

    private static void Fuzz(string features, string options, int seed, Action<byte[]> use)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, $"--mixed -n {NodeSize} -s 4096 -d single -m single {features}", 1, 24);
        disks.Fill(options, """
            mkdir -p many/a/b/c; for i in $(seq 200); do echo $i > many/file-$i; done; seq 20000 > text; seq 30000 > many/a/b/c/more; ln -s many/a link
            btrfs -q subvolume create sub; echo x > sub/file; setfattr -n user.x -v y text; truncate -s 5000000 sparse; fallocate -l 100000 allocated
            cp --reflink=always text shared; sync; btrfs -q subvolume snapshot . snap; echo new > many/file-7
            """);
        var pristine = File.ReadAllBytes(disks.Files[0]);
        var blocks = FindBlocks(pristine);
        Assert.True(blocks.Count > 10, $"only {blocks.Count} tree blocks were found");
        use((byte[])pristine.Clone());
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            var content = (byte[])pristine.Clone();
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                Damage(content, random.Next(6) == 0 ? 64 << 10 : blocks[random.Next(blocks.Count)], random);
            }

            var watch = Stopwatch.StartNew();
            try
            {
                use(content);
            }
            catch (DiagnosticException)
            {
                // A finding: what damage must give.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e}");
            }

            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), $"seed {seed}, round {round} took {watch.Elapsed}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(65535)]
    [InlineData(69632)]
    [InlineData(2 << 20)]
    public void A_truncated_image_gives_a_finding(int length)
    {
        using var scratch = new ScratchDirectory();
        using var disks = new BtrfsImage(scratch, "--mixed -n 4096 -s 4096", 1, 24);
        using var device = new MemoryDevice(File.ReadAllBytes(disks.Files[0])[..length]);
        Assert.Equal(length >= 69632, new BtrfsFileSystemFormat().Identify(device));
        Assert.Throws<DiagnosticException>(() => BtrfsFileSystem.Open(device, new FileSystemOpenOptions()));
    }

    /// <summary>Places of tree blocks: the id of the file system stands in each, 32 bytes from its start.</summary>
    private static List<int> FindBlocks(byte[] image)
    {
        var id = image.AsSpan((64 << 10) + 0x20, 16).ToArray();
        return [.. Enumerable.Range(0, image.Length / NodeSize).Select(block => block * NodeSize).Where(at => at != 64 << 10 && image.AsSpan(at + 0x20, 16).SequenceEqual(id))];
    }

    private static void Damage(byte[] image, int at, Random random)
    {
        for (var flips = random.Next(1, 6); flips > 0; flips--)
        {
            // Items grow from the end, their headers from the start: both ends are where the structure is.
            var within = random.Next(3) switch { 0 => 0x20 + random.Next(300), 1 => NodeSize - 1 - random.Next(1500), _ => 0x20 + random.Next(NodeSize - 0x20) };
            image[at + within] = random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => (byte)(image[at + within] ^ (1 << random.Next(8))), _ => (byte)random.Next(256) };
        }

        var crc = Crc32C.Of(image.AsSpan(at + 0x20, NodeSize - 0x20));
        BitConverter.TryWriteBytes(image.AsSpan(at), crc);
    }

    private static void ReadEverything(byte[] content)
    {
        using var device = new MemoryDevice(content);
        using var fileSystem = BtrfsFileSystem.Open(device, new FileSystemOpenOptions());
        Attempt(() => fileSystem.Check());
        Attempt(() => fileSystem.GetFreeRanges().Sum(range => range.Length));
        Attempt(() => fileSystem.Subvolumes);
        var buffer = new byte[200_000];
        var work = new Stack<NodeId>([fileSystem.Root]);
        for (var left = MaximumNodes; left > 0 && work.TryPop(out var node); left--)
        {
            Attempt(() =>
            {
                var metadata = fileSystem.GetMetadata(node);
                Attempt(() => fileSystem.GetExtendedAttributes(node));
                if (metadata.Kind == NodeKind.Directory)
                {
                    foreach (var entry in fileSystem.List(node).Take(1000))
                    {
                        Attempt(() => fileSystem.Lookup(node, entry.Name));
                        work.Push(entry.Node);
                    }
                }
                else if (metadata.Kind == NodeKind.SymbolicLink)
                {
                    fileSystem.ReadLink(node);
                }

                foreach (var offset in new[] { 0, 4000, metadata.Length / 2, Math.Max(0, metadata.Length - 5), long.MaxValue - 300_000 })
                {
                    Attempt(() => fileSystem.Read(node, offset, buffer));
                }

                return null;
            });
        }
    }

    private static void EditEverything(byte[] content)
    {
        using var device = new MemoryDevice(content);
        using var fileSystem = BtrfsFileSystem.Open(device, new FileSystemOpenOptions());
        var tree = new GuestTree(fileSystem);
        var data = new byte[70_000];
        foreach (var edit in new Action[]
        {
            () => tree.WriteFile("/text", data),
            () => tree.WriteFile("/many/file-9", "more"u8),
            () => fileSystem.Write(tree.Resolve("/shared").Node, 50_000, data),
            () => fileSystem.SetLength(tree.Resolve("/sparse").Node, 1_000_001),
            () => fileSystem.Write(tree.Resolve("/allocated").Node, 5000, data.AsSpan(0, 9000)),
            () => fileSystem.Flush(),
            () => tree.WriteFile("/new", data),
            () => tree.CreateDirectories("/many/x/y"),
            () => tree.DeleteFile("/many/file-3"),
            () => fileSystem.Rename(tree.Resolve("/many").Node, "file-4", fileSystem.Root, "moved"),
            () => fileSystem.Rename(fileSystem.Root, "many", fileSystem.Root, "few"),
            () => fileSystem.SetExtendedAttribute(tree.Resolve("/text").Node, "user.x", new byte[300]),
            () => fileSystem.SetMode(tree.Resolve("/sub/file").Node, 0x1FF),
            () => tree.WriteFile("/snap/text", "of the snapshot"u8),
            () => tree.DeleteFile("/shared"),
            () => fileSystem.Flush(),
            () => Assert.NotNull(fileSystem.GetFreeRanges().ToList()),
        })
        {
            Attempt(() =>
            {
                edit();
                return null;
            });
        }
    }

    private static void Attempt(Func<object?> action)
    {
        try
        {
            action();
        }
        catch (DiagnosticException)
        {
            // One finding must not hide what comes after it.
        }
    }
}
