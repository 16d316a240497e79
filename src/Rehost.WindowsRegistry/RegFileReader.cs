using System.Globalization;
using System.Text;

namespace Rehost.WindowsRegistry;

/// <summary>Reads .reg files of version 5 (UTF-16 with a mark, or UTF-8) and carries them out.</summary>
public static class RegFileReader
{
    /// <summary>The keys of a file in their order.</summary>
    /// <exception cref="Model.DiagnosticException">A line cannot be understood (REG010).</exception>
    public static IReadOnlyList<RegFileKey> Read(byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        var text = content is [0xFF, 0xFE, ..] ? Encoding.Unicode.GetString(content.AsSpan(2)) : Encoding.UTF8.GetString(content is [0xEF, 0xBB, 0xBF, ..] ? content.AsSpan(3) : content);
        var lines = text.Split('\n');
        if (lines[0].Trim() != RegFileWriter.Header)
        {
            throw Damaged(0, $"the first line must be '{RegFileWriter.Header}'");
        }

        var keys = new List<RegFileKey>();
        List<RegistryValue> values = [];
        List<string> removed = [];
        for (var at = 1; at < lines.Length; at++)
        {
            var (first, line) = (at, lines[at].Trim());
            if (line.Length == 0 || line[0] == ';')
            {
                continue;
            }

            if (line[0] == '[')
            {
                (values, removed) = ([], []);
                var isRemoved = line.StartsWith("[-", StringComparison.Ordinal);
                var path = line.EndsWith(']') ? line[(isRemoved ? 2 : 1)..^1] : throw Damaged(at, "a key without ]");
                keys.Add(new RegFileKey(path, isRemoved, values, removed));
                continue;
            }

            var joined = new StringBuilder(line);
            while (line.EndsWith('\\') && at + 1 < lines.Length)
            {
                joined.Length--;
                joined.Append(line = lines[++at].Trim());
            }

            if (keys.Count == 0 || keys[^1].IsRemoved)
            {
                throw Damaged(first, "a value that belongs to no key");
            }

            ReadValue(joined.ToString(), first, values, removed);
        }

        return keys;
    }

    /// <summary>Carries a file out on a hive.</summary>
    /// <param name="hive">The hive.</param>
    /// <param name="keys">What the file says.</param>
    /// <param name="prefix">What the file calls the hive's root.</param>
    /// <returns>Keys and values changed.</returns>
    /// <exception cref="Model.DiagnosticException">A key is not of this hive (REG010).</exception>
    public static int Apply(Hive hive, IReadOnlyList<RegFileKey> keys, string prefix)
    {
        ArgumentNullException.ThrowIfNull(hive);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(prefix);
        var paths = keys.Select(key => Relative(key.Path, prefix)).ToArray(); // all of them before the first change
        var count = 0;
        foreach (var (key, path) in keys.Zip(paths))
        {
            if (key.IsRemoved)
            {
                var slash = path.LastIndexOf('\\');
                if (path.Length > 0 && hive.Root.Find(path) is not null)
                {
                    hive.Root.Demand(slash < 0 ? "" : path[..slash]).Remove(path[(slash + 1)..]);
                    count++;
                }

                continue;
            }

            var made = hive.Root.Find(path) is null ? 1 : 0;
            var target = hive.Root.Create(path);
            foreach (var value in key.Values)
            {
                target.Set(value);
            }

            count += made + key.Values.Count + key.RemovedValues.Count(target.RemoveValue);
        }

        return count;
    }

    private static string Relative(string path, string prefix)
    {
        var trimmed = prefix.TrimEnd('\\');
        return trimmed.Length == 0 ? path
            : path.StartsWith(trimmed, StringComparison.OrdinalIgnoreCase) && (path.Length == trimmed.Length || path[trimmed.Length] == '\\') ? path[trimmed.Length..].TrimStart('\\')
            : throw HiveDiagnostics.BadRegFile.ToException($"key {path} is not below {trimmed}, which is this hive");
    }

    private static void ReadValue(string line, int at, List<RegistryValue> values, List<string> removed)
    {
        var name = "";
        var rest = line;
        if (line[0] == '@')
        {
            rest = line[1..];
        }
        else
        {
            (name, rest) = ReadQuoted(line, at);
        }

        rest = rest.TrimStart();
        if (!rest.StartsWith('='))
        {
            throw Damaged(at, "a name without =");
        }

        rest = rest[1..].Trim();
        if (rest == "-")
        {
            removed.Add(name);
            return;
        }

        values.Add(rest.StartsWith('"') ? RegistryValue.OfText(name, ReadQuoted(rest, at).Text) : ReadBytes(name, rest, at));
    }

    private static RegistryValue ReadBytes(string name, string text, int at)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var (kind, data) = colon < 0 ? (text, "") : (text[..colon].Trim(), text[(colon + 1)..].Trim());
        if (kind == "dword")
        {
            return uint.TryParse(data, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number) ? RegistryValue.OfNumber(name, number) : throw Damaged(at, $"'{data}' is no hexadecimal number");
        }

        var type = (int)RegistryValueKind.Binary;
        if (kind != "hex" && !(kind.StartsWith("hex(", StringComparison.Ordinal) && kind.EndsWith(')') && int.TryParse(kind[4..^1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out type)))
        {
            throw Damaged(at, $"'{kind}' is no kind of value");
        }

        var bytes = new List<byte>();
        foreach (var one in data.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add(byte.TryParse(one, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value) ? value : throw Damaged(at, $"'{one}' is no byte"));
        }

        return new RegistryValue(name, (RegistryValueKind)type, [.. bytes]);
    }

    private static (string Text, string Remainder) ReadQuoted(string line, int at)
    {
        var text = new StringBuilder();
        for (var i = 1; line[0] == '"' && i < line.Length; i++)
        {
            if (line[i] == '"')
            {
                return (text.ToString(), line[(i + 1)..]);
            }

            i += line[i] == '\\' && i + 1 < line.Length ? 1 : 0;
            text.Append(line[i]);
        }

        throw Damaged(at, "a text in quotes is needed");
    }

    private static Model.DiagnosticException Damaged(int line, string what) => HiveDiagnostics.BadRegFile.ToException(what, $"line {line + 1}");
}
