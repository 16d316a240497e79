using System.Text;

namespace Rehost.Fuzz.Engine;

/// <summary>Damages texts by line and word: what an editor, a template or an attacker leaves.</summary>
internal sealed class TextMutator(FuzzTarget target, Random random)
{
    private const int LongestText = 200_000;
    private static readonly string[] Anything =
    [
        "", " ", "\t", "\0", "\r", "\r\n", "\n", "\\", "\\\n", "\"", "'", "`", "$", "${", "$(", "}", "{", "(", ")", "[", "]", "<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>", "&", "&#0;", "&#xFFFFFF;", "&lt;", "=", "==", ":", ";", "#", ",", ".", "..", "/", "//",
        "../../etc/passwd", "-", "--", "|", "*", "?", "%", "%s", "@", "!", "~", "^", "\uFEFF", "\uFFFD", "\u0130", "é", "日本", "\U0001F600", "\u202E", "\x1b[31m", "\x7f", "0", "1", "-1", "00", "0x", "0x10", "0xffffffffffffffff", "08", "1e9", "1e999", "NaN", "2147483647", "2147483648",
        "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999", "-9223372036854775808", "1.5", "1.", ".5", "true", "false", "null", "yes", "no", "on", "~", "255.255.255.255", "256.0.0.1",
        "::", "::1/129", "fe80::1%eth0", "00:16:3e:00:00:01", "00:16:3e:zz:00:01", "UUID=", "LABEL=", "/dev/", "/dev/sda", "/dev/sda99999999999", "/dev/mapper/", "/dev/disk/by-uuid/", "\\040", "\\x2d", "\\777", "\\u0000", "\\ud800", "%%", "$1",
        "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\">]>", "&c;", "<?xml version=\"1.0\" encoding=\"utf-16\"?>", "<?xml version=\"1.1\"?>", "xmlns=\"\"", "xmlns:a=\"b\"",
    ];

    private static readonly string[] Nests = ["(", "[", "{", "<a>", "[[", "{\"a\":", "((", "if true; then\n", "submenu 'a' {\n", "a:\n ", "- ", "  ", "a {\n", "$(", "\"", "\\", "<value><array><data>", "<value><struct><member><name>a</name>", "[,", "a=(", "${a", "&a ", "!", "- - "];

    public void Mutate(ImageBuffer buffer, IReadOnlyList<CorpusEntry> corpus)
    {
        var text = Decode(buffer.Span);
        var count = 1;
        while (count < 10 && random.Next(3) != 0)
        {
            count++;
        }

        for (; count > 0 && text.Length < LongestText; count--)
        {
            text = random.Next(10) switch
            {
                < 4 => ChangeLines(text, corpus),
                < 8 => ChangeWords(text),
                8 => ChangeCharacters(text),
                _ => Nest(text),
            };
        }

        buffer.Replace(Encoding.Latin1.GetBytes(text.Length > LongestText ? text[..LongestText] : text));
    }

    // Bytes as characters, so that what is not UTF-8 stays what it is.
    private static string Decode(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private static string Bytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));

    private string Word() => Bytes(target.Words.IsEmpty || random.Next(2) == 0 ? Anything[random.Next(Anything.Length)] : target.Words[random.Next(target.Words.Length)]);

    private string ChangeLines(string text, IReadOnlyList<CorpusEntry> corpus)
    {
        var lines = text.Split('\n').ToList();
        var at = random.Next(lines.Count);
        switch (random.Next(8))
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines.Insert(at, lines[random.Next(lines.Count)]);
                break;
            case 2:
                var other = random.Next(lines.Count);
                (lines[at], lines[other]) = (lines[other], lines[at]);
                break;
            case 3:
                lines.InsertRange(at, Enumerable.Repeat(lines[at], random.Next(20) == 0 ? 2000 : random.Next(2, 6)));
                break;
            case 4:
                lines.Insert(at, new string(' ', random.Next(5)) + Word() + (random.Next(2) == 0 ? "=" : " ") + Word());
                break;
            case 5:
                var foreign = Decode(corpus[random.Next(corpus.Count)].ToArray()).Split('\n');
                var start = random.Next(foreign.Length);
                lines.InsertRange(at, foreign.AsSpan(start, Math.Min(random.Next(1, 12), foreign.Length - start)).ToArray());
                break;
            case 6:
                lines[at] = random.Next(2) == 0 ? " " + lines[at] : lines[at].TrimStart();
                break;
            default:
                return string.Join(random.Next(3) switch { 0 => "\r\n", 1 => "\r", _ => "\n" }, lines.Take(at + 1));
        }

        return string.Join('\n', lines);
    }

    private string ChangeWords(string text)
    {
        if (text.Length == 0)
        {
            return Word();
        }

        var (start, length) = FindWord(text);
        return random.Next(6) switch
        {
            0 => text.Remove(start, length),
            1 => text.Insert(start, Word()),
            2 => text.Insert(start + length, Word()),
            3 => text.Insert(start, string.Concat(Enumerable.Repeat(text.Substring(start, length), random.Next(30) == 0 ? 3000 / Math.Max(1, length) : 2))),
            4 when FindWord(text) is var (from, size) => text.Remove(start, length).Insert(start, text.Substring(from, size)),
            _ => text.Remove(start, length).Insert(start, Word()),
        };
    }

    private (int Start, int Length) FindWord(string text)
    {
        var at = random.Next(text.Length);
        var isWord = IsWord(text[at]);
        var (start, end) = (at, at + 1);
        while (start > 0 && at - start < 60 && IsWord(text[start - 1]) == isWord)
        {
            start--;
        }

        while (end < text.Length && end - at < 60 && IsWord(text[end]) == isWord)
        {
            end++;
        }

        return (start, end - start);
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.';

    private string ChangeCharacters(string text)
    {
        if (text.Length == 0)
        {
            return text;
        }

        var at = random.Next(text.Length);
        return random.Next(5) switch
        {
            0 => text.Remove(at, 1),
            1 => text.Remove(at, 1).Insert(at, ((char)random.Next(256)).ToString()),
            2 => text.Insert(at, ((char)random.Next(256)).ToString()),
            3 => text[..at],
            _ => text.Insert(at, new string((char)random.Next(32, 127), random.Next(20) == 0 ? 20_000 : random.Next(1, 300))),
        };
    }

    /// <summary>Depth: what a parser that calls itself cannot take.</summary>
    private string Nest(string text)
    {
        var at = random.Next(text.Length + 1);
        var piece = target.Words.IsEmpty || random.Next(3) != 0 ? Nests[random.Next(Nests.Length)] : Word();
        return text.Insert(at, string.Concat(Enumerable.Repeat(piece, random.Next(8) switch { 0 => 20_000 / Math.Max(1, piece.Length), 1 => 300, _ => random.Next(1, 8) })));
    }
}
