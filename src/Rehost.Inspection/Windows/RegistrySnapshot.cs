using System.Collections.Immutable;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Inspection.Windows;

/// <summary>
/// Copies into the facts the registry keys that steps ask for. A pattern is a path below HKEY_LOCAL_MACHINE; "*" matches within a name, "**" at the end any number of levels, "!" at
/// the end asks for a hash over all that is below each key, and "|name" for keys only that have a value whose name matches.
/// </summary>
internal sealed class RegistrySnapshot(WindowsHives hives, CancellationToken cancellationToken)
{
    private const int MaximumKeys = 200_000;
    private string? _valueName;
    private readonly SortedDictionary<string, RegistryKeyFacts> _keys = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>All keys that match, by path.</summary>
    public ImmutableArray<RegistryKeyFacts> Read(IEnumerable<string> patterns)
    {
        foreach (var pattern in patterns)
        {
            var withHash = pattern.EndsWith('!');
            var filter = pattern.IndexOf('|', StringComparison.Ordinal);
            _valueName = filter < 0 ? null : pattern[(filter + 1)..];
            var names = (filter < 0 ? pattern.TrimEnd('!') : pattern[..filter]).Split('\\');
            if (hives.Root(names[0]) is { } root)
            {
                Walk(root, names[0], names, 1, withHash);
            }
        }

        return [.. _keys.Values];
    }

    private void Walk(RegistryKey key, string path, string[] names, int next, bool withHash)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (next == names.Length)
        {
            Add(key, path, withHash);
            return;
        }

        if (names[next] == "**")
        {
            Add(key, path, withHash);
            foreach (var subkey in key.Subkeys)
            {
                if (path.Count(unit => unit == '\\') < 64)
                {
                    Walk(subkey, $@"{path}\{subkey.Name}", names, next, withHash);
                }
            }

            return;
        }

        if (!names[next].Contains('*', StringComparison.Ordinal))
        {
            if (key.Find(names[next]) is { } found)
            {
                Walk(found, $@"{path}\{found.Name}", names, next + 1, withHash);
            }

            return;
        }

        foreach (var subkey in key.Subkeys.Where(subkey => Matches(names[next], subkey.Name)))
        {
            Walk(subkey, $@"{path}\{subkey.Name}", names, next + 1, withHash);
        }
    }

    private void Add(RegistryKey key, string path, bool withHash)
    {
        if (_valueName is not null && !key.Values.Any(value => Matches(_valueName, value.Name)))
        {
            return;
        }

        if (_keys.TryGetValue(path, out var known) && (known.TreeSha256 is not null || !withHash))
        {
            return;
        }

        if (_keys.Count >= MaximumKeys)
        {
            throw WindowsDiagnostics.HiveUnreadable.ToException($"more than {MaximumKeys} keys match what the conversion looks at", path);
        }

        var values = ImmutableSortedDictionary.CreateBuilder<string, RegistryData>(StringComparer.OrdinalIgnoreCase);
        foreach (var value in key.Values)
        {
            values[value.Name] = RegistryDataForm.Of(value);
        }

        _keys[path] = new RegistryKeyFacts { Path = path, Values = values.ToImmutable(), TreeSha256 = withHash ? RegistryDataForm.TreeHash(key) : null };
    }

    /// <summary>Whether a name matches a pattern of letters and stars.</summary>
    private static bool Matches(string pattern, string name) => System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: true);
}
