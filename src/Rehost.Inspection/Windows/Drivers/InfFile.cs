using System.Text;
using System.Text.RegularExpressions;

namespace Rehost.Inspection.Windows.Drivers;

/// <summary>
/// A setup information file: sections of lines, each an optional key and values. Quotes, doubled quotes inside, comments, lines continued by a backslash and %strings% as
/// Microsoft's "General Syntax Rules for INF Files" has them. Sections of one name are one section; names are found whatever their case.
/// </summary>
internal sealed partial class InfFile
{
    private const int MaximumLength = 4 << 20;
    private const int MaximumDepth = 8;
    private readonly Dictionary<string, List<InfLine>> _sections = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _strings = new(StringComparer.OrdinalIgnoreCase);

    private InfFile()
    {
    }

    /// <summary>Names of all sections.</summary>
    public IEnumerable<string> Sections => _sections.Keys;

    /// <summary>Understands a file: UTF-16 and UTF-8 by their marks, else the Western code page, of which only ASCII matters here.</summary>
    public static InfFile Parse(byte[] content)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (content.Length > MaximumLength)
        {
            throw DriverDiagnostics.BadInf.ToException($"{content.Length} bytes; {MaximumLength} are the most that is read");
        }

        var text = content switch
        {
            [0xff, 0xfe, ..] => Encoding.Unicode.GetString(content.AsSpan(2)),
            [0xfe, 0xff, ..] => Encoding.BigEndianUnicode.GetString(content.AsSpan(2)),
            [0xef, 0xbb, 0xbf, ..] => Encoding.UTF8.GetString(content.AsSpan(3)),
            _ => Encoding.Latin1.GetString(content),
        };
        var file = new InfFile();
        List<InfLine>? section = null;
        foreach (var line in Joined(text))
        {
            if (line.StartsWith('['))
            {
                var end = line.IndexOf(']', StringComparison.Ordinal);
                var name = (end < 0 ? line[1..] : line[1..end]).Trim();
                if (!file._sections.TryGetValue(name, out section))
                {
                    file._sections[name] = section = [];
                }
            }
            else
            {
                section?.Add(ParseLine(line));
            }
        }

        // English stands in [Strings] or [Strings.0409]; whichever a token is in first, the undecorated section first.
        foreach (var line in file.Raw("Strings").Concat(file.Raw("Strings.0409")))
        {
            if (line.Key is not null)
            {
                file._strings.TryAdd(line.Key, line.Values.Count > 0 ? line.Values[0] : "");
            }
        }

        return file;
    }

    /// <summary>Whether there is a section.</summary>
    public bool Has(string section) => _sections.ContainsKey(section);

    /// <summary>Lines of a section, strings replaced; none when it is not there.</summary>
    public IEnumerable<InfLine> Lines(string section)
        => Raw(section).Select(line => new InfLine(line.Key is null ? null : Expand(line.Key), [.. line.Values.Select(Expand)]));

    /// <summary>First value of a key; null when there is none.</summary>
    public string? Value(string section, string key)
        => Lines(section).FirstOrDefault(line => string.Equals(line.Key, key, StringComparison.OrdinalIgnoreCase)) is { Values.Count: > 0 } line ? line.Values[0] : null;

    private List<InfLine> Raw(string section) => _sections.GetValueOrDefault(section) ?? [];

    // %% is a percent sign; a token that [Strings] does not have stays (%12% is a directory, replaced by whoever knows it).
    private string Expand(string text)
    {
        for (var depth = 0; depth < MaximumDepth && text.Contains('%', StringComparison.Ordinal) && text.Length < MaximumLength; depth++)
        {
            var expanded = Token().Replace(text, match => match.Value == "%%" ? "%" : _strings.GetValueOrDefault(match.Groups["name"].Value, match.Value));
            if (expanded == text)
            {
                break;
            }

            text = expanded.Length <= 1 << 16 ? expanded : expanded[..(1 << 16)];
        }

        return text;
    }

    private static IEnumerable<string> Joined(string text)
    {
        var pending = new StringBuilder();
        foreach (var raw in text.Split('\n'))
        {
            var line = WithoutComment(raw.TrimEnd('\r')).Trim();
            if (line.EndsWith('\\') && pending.Length + line.Length < 1 << 16)
            {
                pending.Append(line, 0, line.Length - 1);
                continue;
            }

            line = pending.Length == 0 ? line : pending.Append(line).ToString();
            pending.Clear();
            if (line.Length > 0)
            {
                yield return line;
            }
        }

        if (pending.Length > 0)
        {
            yield return pending.ToString();
        }
    }

    private static string WithoutComment(string line)
    {
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '"')
            {
                quoted = !quoted;
            }
            else if (line[i] == ';' && !quoted)
            {
                return line[..i];
            }
        }

        return line;
    }

    private static InfLine ParseLine(string line)
    {
        var fields = new List<string>();
        string? key = null;
        var field = new StringBuilder();
        var (quoted, wasQuoted) = (false, false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '"')
            {
                if (quoted && i + 1 < line.Length && line[i + 1] == '"')
                {
                    field.Append('"');
                    i++;
                    continue;
                }

                (quoted, wasQuoted) = (!quoted, true);
            }
            else if (!quoted && c == ',')
            {
                fields.Add(Take());
            }
            else if (!quoted && c == '=' && key is null && fields.Count == 0)
            {
                key = Take();
            }
            else
            {
                field.Append(c);
            }
        }

        if (field.Length > 0 || wasQuoted || fields.Count > 0)
        {
            fields.Add(Take());
        }

        return new InfLine(key, fields);

        string Take()
        {
            var taken = wasQuoted ? field.ToString().Trim(' ', '\t') : field.ToString().Trim();
            field.Clear();
            wasQuoted = false;
            return taken;
        }
    }

    [GeneratedRegex("%(?<name>[^%]*)%", RegexOptions.CultureInvariant)]
    private static partial Regex Token();
}

/// <summary>A line of a section.</summary>
/// <param name="Key">What stands before the equals sign; null when there is none.</param>
/// <param name="Values">What stands after it, separated by commas.</param>
internal sealed record InfLine(string? Key, IReadOnlyList<string> Values)
{
    /// <summary>A value by its place; empty when it was left out.</summary>
    public string this[int index] => index < Values.Count ? Values[index] : "";
}
