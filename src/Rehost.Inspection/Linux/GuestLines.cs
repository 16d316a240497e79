namespace Rehost.Inspection.Linux;

/// <summary>Lines of a guest's text file.</summary>
internal static class GuestLines
{
    private static readonly char[] Blank = [' ', '\t'];

    /// <summary>Numbered from 1, without line ends; a carriage return before the line feed counts as part of the line end.</summary>
    public static IEnumerable<(int Number, string Text)> Of(string text)
    {
        var number = 0;
        var start = 0;
        while (start < text.Length)
        {
            var end = text.IndexOf('\n', start);
            if (end < 0)
            {
                end = text.Length;
            }

            number++;
            yield return (number, text[start..end].TrimEnd('\r'));
            start = end + 1;
        }
    }

    /// <summary>Lines that say something: trimmed, without empty ones and those that begin with one of the comment characters.</summary>
    public static IEnumerable<(int Number, string Text)> Effective(string text, string commentCharacters = "#")
        => Of(text).Select(line => (line.Number, Text: line.Text.Trim())).Where(line => line.Text.Length > 0 && !commentCharacters.Contains(line.Text[0], StringComparison.Ordinal));

    /// <summary>As <see cref="Effective"/>, a backslash at the end of a line joined with the next one.</summary>
    public static IEnumerable<string> Joined(string text)
    {
        var pending = new System.Text.StringBuilder();
        foreach (var (_, raw) in Of(text))
        {
            if (raw.EndsWith('\\'))
            {
                pending.Append(raw, 0, raw.Length - 1).Append(' ');
                continue;
            }

            var line = pending.Append(raw).ToString().Trim();
            pending.Clear();
            if (line.Length > 0 && line[0] != '#')
            {
                yield return line;
            }
        }

        var last = pending.ToString().Trim();
        if (last.Length > 0 && last[0] != '#')
        {
            yield return last;
        }
    }

    /// <summary>Words between blanks.</summary>
    public static string[] Words(string line) => line.Split(Blank, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The first word and what follows it, trimmed.</summary>
    public static (string Word, string Tail) SplitFirst(string line)
    {
        var end = line.IndexOfAny(Blank);
        return end < 0 ? (line, "") : (line[..end], line[end..].Trim());
    }
}
