using System.Diagnostics;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>Images with changed bytes, read whole and edited: only findings may come out, and in reasonable time.</summary>
internal static class HostileReading
{
    private const int MaximumNodes = 2000;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    /// <summary>Flips a few of the given bytes in each round.</summary>
    public static void Fuzz(byte[] pristine, IReadOnlyList<int> hot, int rounds, int seed, Func<IBlockDevice, IFileSystem> open)
    {
        var random = new Random(seed);
        for (var round = 0; round < rounds; round++)
        {
            var content = (byte[])pristine.Clone();
            for (var flips = random.Next(1, 8); flips > 0; flips--)
            {
                var at = hot[random.Next(hot.Count)];
                content[at] = random.Next(4) switch { 0 => 0xFF, 1 => 0, 2 => (byte)(content[at] ^ (1 << random.Next(8))), _ => (byte)random.Next(256) };
            }

            var watch = Stopwatch.StartNew();
            try
            {
                using var device = new MemoryDevice(content);
                using var fileSystem = open(device);
                ReadEverything(fileSystem);
                Attempt(() => EditSomething(fileSystem));
            }
            catch (DiagnosticException)
            {
                // A finding: what damage must give.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e}");
            }

            Assert.True(watch.Elapsed < Longest, $"seed {seed}, round {round} took {watch.Elapsed}");
        }
    }

    private static void EditSomething(IFileSystem fileSystem)
    {
        var root = fileSystem.Root;
        Attempt(() => fileSystem.Write(fileSystem.CreateFile(root, "a new file with a long name", default), 3, new byte[70_000]));
        Attempt(() => fileSystem.CreateFile(fileSystem.CreateDirectory(root, "new directory", default), "inside", default));
        foreach (var entry in fileSystem.List(root).Take(20).ToArray())
        {
            Attempt(() =>
            {
                if (entry.Kind == NodeKind.File)
                {
                    Attempt(() => fileSystem.SetLength(entry.Node, 100));
                    Attempt(() => fileSystem.Write(entry.Node, 5000, new byte[3000]));
                    Attempt(() => fileSystem.Rename(root, entry.Name, root, entry.Name + " renamed"));
                    Attempt(() => fileSystem.Unlink(root, entry.Name + " renamed"));
                }
                else
                {
                    foreach (var inner in fileSystem.List(entry.Node).Take(10).ToArray())
                    {
                        Attempt(() => fileSystem.Unlink(entry.Node, inner.Name));
                    }

                    Attempt(() => fileSystem.RemoveDirectory(root, entry.Name));
                }
            });
        }

        fileSystem.Flush();
    }

    private static void ReadEverything(IFileSystem fileSystem)
    {
        Attempt(() => { fileSystem.Check(); });
        Attempt(() => { _ = fileSystem.Info; });
        Attempt(() => { _ = fileSystem.GetFreeRanges().Sum(range => range.Length); });
        var buffer = new byte[70_000];
        var work = new Stack<NodeId>([fileSystem.Root]);
        for (var left = MaximumNodes; left > 0 && work.TryPop(out var node); left--)
        {
            Attempt(() =>
            {
                var metadata = fileSystem.GetMetadata(node);
                Attempt(() => { fileSystem.GetExtendedAttributes(node); });
                switch (metadata.Kind)
                {
                    case NodeKind.Directory:
                        foreach (var entry in fileSystem.List(node).Take(1000))
                        {
                            Attempt(() => { fileSystem.Lookup(node, entry.Name); });
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
                            Attempt(() => { fileSystem.Read(node, offset, buffer); });
                        }

                        break;
                }
            });
        }
    }

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
