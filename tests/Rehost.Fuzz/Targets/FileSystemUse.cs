using Rehost.FileSystems;
using Rehost.Fuzz.Engine;

namespace Rehost.Fuzz.Targets;

/// <summary>Uses a file system as inspection and conversion do.</summary>
internal static class FileSystemUse
{
    private const int MostNodes = 300;
    private const int MostEntries = 2000;

    public static void ReadEverything(FuzzRun run, IFileSystem fileSystem)
    {
        run.Attempt(() => run.Note("findings", fileSystem.Check().Count));
        run.Attempt(() => run.Note("features", fileSystem.Info.Features.Count));
        run.Attempt(() => CheckFree(run, fileSystem));
        var buffer = new byte[70_000];
        var work = new Stack<NodeId>([fileSystem.Root]);
        var count = 0;
        for (; count < MostNodes && work.TryPop(out var node); count++)
        {
            run.Attempt(() =>
            {
                var metadata = fileSystem.GetMetadata(node);
                run.Attempt(() => run.Note("attributes", fileSystem.GetExtendedAttributes(node).Count));
                switch (metadata.Kind)
                {
                    case NodeKind.Directory:
                        ReadDirectory(run, fileSystem, node, work);
                        break;
                    case NodeKind.SymbolicLink:
                        run.Note("link", fileSystem.ReadLink(node).Length);
                        break;
                    case NodeKind.File:
                        ReadFile(run, fileSystem, node, metadata.Length, buffer);
                        break;
                }
            });
        }

        run.Note("nodes", count);
        run.Attempt(() =>
        {
            var tree = new GuestTree(fileSystem);
            foreach (var path in (string[])["/", "/etc/fstab", "/link", "/link/../x", "/a/b/c/d", "/many/file-7", "/loop"])
            {
                run.Attempt(() => tree.TryResolve(path));
            }
        });
    }

    public static void EditSomething(FuzzRun run, IFileSystem fileSystem)
    {
        var root = fileSystem.Root;
        var data = new byte[70_000];
        run.Random.NextBytes(data.AsSpan(0, 3000));
        run.Attempt(() => fileSystem.Write(fileSystem.CreateFile(root, "a new file with a long name", default), 3, data));
        run.Attempt(() => fileSystem.CreateFile(fileSystem.CreateDirectory(root, "new directory", default), "inside", default));
        run.Attempt(() => fileSystem.CreateSymbolicLink(root, "new link", "a new file with a long name", default));
        run.Attempt(() =>
        {
            foreach (var entry in fileSystem.List(root).Take(16).ToArray())
            {
                run.Attempt(() => EditEntry(run, fileSystem, root, entry, data));
            }
        });
        run.Attempt(fileSystem.Flush);
        run.Attempt(() =>
        {
            var tree = new GuestTree(fileSystem);
            run.Attempt(() => tree.WriteFile("/etc/fstab", data.AsSpan(0, 500)));
            run.Attempt(() => tree.CreateDirectories("/many/x/y"));
            run.Attempt(() => tree.DeleteFile("/many/file-7"));
        });
        run.Attempt(fileSystem.Flush);
    }

    private static void EditEntry(FuzzRun run, IFileSystem fileSystem, NodeId root, DirectoryEntry entry, byte[] data)
    {
        switch (run.Random.Next(6))
        {
            case 0:
                run.Attempt(() => fileSystem.SetMode(entry.Node, 0x1FF));
                run.Attempt(() => fileSystem.SetOwner(entry.Node, 70_000, 5));
                run.Attempt(() => fileSystem.SetExtendedAttribute(entry.Node, "user.new", data[..run.Random.Next(3000)]));
                break;
            case 1:
                run.Attempt(() => fileSystem.SetExtendedAttribute(entry.Node, "user.x", null));
                run.Attempt(() => ((fileSystem as IHardLinks) ?? throw new OracleException("no", "links")).CreateHardLink(root, entry.Name + " too", entry.Node), fileSystem is IHardLinks);
                break;
            default:
                break;
        }

        if (entry.Kind == NodeKind.File)
        {
            run.Attempt(() => fileSystem.Write(entry.Node, 5000, data.AsSpan(0, 3000)));
            run.Attempt(() => fileSystem.SetLength(entry.Node, run.Random.Next(3) == 0 ? 900_000 : 100));
            run.Attempt(() => fileSystem.Rename(root, entry.Name, root, entry.Name + " renamed"));
            run.Attempt(() => fileSystem.Unlink(root, entry.Name + " renamed"));
        }
        else if (entry.Kind == NodeKind.Directory)
        {
            foreach (var inner in fileSystem.List(entry.Node).Take(12).ToArray())
            {
                run.Attempt(() => fileSystem.Unlink(entry.Node, inner.Name));
            }

            run.Attempt(() => fileSystem.CreateFile(entry.Node, "new in old", default));
            run.Attempt(() => fileSystem.Rename(root, entry.Name, root, "other name"));
            run.Attempt(() => fileSystem.RemoveDirectory(root, "other name"));
        }
        else
        {
            run.Attempt(() => fileSystem.Unlink(root, entry.Name));
        }
    }

    private static void Attempt(this FuzzRun run, Action action, bool isPossible)
    {
        if (isPossible)
        {
            run.Attempt(action);
        }
    }

    private static void ReadDirectory(FuzzRun run, IFileSystem fileSystem, NodeId node, Stack<NodeId> work)
    {
        var count = 0;
        foreach (var entry in fileSystem.List(node))
        {
            if (++count > MostEntries)
            {
                break;
            }

            if (count < 40)
            {
                run.Attempt(() => fileSystem.Lookup(node, entry.Name));
            }

            work.Push(entry.Node);
        }

        run.Note("entries", count);
        fileSystem.Lookup(node, "not there");
    }

    private static void ReadFile(FuzzRun run, IFileSystem fileSystem, NodeId node, long length, byte[] buffer)
    {
        foreach (var offset in (long[])[0, 4000, length / 2, Math.Max(0, length - 5), length, long.MaxValue - 100_000])
        {
            run.Attempt(() =>
            {
                var count = fileSystem.Read(node, offset, buffer);
                run.Demand(count >= 0 && count <= buffer.Length, "count", $"{count}");
            });
        }
    }

    private static void CheckFree(FuzzRun run, IFileSystem fileSystem)
    {
        var end = -1L;
        var count = 0;
        foreach (var range in fileSystem.GetFreeRanges())
        {
            run.Demand(range.Length > 0 && range.Offset > end, "free ranges in order", $"{range} after {end}");
            end = range.Offset + range.Length;
            if (++count > 1_000_000)
            {
                throw new OracleException("endless", "free ranges");
            }
        }

        run.Note("free", count);
    }
}
