using Rehost.Model;

namespace Rehost.Planning.Windows;

/// <summary>
/// The guest's registry as steps see it: what inspection copied, with what earlier changes of the plan leave. Paths are below HKEY_LOCAL_MACHINE; names are found whatever their case.
/// A key that no step declares to read counts as absent, and a change to it would be refused when it is applied: a step must declare what it changes.
/// </summary>
public sealed class RegistryView
{
    private readonly PlanningContext _context;
    private readonly Dictionary<string, Dictionary<string, RegistryData>> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _hashes = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, SortedSet<string>> _subkeys = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _hives;

    internal RegistryView(PlanningContext context, WindowsFacts windows)
    {
        _context = context;
        _hives = windows.Hives.Select(hive => hive.Name).ToHashSet(StringComparer.OrdinalIgnoreCase);
        Windows = windows;
        foreach (var key in windows.Registry)
        {
            Remember(key.Path);
            var values = _values[key.Path] = new Dictionary<string, RegistryData>(StringComparer.OrdinalIgnoreCase);
            foreach (var (name, data) in key.Values)
            {
                values[name] = data;
            }

            if (key.TreeSha256 is { } hash)
            {
                _hashes[key.Path] = hash;
            }
        }
    }

    private WindowsFacts Windows { get; }

    /// <summary>Whether a hive was read.</summary>
    public bool HasHive(string name) => _hives.Contains(name);

    /// <summary>Whether a key is there.</summary>
    public bool Exists(string path) => _values.ContainsKey(path) || _subkeys.ContainsKey(path);

    /// <summary>Names of the keys below one, sorted.</summary>
    public IReadOnlyList<string> Subkeys(string path) => _subkeys.TryGetValue(path, out var names) ? [.. names] : [];

    /// <summary>Values of a key by name; none when it is not there.</summary>
    public IReadOnlyDictionary<string, RegistryData> Values(string path) => _values.TryGetValue(path, out var values) ? values : new Dictionary<string, RegistryData>();

    /// <summary>A value; null when there is none.</summary>
    public RegistryData? Value(string path, string name) => _values.TryGetValue(path, out var values) && values.TryGetValue(name, out var data) ? data : null;

    /// <summary>A number; null when there is none.</summary>
    public uint? Number(string path, string name) => Value(path, name)?.Number;

    /// <summary>A text; null when there is none.</summary>
    public string? Text(string path, string name) => Value(path, name) is { Type: "REG_SZ" or "REG_EXPAND_SZ" } data ? data.Text : null;

    /// <summary>Sets a value unless it is so already.</summary>
    public void Set(string path, string name, RegistryData data, string reason)
    {
        var before = Value(path, name);
        if (before == data)
        {
            return;
        }

        var (hive, key) = Split(path);
        _context.Add(new SetRegistryValue { StepId = _context.Step.Id, Requirements = _context.Step.Requirements, Reason = reason, HivePath = hive, Key = key, Name = name, Before = before, After = data });
        Remember(path);
        if (!_values.TryGetValue(path, out var values))
        {
            _values[path] = values = new Dictionary<string, RegistryData>(StringComparer.OrdinalIgnoreCase);
        }

        values[name] = data;
        Forget(path);
    }

    /// <summary>Makes an empty key unless it is there.</summary>
    public void Create(string path, string reason)
    {
        if (Exists(path))
        {
            return;
        }

        var (hive, key) = Split(path);
        _context.Add(new CreateRegistryKey { StepId = _context.Step.Id, Requirements = _context.Step.Requirements, Reason = reason, HivePath = hive, Key = key });
        Remember(path);
        _values[path] = new Dictionary<string, RegistryData>(StringComparer.OrdinalIgnoreCase);
        Forget(path);
    }

    /// <summary>Removes a value that is there.</summary>
    public void RemoveValue(string path, string name, string reason)
    {
        if (Value(path, name) is not { } before)
        {
            return;
        }

        var (hive, key) = Split(path);
        _context.Add(new RemoveRegistryValue { StepId = _context.Step.Id, Requirements = _context.Step.Requirements, Reason = reason, HivePath = hive, Key = key, Name = name, Before = before });
        _values[path].Remove(name);
        Forget(path);
    }

    /// <summary>Removes a key that is there, with all below it.</summary>
    public void RemoveKey(string path, string reason)
    {
        if (!Exists(path))
        {
            return;
        }

        var (hive, key) = Split(path);
        _context.Add(new RemoveRegistryKey { StepId = _context.Step.Id, Requirements = _context.Step.Requirements, Reason = reason, HivePath = hive, Key = key, BeforeSha256 = _hashes.GetValueOrDefault(path) });
        var below = path + "\\";
        foreach (var gone in _values.Keys.Concat(_subkeys.Keys).Where(one => one.Equals(path, StringComparison.OrdinalIgnoreCase) || one.StartsWith(below, StringComparison.OrdinalIgnoreCase)).ToList())
        {
            _values.Remove(gone);
            _subkeys.Remove(gone);
            _hashes.Remove(gone);
        }

        var slash = path.LastIndexOf('\\');
        if (slash > 0 && _subkeys.TryGetValue(path[..slash], out var siblings))
        {
            siblings.RemoveWhere(name => name.Equals(path[(slash + 1)..], StringComparison.OrdinalIgnoreCase));
        }

        Forget(path);
    }

    private void Remember(string path)
    {
        for (var slash = path.LastIndexOf('\\'); slash > 0; slash = path.LastIndexOf('\\'))
        {
            if (!_subkeys.TryGetValue(path[..slash], out var names))
            {
                _subkeys[path[..slash]] = names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
            }

            if (!names.Add(path[(slash + 1)..]))
            {
                return;
            }

            path = path[..slash];
        }
    }

    // What was hashed is not what is there any more.
    private void Forget(string path)
    {
        for (; path.Length > 0; path = path.LastIndexOf('\\') is var slash and > 0 ? path[..slash] : "")
        {
            _hashes.Remove(path);
        }
    }

    private (string HivePath, string Key) Split(string path)
    {
        var slash = path.IndexOf('\\', StringComparison.Ordinal);
        var hive = Windows.Hives.First(one => one.Name.Equals(path[..slash], StringComparison.OrdinalIgnoreCase));
        return (hive.Path, path[(slash + 1)..]);
    }
}
