using System.Globalization;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// Cuts a configuration into tokens. Newlines count as ends of statements except inside brackets and behind a backslash, as in Python, from which
/// the format comes; comments run from # to the end of the line wherever they stand outside a string.
/// </summary>
internal sealed class XenConfigLexer(string text, string where)
{
    private int _offset;
    private int _line = 1;
    private int _lineStart;
    private int _depth;

    private XenConfigPosition Here => new(_line, _offset - _lineStart + 1);

    /// <summary>Reads the next token; after the end, answers the end again.</summary>
    public XenConfigToken Next()
    {
        SkipBlanks();
        var position = Here;
        if (_offset >= text.Length)
        {
            return new XenConfigToken(XenConfigTokenKind.EndOfText, "", position);
        }

        var c = text[_offset];
        switch (c)
        {
            case '\n':
                NewLine();
                return new XenConfigToken(XenConfigTokenKind.EndOfStatement, "end of line", position);
            case '\'' or '"':
                return new XenConfigToken(XenConfigTokenKind.Text, ReadString(c, position), position);
            case '+' when _offset + 1 < text.Length && text[_offset + 1] == '=':
                return Take(XenConfigTokenKind.PlusEquals, 2, position);
            case '[':
                _depth++;
                return Take(XenConfigTokenKind.OpenList, 1, position);
            case ']':
                _depth = Math.Max(0, _depth - 1);
                return Take(XenConfigTokenKind.CloseList, 1, position);
            case '=' when _offset + 1 < text.Length && text[_offset + 1] == '=':
                return Take(XenConfigTokenKind.Other, 2, position);
            case '=':
                return Take(XenConfigTokenKind.Equals, 1, position);
            case ',':
                return Take(XenConfigTokenKind.Comma, 1, position);
            case ';':
                return Take(XenConfigTokenKind.EndOfStatement, 1, position);
        }

        if (char.IsAsciiDigit(c) || (c is '-' && _offset + 1 < text.Length && char.IsAsciiDigit(text[_offset + 1])))
        {
            return Take(XenConfigTokenKind.Number, CountWhile(1, static d => char.IsAsciiLetterOrDigit(d) || d == '.'), position);
        }

        return char.IsAsciiLetter(c) || c == '_'
            ? Take(XenConfigTokenKind.Name, CountWhile(1, static d => char.IsAsciiLetterOrDigit(d) || d is '_' or '.'), position)
            : Take(XenConfigTokenKind.Other, 1, position);
    }

    private void SkipBlanks()
    {
        while (_offset < text.Length)
        {
            var c = text[_offset];
            if (c is ' ' or '\t' or '\r' or '\f' or '\uFEFF')
            {
                _offset++;
            }
            else if (c == '#')
            {
                while (_offset < text.Length && text[_offset] != '\n')
                {
                    _offset++;
                }
            }
            else if (c == '\n' && _depth > 0)
            {
                NewLine();
            }
            else if (c == '\\' && LineEndsAt(_offset + 1, out var end))
            {
                _offset = end;
                NewLine();
            }
            else
            {
                return;
            }
        }
    }

    private bool LineEndsAt(int offset, out int newline)
    {
        newline = offset < text.Length && text[offset] == '\r' ? offset + 1 : offset;
        return newline < text.Length && text[newline] == '\n';
    }

    private void NewLine()
    {
        _offset++;
        _line++;
        _lineStart = _offset;
    }

    private int CountWhile(int count, Func<char, bool> belongs)
    {
        while (_offset + count < text.Length && belongs(text[_offset + count]))
        {
            count++;
        }

        return count;
    }

    private XenConfigToken Take(XenConfigTokenKind kind, int length, XenConfigPosition position)
    {
        var taken = text.Substring(_offset, length);
        _offset += length;
        return new XenConfigToken(kind, taken, position);
    }

    private string ReadString(char quote, XenConfigPosition start)
    {
        var triple = _offset + 2 < text.Length && text[_offset + 1] == quote && text[_offset + 2] == quote;
        _offset += triple ? 3 : 1;
        var content = new StringBuilder();
        while (true)
        {
            if (_offset >= text.Length)
            {
                throw Error("a string that begins here is not closed", start);
            }

            var c = text[_offset];
            if (c == quote && (!triple || EndsTriple(quote)))
            {
                _offset += triple ? 3 : 1;
                return content.ToString();
            }

            if (c == '\0')
            {
                throw Error("a NUL character inside a string", Here);
            }

            if (c == '\n')
            {
                if (!triple)
                {
                    throw Error($"a string that begins here is not closed with {quote} on its line", start);
                }

                content.Append('\n');
                NewLine();
            }
            else if (c == '\\')
            {
                ReadEscape(content);
            }
            else
            {
                content.Append(c);
                _offset++;
            }
        }
    }

    private bool EndsTriple(char quote) => _offset + 2 < text.Length && text[_offset + 1] == quote && text[_offset + 2] == quote;

    // libxlu_cfg_l.l and Python agree on these escapes; what neither knows is kept with its backslash, as Python does.
    private void ReadEscape(StringBuilder content)
    {
        if (LineEndsAt(_offset + 1, out var end))
        {
            _offset = end;
            NewLine();
            return;
        }

        var next = _offset + 1 < text.Length ? text[_offset + 1] : throw Error("the text ends behind a backslash", Here);
        const string names = "abfnrtv\\'\"";
        const string values = "\a\b\f\n\r\t\v\\'\"";
        var known = names.IndexOf(next, StringComparison.Ordinal);
        if (known >= 0)
        {
            content.Append(values[known]);
            _offset += 2;
        }
        else if (next == 'x' && _offset + 3 < text.Length
            && byte.TryParse(text.AsSpan(_offset + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) && hex != 0)
        {
            content.Append((char)hex);
            _offset += 4;
        }
        else
        {
            content.Append('\\').Append(next == '\n' ? "" : next);
            _offset += 2;
        }
    }

    private DiagnosticException Error(string message, XenConfigPosition position) => XenDiagnostics.Syntax.ToException(message, $"{where}:{position}");
}
