using System.Globalization;
using System.Text;

namespace Rehost.WindowsRegistry;

/// <summary>Writes keys as regedit exports them.</summary>
public static class RegFileWriter
{
    internal const string Header = "Windows Registry Editor Version 5.00";
    private const int LongestLine = 77;

    /// <summary>A key with all that is below it, line by line.</summary>
    /// <param name="key">The key.</param>
    /// <param name="path">Its path as it is to stand in the file.</param>
    public static IEnumerable<string> Write(RegistryKey key, string path)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(path);
        yield return Header;
        yield return "";
        var seen = new HashSet<int>();
        var work = new Stack<(RegistryKey Key, string Path)>([(key, path)]);
        while (work.TryPop(out var item))
        {
            if (!seen.Add(item.Key.Node.Offset))
            {
                throw HiveDiagnostics.BadCell.ToException("a key is below itself, or in two places", CellHeap.Where(item.Key.Node.Offset));
            }

            yield return $"[{item.Path}]";
            foreach (var value in item.Key.Values)
            {
                foreach (var line in Lines(value))
                {
                    yield return line;
                }
            }

            yield return "";
            foreach (var subkey in item.Key.Subkeys.Reverse())
            {
                work.Push((subkey, item.Path + "\\" + subkey.Name));
            }
        }
    }

    /// <summary>A value as regedit writes it, in as many lines as its bytes need.</summary>
    public static IEnumerable<string> Lines(RegistryValue value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var name = value.Name.Length == 0 ? "@" : $"\"{Escape(value.Name)}\"";
        if (value is { Kind: RegistryValueKind.Number, Data.Length: 4 })
        {
            return [string.Create(CultureInfo.InvariantCulture, $"{name}=dword:{value.AsNumber():x8}")];
        }

        if (value.Kind == RegistryValueKind.Text && RegistryValue.OfText("", value.AsText()).Data.AsSpan().SequenceEqual(value.Data) && !value.AsText().Any(unit => unit < ' ' || char.IsSurrogate(unit)))
        {
            return [$"{name}=\"{Escape(value.AsText())}\""];
        }

        return Wrap($"{name}={(value.Kind == RegistryValueKind.Binary ? "hex" : string.Create(CultureInfo.InvariantCulture, $"hex({(int)value.Kind:x})"))}:", value.Data);
    }

    private static List<string> Wrap(string start, byte[] data)
    {
        var lines = new List<string>();
        var line = new StringBuilder(start);
        for (var i = 0; i < data.Length; i++)
        {
            line.Append(CultureInfo.InvariantCulture, $"{data[i]:x2}");
            if (i + 1 == data.Length)
            {
                break;
            }

            line.Append(',');
            if (line.Length > LongestLine - 3)
            {
                lines.Add(line.Append('\\').ToString());
                line.Clear().Append("  ");
            }
        }

        lines.Add(line.ToString());
        return lines;
    }

    private static string Escape(string text) => text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
