using System.Collections.Immutable;
using Rehost.FileSystems;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Inspection.Windows;

/// <summary>The guest's hives, opened with their logs, as Windows itself would see them at its next start.</summary>
internal sealed class WindowsHives
{
    private const int LargestHive = 1 << 30;
    private static readonly string[] LogEndings = [".LOG", ".LOG1", ".LOG2"];
    private readonly Dictionary<string, RegistryKey> _roots = new(StringComparer.OrdinalIgnoreCase);

    private WindowsHives()
    {
    }

    /// <summary>What was opened.</summary>
    public ImmutableArray<RegistryHiveFacts> Facts { get; private set; } = [];

    /// <summary>Opens the machine's hives.</summary>
    /// <exception cref="DiagnosticException">SYSTEM or SOFTWARE cannot be read (WIN004).</exception>
    public static WindowsHives Open(GuestTree tree, string systemRoot, List<Diagnostic> findings)
    {
        var hives = new WindowsHives();
        foreach (var name in (string[])["SYSTEM", "SOFTWARE", "DRIVERS"])
        {
            if (tree.TryResolve($"{systemRoot}/System32/config/{name}") is not { Kind: NodeKind.File } node)
            {
                continue; // DRIVERS came with Windows 10; what it holds is in SYSTEM where it is missing
            }

            try
            {
                var hive = OpenHive(tree, node.Path);
                hives._roots[name] = hive.Root;
                hives.Facts = hives.Facts.Add(new RegistryHiveFacts(name, node.Path, hive.Recovery?.Entries ?? 0));
                if (hive.Recovery is { } recovery)
                {
                    findings.Add(WindowsDiagnostics.HiveReplayed.Create($"{recovery.Entries} entries of its logs were not in it yet", node.Path));
                }
            }
            catch (DiagnosticException e)
            {
                throw WindowsDiagnostics.HiveUnreadable.ToException(e.Diagnostic.ToString(), node.Path, e);
            }
        }

        return hives;
    }

    /// <summary>Opens one hive with its logs.</summary>
    public static Hive OpenHive(GuestTree tree, string path)
    {
        var logs = LogEndings.Select(ending => path + ending).Where(log => tree.TryResolve(log) is { Kind: NodeKind.File }).Select(log => tree.ReadAllBytes(log, LargestHive)).ToArray();
        return Hive.Open(tree.ReadAllBytes(path, LargestHive), new HiveOpenOptions { Logs = logs });
    }

    /// <summary>The root of a hive; null when it was not opened.</summary>
    public RegistryKey? Root(string hive) => _roots.GetValueOrDefault(hive);

    /// <summary>A key by its path below HKEY_LOCAL_MACHINE; null when there is none.</summary>
    public RegistryKey? Find(string path)
    {
        var slash = path.IndexOf('\\', StringComparison.Ordinal);
        var root = Root(slash < 0 ? path : path[..slash]);
        return slash < 0 ? root : root?.Find(path[(slash + 1)..]);
    }

    /// <summary>A text; null when there is none.</summary>
    public string? Text(string key, string name) => Find(key)?.FindValue(name) is { Kind: RegistryValueKind.Text or RegistryValueKind.ExpandableText } value ? value.AsText() : null;

    /// <summary>A number; null when there is none.</summary>
    public uint? Number(string key, string name)
        => Find(key)?.FindValue(name) is { Kind: RegistryValueKind.Number, Data.Length: 4 } value ? (uint)value.AsNumber() : null;

    /// <summary>Strings; none when there are none.</summary>
    public ImmutableArray<string> Texts(string key, string name) => TextsOf(Find(key)?.FindValue(name));

    /// <summary>Strings of a value: of several, or of one.</summary>
    public static ImmutableArray<string> TextsOf(RegistryValue? value) => value switch
    {
        { Kind: RegistryValueKind.Texts } => [.. value.AsTexts().Where(text => text.Length > 0)],
        { Kind: RegistryValueKind.Text or RegistryValueKind.ExpandableText } => value.AsText() is { Length: > 0 } text ? [text] : [],
        _ => [],
    };
}
