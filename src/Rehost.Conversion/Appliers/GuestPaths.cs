using Rehost.FileSystems;

namespace Rehost.Conversion.Appliers;

/// <summary>Guest paths of a plan.</summary>
internal static class GuestPaths
{
    /// <summary>The directory of a path.</summary>
    public static string DirectoryOf(string path)
    {
        var slash = path.TrimEnd('/').LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash];
    }

    /// <summary>Refuses a path above which something stands that is no directory.</summary>
    public static void DemandDirectoryAbove(GuestTree tree, string path)
    {
        if (path.Length < 2 || path[0] != '/' || path.EndsWith('/') || path.Contains('\0', StringComparison.Ordinal) || path.Split('/').Contains(".."))
        {
            throw ApplyDiagnostics.Contradiction.ToException($"\"{path}\" is no absolute path of a file");
        }

        for (var directory = DirectoryOf(path); directory != "/"; directory = DirectoryOf(directory))
        {
            if (tree.TryResolve(directory) is { } node)
            {
                if (node.Kind != NodeKind.Directory)
                {
                    throw ApplyDiagnostics.WrongKind.ToException($"found {node.Kind}, needed a directory for {path}", directory);
                }

                return;
            }
        }
    }
}
