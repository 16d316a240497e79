using System.Collections.Immutable;
using Rehost.FileSystems;
using Rehost.Inspection.Storage;
using Rehost.Model;

namespace Rehost.Pipeline.Files;

/// <summary>The nodes of a guest that a plan names, by volume: whatever links lead to them, and whatever other names they have.</summary>
internal sealed class NamedNodes
{
    private readonly Dictionary<(string? Type, string? Uuid), NodeSets> _byFileSystem = [];

    /// <summary>Finds the nodes.</summary>
    /// <param name="guest">The guest.</param>
    /// <param name="paths">Paths as the plan has them.</param>
    /// <param name="volumes">The guest's volumes by their names in the plan: boot files of Windows lie on volumes that are mounted nowhere, /sda1:/EFI.</param>
    public NamedNodes(GuestStorage guest, ImmutableArray<string> paths, IReadOnlyDictionary<string, GuestVolume> volumes)
    {
        var ids = new Dictionary<IFileSystem, (string?, string?)>(ReferenceEqualityComparer.Instance);
        foreach (var path in paths)
        {
            // The name itself, and where it leads when it is a link.
            foreach (var follow in new[] { false, true })
            {
                if (Find(guest, volumes, path, follow) is { } node)
                {
                    SetsOf(node).Named.Add(node.Node);
                }
            }

            for (var above = DirectoryOf(path); above is not null; above = DirectoryOf(above))
            {
                if (Find(guest, volumes, above, followLast: true) is { } directory)
                {
                    SetsOf(directory).Above.Add(directory.Node);
                }
            }
        }

        NodeSets SetsOf(GuestNode node)
        {
            if (!ids.TryGetValue(node.FileSystem, out var id))
            {
                var info = node.FileSystem.Info;
                ids[node.FileSystem] = id = (info.Type, info.Uuid);
            }

            return _byFileSystem.TryGetValue(id, out var sets) ? sets : _byFileSystem[id] = new NodeSets([], []);
        }
    }

    /// <summary>Those in a volume.</summary>
    public NodeSets In(GuestVolume volume) => _byFileSystem.GetValueOrDefault((volume.Facts.Type, volume.Facts.Uuid)) ?? new NodeSets([], []);

    private static GuestNode? Find(GuestStorage guest, IReadOnlyDictionary<string, GuestVolume> volumes, string path, bool followLast)
    {
        try
        {
            var colon = path.IndexOf(':', StringComparison.Ordinal);
            return colon > 1 && path.IndexOf('/', 1) is var slash && (slash < 0 || slash == colon + 1) && volumes.TryGetValue(path[1..colon], out var volume) && volume.FileSystem is { } fileSystem
                ? new GuestTree(fileSystem).TryResolve(slash < 0 ? "/" : path[slash..], followLast)
                : guest.Tree.TryResolve(path, followLast);
        }
        catch (DiagnosticException)
        {
            return null; // a circle of links, or damage: then nothing is excused
        }
    }

    private static string? DirectoryOf(string path) => path.TrimEnd('/').LastIndexOf('/') switch
    {
        < 0 => null,
        0 => path.Length > 1 ? "/" : null,
        var slash => path[..slash],
    };
}

/// <summary>Nodes of one file system.</summary>
/// <param name="Named">What the plan names.</param>
/// <param name="Above">Directories above those: their times and links may differ, and they may be new.</param>
internal sealed record NodeSets(HashSet<NodeId> Named, HashSet<NodeId> Above);
