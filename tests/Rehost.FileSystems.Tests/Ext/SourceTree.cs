using System.Text;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Ext;

/// <summary>A directory with everything that file systems store in different ways, to fill images from.</summary>
internal static class SourceTree
{
    internal static string Make(ScratchDirectory scratch)
    {
        var root = Directory.CreateDirectory(scratch["source"]).FullName;
        var random = new Random(7);
        byte[] Bytes(int count)
        {
            var bytes = new byte[count];
            random.NextBytes(bytes);
            return bytes;
        }

        File.WriteAllBytes(Path.Combine(root, "empty"), []);
        File.WriteAllText(Path.Combine(root, "tiny"), "forty bytes of text, stored inline maybe");
        File.WriteAllBytes(Path.Combine(root, "inline100"), Bytes(100));
        File.WriteAllBytes(Path.Combine(root, "medium"), Bytes(150_001));
        File.WriteAllBytes(Path.Combine(root, "large"), Bytes(1_500_000));
        using (var sparse = File.Create(Path.Combine(root, "sparse")))
        {
            sparse.Write(Bytes(5000));
            sparse.Position = 700_000;
            sparse.Write(Bytes(5000));

            // mke2fs 1.47.0 with inline_data forgets a hole at the end and rounds the size up: end with data on a boundary of every block size.
            sparse.Position = (49 * 65536) - 10;
            sparse.Write(Bytes(10));
        }

        File.CreateSymbolicLink(Path.Combine(root, "fast"), "tiny");
        File.CreateSymbolicLink(Path.Combine(root, "link59"), new string('x', 59));
        File.CreateSymbolicLink(Path.Combine(root, "link60"), new string('y', 60));
        File.CreateSymbolicLink(Path.Combine(root, "slow"), string.Concat(Enumerable.Repeat("long/", 30)) + "end");
        var deep = Directory.CreateDirectory(Path.Combine(root, "a", "b", "c", "d"));
        File.WriteAllText(Path.Combine(deep.FullName, "file"), "deep");
        File.WriteAllText(Path.Combine(deep.FullName, "a\\x2db.service"), "backslash");
        File.WriteAllText(Path.Combine(deep.FullName, "grün-☃"), "unicode");
        var many = Directory.CreateDirectory(Path.Combine(root, "many")).FullName;
        for (var i = 0; i < 700; i++)
        {
            File.WriteAllText(Path.Combine(many, $"entry-with-a-rather-long-name-{i:d5}-{new string('n', i % 60)}"), i.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        Directory.CreateDirectory(Path.Combine(root, "emptydir"));
        File.SetUnixFileMode(Path.Combine(root, "tiny"), UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.SetUser);
        return root;
    }

    /// <summary>Compares a directory of the file system with one of the host, in both directions.</summary>
    internal static void MustEqual(string hostDirectory, IFileSystem fileSystem, NodeId directory)
    {
        var entries = fileSystem.List(directory).Where(entry => entry.Name != "lost+found").ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        var host = new DirectoryInfo(hostDirectory).GetFileSystemInfos();
        Assert.Equal(host.Select(info => info.Name).Order(StringComparer.Ordinal), entries.Keys.Order(StringComparer.Ordinal));
        foreach (var info in host)
        {
            var entry = entries[info.Name];
            Assert.Equal(entry, fileSystem.Lookup(directory, info.Name));
            var metadata = fileSystem.GetMetadata(entry.Node);
            Assert.Equal(entry.Kind, metadata.Kind);
            if (info.LinkTarget is { } target)
            {
                Assert.Equal(NodeKind.SymbolicLink, entry.Kind);
                Assert.Equal(target, fileSystem.ReadLink(entry.Node));
            }
            else if (info is DirectoryInfo)
            {
                Assert.Equal(NodeKind.Directory, entry.Kind);
                MustEqual(info.FullName, fileSystem, entry.Node);
            }
            else
            {
                Assert.Equal((int)info.UnixFileMode, metadata.Permissions);
                Assert.True(File.ReadAllBytes(info.FullName).AsSpan().SequenceEqual(ReadAll(fileSystem, entry.Node)), info.FullName);
            }
        }
    }

    internal static byte[] ReadAll(IFileSystem fileSystem, NodeId file)
    {
        var content = new byte[fileSystem.GetMetadata(file).Length];
        Assert.Equal(content.Length, fileSystem.Read(file, 0, content));
        return content;
    }

    internal static string ReadText(IFileSystem fileSystem, NodeId file) => Encoding.UTF8.GetString(ReadAll(fileSystem, file));

    internal static NodeId Find(IFileSystem fileSystem, string path)
    {
        var node = fileSystem.Root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            node = fileSystem.Lookup(node, part)?.Node ?? throw FileSystemDiagnostics.NotFound.ToException("not there", path);
        }

        return node;
    }
}
