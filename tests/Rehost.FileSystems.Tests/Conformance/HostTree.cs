using System.Globalization;
using System.Text;
using Rehost.Model;
using Rehost.Testing;

namespace Rehost.FileSystems.Tests.Conformance;

/// <summary>A guest tree compared with a directory of the host, node by node.</summary>
internal static class HostTree
{
    private const int Fields = 9;

    public static void Compare(GuestTree tree, string directory, string listFile, bool compareLinks = true)
    {
        Tool.MustRun("sh", "-c", $"cd '{directory}' && find . -mindepth 1 -name lost+found -prune -o -mindepth 1 -printf '%P\\0%y\\0%m\\0%U\\0%G\\0%s\\0%n\\0%l\\0%T@\\0' > '{listFile}'");
        var seen = new HashSet<string>();
        foreach (var fields in MountedTree.Split(File.ReadAllBytes(listFile)).Chunk(Fields))
        {
            var path = "/" + GuestText.Decode(fields[0]);
            string Field(int index) => Encoding.ASCII.GetString(fields[index]);
            seen.Add(path);
            var node = tree.TryResolve(path, followLast: false) ?? throw new ConformanceFailure($"{path} is missing");
            var metadata = node.Metadata;
            var kind = Field(1) switch
            {
                "d" => NodeKind.Directory, "l" => NodeKind.SymbolicLink, "f" => NodeKind.File, "c" => NodeKind.CharacterDevice, "b" => NodeKind.BlockDevice, "p" => NodeKind.Fifo,
                var other => throw new InvalidOperationException(other),
            };
            Demand(metadata.Kind == kind, path, metadata.Kind, kind);
            Demand(metadata.Permissions == Convert.ToInt32(Field(2), 8), path, metadata.Permissions, Field(2));
            Demand($"{metadata.Uid}:{metadata.Gid}" == $"{Field(3)}:{Field(4)}", path, $"{metadata.Uid}:{metadata.Gid}", $"{Field(3)}:{Field(4)}");
            Demand(!compareLinks || metadata.Links == uint.Parse(Field(6), CultureInfo.InvariantCulture), path, metadata.Links, Field(6));
            var seconds = Field(8)[..Field(8).IndexOf('.', StringComparison.Ordinal)];
            Demand(kind == NodeKind.SymbolicLink || metadata.Modified.ToUnixTimeSeconds() == long.Parse(seconds, CultureInfo.InvariantCulture), path, metadata.Modified, seconds);
            switch (kind)
            {
                case NodeKind.File:
                    Demand(metadata.Length == long.Parse(Field(5), CultureInfo.InvariantCulture), path, metadata.Length, Field(5));
                    using (var handle = MountedTree.Open(directory, path[1..]))
                    {
                        CompareContent(tree, path, handle);
                    }

                    break;
                case NodeKind.SymbolicLink:
                    Demand(tree.ReadLink(path) == GuestText.Decode(fields[7]), path, tree.ReadLink(path), GuestText.Decode(fields[7]));
                    break;
            }
        }

        foreach (var path in tree.Glob("/**").Concat(tree.Glob("/*")))
        {
            Demand(seen.Contains(path) || path == "/lost+found", path, "an entry", "nothing");
        }
    }

    private static void CompareContent(GuestTree tree, string path, Microsoft.Win32.SafeHandles.SafeFileHandle handle)
    {
        var node = tree.Resolve(path);
        var (expected, actual) = (new byte[1 << 18], new byte[1 << 18]);
        for (long offset = 0; ; offset += expected.Length)
        {
            var wanted = RandomAccess.Read(handle, expected, offset);
            var count = node.FileSystem.Read(node.Node, offset, actual);
            Demand(count == wanted, path, $"{count} bytes at {offset}", wanted);
            var same = expected.AsSpan(0, wanted).CommonPrefixLength(actual.AsSpan(0, wanted));
            Demand(same == wanted, path, $"other content at {offset + same}", "the source's");
            if (wanted < expected.Length)
            {
                return;
            }
        }
    }

    private static void Demand(bool holds, string path, object found, object needed)
    {
        if (!holds)
        {
            throw new ConformanceFailure($"{path}: found {found}, needed {needed}");
        }
    }
}
