using System.Text;

namespace Rehost.Inspection.Linux;

/// <summary>Files of lines KEY=value that shells source: os-release, ifcfg-eth0, /etc/sysconfig/*. Nothing is expanded.</summary>
internal static class ShellAssignments
{
    /// <summary>The last assignment of each key, as a shell would leave it.</summary>
    public static Dictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (_, raw) in GuestLines.Of(text))
        {
            var line = raw.Trim();
            if (line.StartsWith("export ", StringComparison.Ordinal))
            {
                line = line["export ".Length..].TrimStart();
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line[..equals].All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.'))
            {
                values[line[..equals]] = Unquote(line[(equals + 1)..]);
            }
        }

        return values;
    }

    /// <summary>The first word of a text, its quotes and backslashes taken away as a shell does.</summary>
    public static string Unquote(string text)
    {
        var word = new StringBuilder(text.Length);
        var quote = '\0';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\0' && (char.IsWhiteSpace(c) || c == ';' || (c == '#' && word.Length == 0)))
            {
                break;
            }

            if (quote == '\0' && (c is '"' or '\''))
            {
                quote = c;
            }
            else if (c == quote)
            {
                quote = '\0';
            }
            else if (c == '\\' && quote != '\'' && i + 1 < text.Length && (quote == '\0' || text[i + 1] is '"' or '\\' or '$' or '`'))
            {
                word.Append(text[++i]);
            }
            else
            {
                word.Append(c);
            }
        }

        return word.ToString();
    }
}
