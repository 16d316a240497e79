using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Rehost.Archives.Modules;
using Rehost.Model;

namespace Rehost.Conversion.Modules;

/// <summary>
/// What depmod writes into /lib/modules/RELEASE: dependencies, aliases, exported symbols, soft dependencies and device nodes, as text and as kmod's binary indexes. The order of modules that have one name
/// is depmod's own: updates before the rest.
/// </summary>
public sealed partial class ModuleIndexes
{
    private const int MaximumClosure = 512;

    private readonly List<Module> _modules;
    private readonly Dictionary<string, Module> _byName;

    private ModuleIndexes(List<Module> modules, Dictionary<string, Module> byName)
    {
        _modules = modules;
        _byName = byName;
    }

    /// <summary>Modules by name, with their paths below the directory.</summary>
    public IEnumerable<(string Name, string Path)> Modules => _modules.Select(module => (module.Name, module.Path));

    /// <summary>Reads modules.</summary>
    /// <param name="modules">Path below /lib/modules/RELEASE, and what the file says of itself.</param>
    /// <param name="order">Text of modules.order; empty when there is none.</param>
    public static ModuleIndexes Of(IEnumerable<(string Path, KernelModuleFile File)> modules, string order)
    {
        ArgumentNullException.ThrowIfNull(modules);
        ArgumentNullException.ThrowIfNull(order);
        var places = order.Split('\n').Select((line, index) => (Name: ModuleName(line.Trim()), index)).Where(item => item.Name.Length > 0)
            .DistinctBy(item => item.Name).ToDictionary(item => item.Name, item => item.index, StringComparer.Ordinal);
        var kept = modules.OrderBy(module => module.Path.StartsWith("updates/", StringComparison.Ordinal) ? 0 : 1).ThenBy(module => module.Path, StringComparer.Ordinal)
            .Select(module => new Module(ModuleName(module.Path), module.Path, module.File)).Where(module => module.Name.Length > 0).DistinctBy(module => module.Name)
            .OrderBy(module => places.GetValueOrDefault(module.Name, int.MaxValue)).ThenBy(module => module.Path, StringComparer.Ordinal).ToList();
        return new ModuleIndexes(kept, kept.ToDictionary(module => module.Name, StringComparer.Ordinal));
    }

    /// <summary>Paths of what a module needs, in the order in which modules.dep lists them: what is needed first stands last.</summary>
    public IReadOnlyList<string> Needs(string name)
    {
        var order = new List<Module>();
        if (_byName.TryGetValue(name, out var module))
        {
            Visit(module, order, []);
        }

        order.Reverse();
        return [.. order.Skip(1).Select(one => one.Path)];
    }

    /// <summary>Path of a module; null when there is none of that name.</summary>
    public string? PathOf(string name) => _byName.GetValueOrDefault(name)?.Path;

    /// <summary>The files to write, by name.</summary>
    /// <param name="builtIn">Text of modules.builtin; empty when there is none.</param>
    /// <param name="builtInInformation">Content of modules.builtin.modinfo; empty when there is none.</param>
    public ImmutableSortedDictionary<string, byte[]> Write(string builtIn, ReadOnlySpan<byte> builtInInformation)
    {
        ArgumentNullException.ThrowIfNull(builtIn);
        var files = ImmutableSortedDictionary.CreateBuilder<string, byte[]>(StringComparer.Ordinal);
        WriteDependencies(files);
        WriteAliases(files);
        WriteSymbols(files);
        files["modules.softdep"] = Bytes("# Soft dependencies extracted from modules themselves.\n" + string.Concat(_modules.SelectMany(module => module.File.SoftDepends.Select(line => $"softdep {module.Name} {line}\n"))));
        files["modules.devname"] = Bytes(DeviceNodes());
        var names = new ModuleTrie();
        foreach (var name in builtIn.Split('\n').Select(line => ModuleName(line.Trim())).Where(name => name.Length > 0))
        {
            names.Add(name, "", 0);
        }

        files["modules.builtin.bin"] = names.Write();
        files["modules.builtin.alias.bin"] = BuiltInAliases(builtInInformation);
        return files.ToImmutable();
    }

    /// <summary>A module's name of its path, with underscores; empty when the path is no module's.</summary>
    public static string ModuleName(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var name = path[(path.LastIndexOf('/') + 1)..];
        var end = Suffix().Match(name);
        return end.Success ? name[..end.Index].Replace('-', '_') : "";
    }

