using System.Collections.Immutable;
using System.IO.Enumeration;
using System.Security.Cryptography;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Inspection.Windows;

/// <summary>Lists files that steps ask for: %SystemRoot%/System32/drivers/*.sys, or below %BootVolume%, which is each volume with boot files; names are found whatever their case. A "!" at the end asks for hashes.</summary>
internal sealed class WindowsFileList(GuestReader reader, string systemRoot)
{
    private const long LargestHashed = 64 << 20;

    /// <summary>All files that match, by path.</summary>
    public ImmutableArray<WindowsFile> Read(IEnumerable<string> patterns)
    {
        var files = new SortedDictionary<string, WindowsFile>(StringComparer.OrdinalIgnoreCase);
        foreach (var pattern in patterns)
        {
            var withHash = pattern.EndsWith('!');
            var path = pattern.TrimEnd('!');
            var end = path.IndexOf('/', StringComparison.Ordinal);
            IEnumerable<string> roots = path[..end] switch
            {
                "%SystemRoot%" => [systemRoot],
                "%BootVolume%" => reader.Tree.Mounts.Select(mount => mount.Path).Where(mount => mount.EndsWith(':')).Prepend(""),
                _ => [""],
            };
            foreach (var node in roots.SelectMany(root => Find(root + path[end..])).Where(node => node.Kind == NodeKind.File))
            {
                var known = files.GetValueOrDefault(node.Path)?.Sha256;
                files[node.Path] = new WindowsFile(node.Path, node.Metadata.Length, known ?? (withHash && node.Metadata.Length <= LargestHashed ? Hash(node) : null));
            }
        }

        return [.. files.Values];
    }

    /// <summary>Nodes below a path whose names match, component by component.</summary>
    public IEnumerable<GuestNode> Find(string pattern)
    {
        IEnumerable<string> paths = [""];
        foreach (var component in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            paths = component.Contains('*', StringComparison.Ordinal)
                ? [.. paths.SelectMany(path => Children(path, component))]
                : [.. paths.Select(path => $"{path}/{component}")];
        }

        return paths.Select(path => reader.Find(path)).OfType<GuestNode>();
    }

    private IEnumerable<string> Children(string path, string pattern)
        => reader.List(path.Length == 0 ? "/" : path).Where(entry => FileSystemName.MatchesSimpleExpression(pattern, entry.Name, ignoreCase: true)).Select(entry => $"{path}/{entry.Name}").Order(StringComparer.OrdinalIgnoreCase);

    private string Hash(GuestNode node) => Convert.ToHexStringLower(SHA256.HashData(reader.Tree.ReadAllBytes(node.Path, LargestHashed)));
}
