using System.Text;
using Rehost.FileSystems;

namespace Rehost.Inspection.Linux.Kernels;

/// <summary>Does what depmod would have done, for the drivers that matter: finds the modules below a directory and follows what each says that it needs.</summary>
internal static class ModuleScan
{
    private const int MaximumFiles = 50_000;
    private const int MaximumDepth = 16;
    private const int MaximumModule = 64 << 20;

    /// <summary>Text in the form of modules.dep: the whole closure of each driver, what is needed first standing last.</summary>
    public static string MakeIndex(GuestReader reader, string directory, CancellationToken cancellationToken)
    {
        var paths = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Collect(reader, directory, 0, paths, cancellationToken);
        var needs = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        var index = new StringBuilder();
        foreach (var name in KernelModules.RelevantNames.Where(paths.ContainsKey))
        {
            var order = new List<string>();
            Visit(name, order, new HashSet<string>(StringComparer.Ordinal));
            order.Reverse();
            index.Append(paths[name]).Append(':').AppendJoin("", order.Skip(1).Select(one => " " + paths[one])).Append('\n');
        }

        return index.ToString();

        void Visit(string name, List<string> order, HashSet<string> seen)
        {
            if (!seen.Add(name) || !paths.TryGetValue(name, out var path) || seen.Count > 512)
            {
                return;
            }

            cancellationToken.ThrowIfCancellationRequested();
            if (!needs.TryGetValue(name, out var needed))
            {
                needed = reader.Find(path) is { Kind: NodeKind.File } file && file.Metadata.Length <= MaximumModule
                    ? ModuleInformation.ReadDepends(reader.Tree.ReadAllBytes(path, MaximumModule), path, cancellationToken) ?? [] : [];
                needs.Add(name, needed);
            }

            foreach (var other in needed)
            {
                Visit(other.Replace('-', '_'), order, seen);
            }

            order.Add(name);
        }
    }

    private static void Collect(GuestReader reader, string directory, int depth, SortedDictionary<string, string> paths, CancellationToken cancellationToken)
    {
        foreach (var entry in reader.List(directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = $"{directory}/{entry.Name}";
            if (entry.Kind == NodeKind.Directory && depth < MaximumDepth && entry.Name is not ("." or ".."))
            {
                Collect(reader, path, depth + 1, paths, cancellationToken);
            }
            else if (entry.Kind == NodeKind.File && paths.Count < MaximumFiles && KernelModules.NameOf(entry.Name) is { } name)
            {
                paths.TryAdd(name, path); // updates/ and extra/ come after kernel/ for depmod as well, unless its configuration says otherwise
            }
        }
    }
}
