using System.Globalization;
using Rehost.Model;

namespace Rehost.Volumes.Lvm2;

/// <summary>Parser of LVM's metadata text: sections in braces, numbers, texts in quotes, lists in brackets, comments from # to the end of the line.</summary>
internal sealed class MetadataParser
{
    private const int MaximumDepth = 16;
    private const int MaximumItems = 2_000_000;
    private readonly string _text;
    private int _position;
    private int _items;

    private MetadataParser(string text) => _text = text;

    /// <summary>Parses a text.</summary>
    /// <exception cref="DiagnosticException">It has another grammar (VOL005).</exception>
    public static MetadataSection Parse(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        var parser = new MetadataParser(GuestText.Decode(end < 0 ? bytes : bytes[..end]));
        var root = new MetadataSection("");
        parser.ParseBody(root, 0);
        return root;
    }

    private void ParseBody(MetadataSection section, int depth)
    {
        if (depth > MaximumDepth)
        {
            throw Fail($"sections are nested deeper than {MaximumDepth}");
        }

        while (true)
        {
            SkipBlanks();
            if (_position == _text.Length)
            {
                if (depth > 0)
                {
                    throw Fail($"section '{section.Name}' does not end");
                }

                return;
            }

            if (_text[_position] == '}')
            {
                if (depth == 0)
                {
                    throw Fail("a brace closes nothing");
                }

                _position++;
                return;
            }

            ParseItem(section, depth);
        }
    }

    private void ParseItem(MetadataSection section, int depth)
    {
        Count();
        var key = _text[_position] == '"' ? ParseText() : ParseWord();
        SkipBlanks();
        if (TryTake('{'))
        {
            var inner = new MetadataSection(key);
            ParseBody(inner, depth + 1);
            section.Add(inner);
            return;
        }

        if (!TryTake('='))
        {
            throw Fail($"'{key}' is followed by neither = nor a brace");
        }

        SkipBlanks();
        section.Add(key, TryTake('[') ? ParseList() : [ParseValue()]);
    }

    private MetadataValue[] ParseList()
    {
        var values = new List<MetadataValue>();
        while (true)
        {
            SkipBlanks();
            if (TryTake(']'))
            {
                return [.. values];
            }

            if (values.Count > 0)
            {
                if (!TryTake(','))
                {
                    throw Fail("a list goes on without a comma");
                }

                SkipBlanks();
                if (TryTake(']'))
                {
                    return [.. values];
                }
            }

            Count();
            values.Add(ParseValue());
        }
    }

    private MetadataValue ParseValue()
    {
        if (_position < _text.Length && _text[_position] == '"')
        {
            return new MetadataValue(ParseText(), 0);
        }

        var word = ParseWord();
        if (long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return new MetadataValue(null, number);
        }

        // A fraction, a bare word: nothing that is needed has one, so it is kept as text.
        return new MetadataValue(word, 0);
    }

    private string ParseText()
    {
        var start = ++_position;
        var hasEscape = false;
        while (_position < _text.Length && _text[_position] != '"')
        {
            hasEscape |= _text[_position] == '\\';
            _position += _text[_position] == '\\' ? 2 : 1;
        }

        if (_position >= _text.Length)
        {
            throw Fail("a text in quotes does not end");
        }

        var text = _text[start.._position++];
        return hasEscape ? text.Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal) : text;
    }

    private string ParseWord()
    {
        var start = _position;
        while (_position < _text.Length && !char.IsWhiteSpace(_text[_position]) && _text[_position] is not ('=' or '{' or '}' or '[' or ']' or ',' or '"' or '#'))
        {
            _position++;
        }

        return _position > start ? _text[start.._position] : throw Fail("a name or a value is missing");
    }

    private void SkipBlanks()
    {
        while (_position < _text.Length && (char.IsWhiteSpace(_text[_position]) || _text[_position] == '#'))
        {
            if (_text[_position] == '#')
            {
                var end = _text.IndexOf('\n', _position);
                _position = end < 0 ? _text.Length : end;
            }
            else
            {
                _position++;
            }
        }
    }

    private bool TryTake(char letter)
    {
        if (_position < _text.Length && _text[_position] == letter)
        {
            _position++;
            return true;
        }

        return false;
    }

    private void Count()
    {
        if (++_items > MaximumItems)
        {
            throw Fail($"there are more than {MaximumItems} items");
        }
    }

    private DiagnosticException Fail(string what) => VolumeDiagnostics.Damaged.ToException($"{what} (character {_position})", "LVM metadata");
}
