using Rehost.Model;

namespace Rehost.FileSystems;

/// <content>Finding by pattern.</content>
public sealed partial class GuestTree
{
    /// <summary>
    /// Characters of all paths looked at, which bounds memory whatever the lengths: a million entries of a deep tree. A hostile directory tree that runs in a circle stops here.
    /// </summary>
    private const int MaximumGlobCharacters = 64 << 20;

    /// <summary>
    /// Paths that match a pattern, sorted (ordinal). "*", "?" and "[...]" match within a component, and as in a shell not a leading dot; "**" matches any number of
    /// directories, and does not follow links. Paths are as the pattern spells them, not canonical: /lib/modules/* answers /lib/modules/… where /lib is a link.
    /// </summary>
    /// <exception cref="DiagnosticException">The search looked at more entries than is reasonable (FIL007).</exception>
    public IEnumerable<string> Glob(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var components = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        var seen = new HashSet<(string Path, int Component)>();
        var work = new Stack<(string Path, int Component)>();
        work.Push(("/", 0));
        var budget = MaximumGlobCharacters;

        while (work.TryPop(out var item))
        {
            if (item.Path.Length > MaximumPathLength || !seen.Add(item))
            {
                continue;
            }

            if (item.Component == components.Length)
            {
                found.Add(item.Path);
                continue;
            }

            var component = components[item.Component];
            var isLast = item.Component == components.Length - 1;
            if (!GuestGlob.IsPattern(component))
            {
                var path = Combine(item.Path, component);
                if (!isLast || Walk(path, followLast: false, throwOnLoop: false).Found is not null)
                {
                    work.Push((path, item.Component + 1));
                }

                continue;
            }

            if (Walk(item.Path, followLast: true, throwOnLoop: false).Found is not { Kind: NodeKind.Directory } directory)
            {
                continue;
            }

            var anyDepth = component == "**";
            if (anyDepth && !isLast)
            {
                work.Push((item.Path, item.Component + 1));
            }

            var ignoreCase = !directory.FileSystem.Info.Capabilities.HasFlag(FileSystemCapabilities.CaseSensitiveNames);
            var wanted = anyDepth ? "*" : ignoreCase ? component.ToUpperInvariant() : component;
            foreach (var entry in ListEntries(directory.FileSystem, directory.Node))
            {
                budget -= item.Path.Length + entry.Name.Length + 1;
                if (budget < 0)
                {
                    throw FileSystemDiagnostics.TooLarge.ToException($"the pattern looked at entries of more than {MaximumGlobCharacters} characters of path", pattern);
                }

                if (!GuestGlob.Matches(wanted, ignoreCase ? entry.Name.ToUpperInvariant() : entry.Name))
                {
                    continue;
                }

                var path = Combine(item.Path, entry.Name);
                if (!anyDepth || isLast)
                {
                    work.Push((path, item.Component + 1));
                }

                if (anyDepth && entry.Kind == NodeKind.Directory)
                {
                    work.Push((path, item.Component));
                }
            }
        }

        return found;
    }
}