    private void WriteDependencies(ImmutableSortedDictionary<string, byte[]>.Builder files)
    {
        var text = new StringBuilder();
        var index = new ModuleTrie();
        for (var i = 0; i < _modules.Count; i++)
        {
            var line = $"{_modules[i].Path}:{string.Concat(Needs(_modules[i].Name).Select(path => " " + path))}";
            text.Append(line).Append('\n');
            index.Add(_modules[i].Name, line, i);
        }

        files["modules.dep"] = Bytes(text.ToString());
        files["modules.dep.bin"] = index.Write();
    }

    private void WriteAliases(ImmutableSortedDictionary<string, byte[]>.Builder files)
    {
        var text = new StringBuilder("# Aliases extracted from modules themselves.\n");
        var index = new ModuleTrie();
        for (var i = 0; i < _modules.Count; i++)
        {
            foreach (var alias in _modules[i].File.Aliases)
            {
                text.Append(CultureInfo.InvariantCulture, $"alias {alias} {_modules[i].Name}\n");
                if (Normal(alias) is { } key)
                {
                    index.Add(key, _modules[i].Name, i);
                }
            }
        }

        files["modules.alias"] = Bytes(text.ToString());
        files["modules.alias.bin"] = index.Write();
    }

    private void WriteSymbols(ImmutableSortedDictionary<string, byte[]>.Builder files)
    {
        var text = new StringBuilder("# Aliases for symbols, used by symbol_request().\n");
        var index = new ModuleTrie();
        for (var i = 0; i < _modules.Count; i++)
        {
            foreach (var symbol in _modules[i].File.Exports)
            {
                text.Append(CultureInfo.InvariantCulture, $"alias symbol:{symbol} {_modules[i].Name}\n");
                index.Add("symbol:" + symbol, _modules[i].Name, i);
            }
        }

        files["modules.symbols"] = Bytes(text.ToString());
        files["modules.symbols.bin"] = index.Write();
    }

    // "fuse fuse c10:229": an alias devname:fuse beside one char-major-10-229.
    private string DeviceNodes()
    {
        var text = new StringBuilder("# Device nodes to trigger on-demand module loading.\n");
        foreach (var module in _modules)
        {
            var name = module.File.Aliases.Where(alias => alias.StartsWith("devname:", StringComparison.Ordinal)).Select(alias => alias["devname:".Length..]).LastOrDefault();
            var number = module.File.Aliases.Select(alias => MajorMinor().Match(alias)).LastOrDefault(match => match.Success);
            if (name is not null && number is not null)
            {
                text.Append(CultureInfo.InvariantCulture, $"{module.Name} {name} {number.Groups["kind"].Value[0]}{number.Groups["major"].Value}:{number.Groups["minor"].Value}\n");
            }
        }

        return text.ToString();
    }

    // Strings "module.alias=value", each with a zero at its end.
    private static byte[] BuiltInAliases(ReadOnlySpan<byte> information)
    {
        var index = new ModuleTrie();
        foreach (var text in GuestText.Decode(information).Split('\0'))
        {
            var dot = text.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && text.AsSpan(dot + 1).StartsWith("alias=", StringComparison.Ordinal) && Normal(text[(dot + 1 + "alias=".Length)..]) is { } key)
            {
                index.Add(key, text[..dot].Replace('-', '_'), 0);
            }
        }

        return index.Write();
    }

    // kmod looks aliases up with underscores for dashes, but for what stands in brackets.
    private static string? Normal(string alias)
    {
        var key = new StringBuilder(alias.Length);
        var depth = 0;
        foreach (var letter in alias)
        {
            depth += letter == '[' ? 1 : letter == ']' ? -1 : 0;
            key.Append(letter == '-' && depth == 0 ? '_' : letter);
        }

        return depth == 0 ? key.ToString() : null;
    }

    private void Visit(Module module, List<Module> order, HashSet<string> seen)
    {
        if (!seen.Add(module.Name) || seen.Count > MaximumClosure)
        {
            return;
        }

        foreach (var name in module.File.Depends)
        {
            if (_byName.TryGetValue(name.Replace('-', '_'), out var needed))
            {
                Visit(needed, order, seen);
            }
        }

        order.Add(module);
    }

    private static byte[] Bytes(string text) => GuestText.Encode(text);

    [GeneratedRegex(@"\.k?o(\.(gz|xz|zst|bz2))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Suffix();

    [GeneratedRegex(@"^(?<kind>char|block)-major-(?<major>[0-9]+)-(?<minor>[0-9]+)$", RegexOptions.CultureInvariant)]
    private static partial Regex MajorMinor();

    private sealed record Module(string Name, string Path, KernelModuleFile File);
}
