using Rehost.WindowsRegistry;
using Rehost.WindowsRegistry.BootConfiguration;

namespace Rehost.Pipeline.Registry;

/// <summary>What is in a hive: keys and values, .reg lines, differences, boot entries.</summary>
public static class RegistryListing
{
    /// <summary>A key's subkeys and values; with <paramref name="recursive"/> also what is below them.</summary>
    /// <exception cref="Model.DiagnosticException">There is no such key (REG006).</exception>
    public static IEnumerable<RegistryItem> List(OpenHive hive, string key, bool recursive)
    {
        ArgumentNullException.ThrowIfNull(hive);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var work = new Stack<(RegistryKey Key, string Path)>([(hive.Hive.Root.Demand(key), key.Trim('\\'))]);
        while (work.TryPop(out var item))
        {
            const int deepest = 600;
            foreach (var value in item.Key.Values)
            {
                yield return RegistryItem.Of(item.Path, value);
            }

            var subkeys = item.Key.Subkeys.Select(subkey => (Key: subkey, Path: item.Path.Length == 0 ? subkey.Name : $"{item.Path}\\{subkey.Name}")).ToList();
            foreach (var (_, path) in subkeys.Where(_ => !recursive))
            {
                yield return new RegistryItem(path, null, null, null);
            }

            if (!recursive)
            {
                continue;
            }

            if (item.Path.Count(unit => unit == '\\') > deepest)
            {
                throw RegistryDiagnostics.NoSuchHive.ToException("the keys have no end: the hive is damaged", item.Path);
            }

            for (var i = subkeys.Count - 1; i >= 0; i--)
            {
                work.Push(subkeys[i]);
            }

            if (item.Path.Length > 0 && seen.Add(item.Path))
            {
                yield return new RegistryItem(item.Path, null, null, null);
            }
        }
    }

    /// <summary>A value by its key and name.</summary>
    /// <exception cref="Model.DiagnosticException">There is none (REG006).</exception>
    public static RegistryItem Get(OpenHive hive, string key, string name)
    {
        ArgumentNullException.ThrowIfNull(hive);
        return RegistryItem.Of(key, hive.Hive.Root.Demand(key).DemandValue(name));
    }

    /// <summary>A key with all below it, as regedit exports it.</summary>
    public static IEnumerable<string> Export(OpenHive hive, string key, string? prefix)
    {
        ArgumentNullException.ThrowIfNull(hive);
        ArgumentNullException.ThrowIfNull(key);
        return RegFileWriter.Write(hive.Hive.Root.Demand(key), ((prefix ?? hive.DefaultPrefix).TrimEnd('\\') + "\\" + key.Trim('\\')).Trim('\\'));
    }

    /// <summary>What differs between two hives, in words.</summary>
    public static IEnumerable<RegistryDifference> Compare(OpenHive left, OpenHive right, string key)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        return HiveDifference.Find(left.Hive.Root.Demand(key), right.Hive.Root.Demand(key))
            .Select(found => new RegistryDifference(found.Path, found.Name, found.What, found.Left is null ? null : RegistryItem.Words(found.Left), found.Right is null ? null : RegistryItem.Words(found.Right)));
    }

    /// <summary>The entries of a boot configuration store, the boot manager first.</summary>
    /// <exception cref="Model.DiagnosticException">The hive is none (REG011).</exception>
    public static IReadOnlyList<BootEntry> BootEntries(OpenHive hive)
    {
        ArgumentNullException.ThrowIfNull(hive);
        var store = BcdStore.Open(hive.Hive);
        return
        [
            .. store.All.OrderBy(entry => entry.Id == BcdNames.BootManager ? 0 : entry.Type == BcdNames.WindowsLoader ? 1 : 2)
                .Select(entry => new BootEntry(BcdNames.NameOf(entry.Id), $"0x{entry.Type:x8}", [.. entry.Elements.Select(element => new BootElement(BcdNames.NameOf(element.Type, entry.Type), element.ToString()))])),
        ];
    }
}
