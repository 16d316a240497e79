using System.Text;

namespace Rehost.Inspection.Linux.Boot;

/// <summary>
/// Splits a grub.cfg into commands of words, as GRUB 2's shell-like lexer does (GRUB manual, "Writing full configuration files directly"): quotes, backslashes, comments,
/// separators. Variables stay as they are. A brace is a word of its own only where it stands alone.
/// </summary>
internal static class Grub2Words
{
    /// <summary>Commands in order; "{" and "}" are commands of one word.</summary>
    public static IEnumerable<IReadOnlyList<string>> Commands(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        var isQuoted = false;
        var i = 0;

        while (i <= text.Length)
        {
            var c = i < text.Length ? text[i] : '\n';
            if (c is ' ' or '\t' or '\r' or '\n' or ';')
            {
                var brace = inWord && !isQuoted && word.Length == 1 && (word[0] is '{' or '}') ? word.ToString() : null;
                if (inWord && brace is null)
                {
                    words.Add(word.ToString());
                }

                (inWord, isQuoted) = (false, false);
                word.Clear();
                if ((brace is not null || c is '\n' or ';') && words.Count > 0)
                {
                    yield return words;
                    words = [];
                }

                if (brace is not null)
                {
                    yield return [brace];
                }

                i++;
                continue;
            }

            if (c == '#' && !inWord)
            {
                while (i < text.Length && text[i] != '\n')
                {
                    i++;
                }

                continue;
            }

            inWord = true;
            if (c is '\'' or '"')
            {
                isQuoted = true;
                i = AppendQuoted(text, i, word);
                continue;
            }

            if (c == '\\')
            {
                i++;
                if (i < text.Length && text[i] != '\n')
                {
                    word.Append(text[i]);
                    isQuoted = true;
                }
                else if (word.Length == 0)
                {
                    inWord = false;
                }

                i++;
                continue;
            }

            word.Append(c);
            i++;
        }
    }

    /// <summary>Words as kernel arguments: GRUB puts a word with blanks into double quotes (grub_create_loader_cmdline).</summary>
    public static string Join(IEnumerable<string> words)
        => string.Join(' ', words.Select(word => word.AsSpan().IndexOfAny(' ', '\t') >= 0 ? $"\"{word}\"" : word));

    /// <returns>The position behind the closing quote.</returns>
    private static int AppendQuoted(string text, int start, StringBuilder word)
    {
        var quote = text[start];
        var i = start + 1;
        for (; i < text.Length && text[i] != quote; i++)
        {
            if (quote == '"' && text[i] == '\\' && i + 1 < text.Length && (text[i + 1] is '"' or '\\' or '$' or '\n'))
            {
                i++;
                if (text[i] == '\n')
                {
                    continue;
                }
            }

            word.Append(text[i]);
        }

        return i + 1;
    }
}
