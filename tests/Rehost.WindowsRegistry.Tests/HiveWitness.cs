using System.Globalization;
using System.Text;
using Rehost.Testing;

namespace Rehost.WindowsRegistry.Tests;

/// <summary>hivexregedit's listing of a whole hive, and ours in the same words.</summary>
internal static class HiveWitness
{
    public static string Export(byte[] hive, ScratchDirectory scratch)
    {
        var file = scratch[$"hive-{Guid.NewGuid():n}"];
        File.WriteAllBytes(file, hive);
        Tool.MustRun("hivexml", file);
        return Sort(Tool.MustRun("env", "PERL_UNICODE=S", "hivexregedit", "--export", "--prefix", "X", file, "\\"));
    }

    public static string Describe(Hive hive)
    {
        var text = new StringBuilder("Windows Registry Editor Version 5.00\n\n");
        var work = new Stack<(RegistryKey Key, string Path)>([(hive.Root, "X\\")]);
        while (work.TryPop(out var item))
        {
            text.Append(CultureInfo.InvariantCulture, $"[{item.Path}]\n");
            foreach (var value in item.Key.Values)
            {
                var name = value.Name.Length == 0 ? "@" : $"\"{value.Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
                text.Append(name + "=" + (value is { Kind: RegistryValueKind.Number, Data.Length: 4 }
                    ? $"dword:{value.AsNumber():x8}"
                    : $"hex({(uint)value.Kind:x}):{string.Join(',', value.Data.Select(one => one.ToString("x2", CultureInfo.InvariantCulture)))}") + "\n");
            }

            text.Append('\n');
            foreach (var subkey in item.Key.Subkeys.Reverse())
            {
                work.Push((subkey, item.Path.TrimEnd('\\') + "\\" + subkey.Name));
            }
        }

        return Sort(text.ToString());
    }

    /// <summary>Both list keys and values in orders of their own.</summary>
    private static string Sort(string export)
        => string.Join("\n\n", export.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(key => string.Join('\n', key.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal));

    public static byte[] Unpack(string fixture)
    {
        using var scratch = new ScratchDirectory();
        Tool.MustRun("sh", "-c", $"xz -dc '{Path.Combine(AppContext.BaseDirectory, "Fixtures", fixture)}' > '{scratch["x"]}'");
        return File.ReadAllBytes(scratch["x"]);
    }
}
