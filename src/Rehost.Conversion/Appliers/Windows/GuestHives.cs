using Rehost.FileSystems;
using Rehost.Model;
using Rehost.WindowsRegistry;

namespace Rehost.Conversion.Appliers.Windows;

/// <summary>
/// The guest's hives while a plan is carried out: opened with their logs, changed in memory while the changes are checked, in order, so that each finds what the ones before it leave; and
/// written once. Nothing of the guest changes before every check has passed.
/// </summary>
internal sealed class GuestHives(GuestTree tree)
{
    private const int LargestHive = 1 << 30;
    private static readonly string[] LogEndings = [".LOG", ".LOG1", ".LOG2"];
    private readonly Dictionary<string, Hive> _hives = new(StringComparer.Ordinal);
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);

    /// <summary>A hive, logs replayed.</summary>
    /// <exception cref="DiagnosticException">It is missing (CNV003) or damaged.</exception>
    public Hive Open(string path)
    {
        if (!_hives.TryGetValue(path, out var hive))
        {
            if (tree.TryResolve(path)?.Kind != NodeKind.File)
            {
                throw ApplyDiagnostics.Missing.ToException("the plan changes this hive, and it is not there", path);
            }

            var logs = LogEndings.Select(ending => path + ending).Where(log => tree.TryResolve(log) is { Kind: NodeKind.File }).Select(log => tree.ReadAllBytes(log, LargestHive)).ToArray();
            _hives[path] = hive = Hive.Open(tree.ReadAllBytes(path, LargestHive), new HiveOpenOptions { Logs = logs });
        }

        return hive;
    }

    /// <summary>Writes a hive with all its changes; again is nothing.</summary>
    public void Write(string path)
    {
        if (_written.Add(path))
        {
            tree.WriteFile(path, Open(path).ToArray());
        }
    }
}
