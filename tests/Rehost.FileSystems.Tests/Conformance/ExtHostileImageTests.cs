using System.Diagnostics;
using Rehost.Blocks;
using Rehost.FileSystems.Ext;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Images with flipped bytes in their metadata, read whole: only findings may come out, and in reasonable time and memory.</summary>
public sealed class ExtHostileImageTests
{
    /// <summary>REHOST_PROPERTY_OPERATIONS sets more.</summary>
    private static readonly int Rounds = ExtRandomOperations.ReadSetting("REHOST_PROPERTY_OPERATIONS", 250);
    private const int MaximumNodes = 3000;

    [Theory]
    [InlineData("-t ext4 -b 1024 -O ^metadata_csum,inline_data -I 256", 1)]
    [InlineData("-t ext4 -b 1024 -O ^metadata_csum,ea_inode,^flex_bg,large_dir", 2)]
    [InlineData("-t ext2 -b 1024 -I 128", 3)]
    [InlineData("-t ext4 -b 4096", 4)]
    public void Damaged_metadata_gives_findings_and_nothing_else(string mke2fs, int seed)
    {
        using var scratch = new ScratchDirectory();
        var (source, image) = (scratch["source"], scratch["image"]);
        Tool.MustRun("bash", "-c", $$"""
            set -e; mkdir -p '{{source}}/many' '{{source}}/d/e/f'; cd '{{source}}'
            for i in $(seq 120); do echo $i > many/a-file-with-a-long-name-$i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done
            head -c 400000 /dev/urandom > d/big; truncate -s 9000000 d/sparse; for i in 3 100 900 5000; do printf x | dd of=d/sparse bs=1024 seek=$i conv=notrunc status=none; done
            ln -s short d/short; ln -s {{new string('l', 300)}} d/long; echo tiny > d/tiny; setfattr -n user.x -v {{new string('v', 300)}} d/tiny || true
            truncate -s 2M '{{image}}'; mke2fs -q -F {{mke2fs}} -N 256 -d '{{source}}' '{{image}}'
            """);
        var pristine = File.ReadAllBytes(image);
        var hot = FindMetadata(pristine, mke2fs.Contains("4096", StringComparison.Ordinal) ? 4096 : 1024);
        var random = new Random(seed);
        for (var round = 0; round < Rounds; round++)
        {
            var content = (byte[])pristine.Clone();
            for (var flips = random.Next(1, 8); flips > 0; flips--)
            {
                var at = random.Next(5) == 0 ? 1024 + random.Next(0x280) : hot[random.Next(hot.Count)];
                content[at] = random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => (byte)(content[at] ^ (1 << random.Next(8))), _ => (byte)random.Next(256) };
            }

            var watch = Stopwatch.StartNew();
            try
            {
                ReadEverything(content);
            }
            catch (DiagnosticException)
            {
                // A finding: what damage must give.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e}");
            }

            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"seed {seed}, round {round} took {watch.Elapsed}");
        }
    }

    /// <summary>Bytes that differ from a file system of only zeros and that are not file content: superblock, descriptors, inodes, directories, extents.</summary>
    private static List<int> FindMetadata(byte[] image, int blockSize)
    {
        var hot = new List<int>();
        for (var block = 0; block < image.Length; block += blockSize)
        {
            var zeros = image.AsSpan(block, blockSize).Count((byte)0);
            if (zeros > blockSize / 20 && zeros < blockSize)
            {
                hot.AddRange(Enumerable.Range(block, blockSize).Where(at => image[at] != 0));
            }
        }

        return hot;
    }

    private static void ReadEverything(byte[] content)
    {
        using var device = new MemoryDevice(content);
        using var fileSystem = ExtFileSystem.Open(device, new FileSystemOpenOptions());
        Attempt(() => fileSystem.Check());
        Attempt(() => fileSystem.GetFreeRanges().Sum(range => range.Length));
        var buffer = new byte[70_000];
        var work = new Stack<NodeId>([fileSystem.Root]);
        for (var left = MaximumNodes; left > 0 && work.TryPop(out var node); left--)
        {
            Attempt(() =>
            {
                var metadata = fileSystem.GetMetadata(node);
                Attempt(() => fileSystem.GetExtendedAttributes(node));
                switch (metadata.Kind)
                {
                    case NodeKind.Directory:
                        foreach (var entry in fileSystem.List(node).Take(1000))
                        {
                            Attempt(() => fileSystem.Lookup(node, entry.Name));
                            work.Push(entry.Node);
                        }

                        fileSystem.Lookup(node, "not there");
                        break;
                    case NodeKind.SymbolicLink:
                        fileSystem.ReadLink(node);
                        break;
                    case NodeKind.File:
                        foreach (var offset in new[] { 0, 4000, metadata.Length / 2, Math.Max(0, metadata.Length - 5), metadata.Length, long.MaxValue - 100_000 })
                        {
                            Attempt(() => fileSystem.Read(node, offset, buffer));
                        }

                        break;
                }
            });
        }
    }

    private static void Attempt(Func<object?> action) => Attempt(() => { action(); });

    private static void Attempt(Action action)
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
