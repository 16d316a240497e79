using System.Collections.Immutable;
using System.Text;
using Rehost.Model;

namespace Rehost.Hypervisors.Xen;

/// <summary>
/// Parses the syntax of xl.cfg(5), which is the part of Python that xm's configurations used: assignments of strings, numbers and lists. It is not a
/// Python interpreter; a statement or expression is refused with its place (XEN002). Tolerated beyond xl: triple quotes, strings side by side, line
/// continuation with a backslash, True, False and None, and xl's own <c>+=</c>.
/// </summary>
public sealed class XenConfigParser
{
    /// <summary>The longest text that is read. Real ones have a few kilobytes.</summary>
    public const int MaximumLength = 1 << 20;

    private const int MaximumDepth = 16;
    private const int MaximumValues = 20_000;
    private const int MaximumAdditions = 256;

    private static readonly string[] s_pythonKeywords =
        ["import", "from", "if", "elif", "else", "for", "while", "def", "class", "try", "except", "with", "return", "print", "exec", "lambda", "del", "pass", "raise", "global", "assert", "not"];

    private readonly XenConfigLexer _lexer;
    private readonly string _where;
    private XenConfigToken _token;
    private int _values;
    private int _additions;

    private XenConfigParser(string text, string where)
    {
        _lexer = new XenConfigLexer(text, where);
        _where = where;
        _token = _lexer.Next();
    }

    /// <summary>Parses a configuration.</summary>
    /// <param name="text">Its text.</param>
    /// <param name="where">Name of the file, for messages.</param>
    /// <returns>All settings in order; a name may occur twice, and then the last one counts.</returns>
    /// <exception cref="DiagnosticException">XEN001 (syntax), XEN002 (Python code) or XEN003 (too large).</exception>
    public static ImmutableArray<XenConfigSetting> Parse(string text, string where)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length <= MaximumLength
            ? new XenConfigParser(text, where).ParseSettings()
            : throw XenDiagnostics.TooLarge.ToException($"{text.Length} characters; at most {MaximumLength} are read", where);
    }

    private ImmutableArray<XenConfigSetting> ParseSettings()
    {
        var settings = ImmutableArray.CreateBuilder<XenConfigSetting>();
        while (_token.Kind != XenConfigTokenKind.EndOfText)
        {
            if (_token.Kind == XenConfigTokenKind.EndOfStatement)
            {
                Advance();
                continue;
            }

            ParseSetting(settings);
            if (_token.Kind is not (XenConfigTokenKind.EndOfStatement or XenConfigTokenKind.EndOfText))
            {
                throw IsExpression(_token)
                    ? Error(XenDiagnostics.Python, $"an expression: '{_token.Text}' behind a value")
                    : Error(XenDiagnostics.Syntax, $"found {Describe(_token)} where the line should end");
            }
        }

        return settings.ToImmutable();
    }

    private void ParseSetting(ImmutableArray<XenConfigSetting>.Builder settings)
    {
        var name = _token;
        if (name.Kind != XenConfigTokenKind.Name)
        {
            throw Error(XenDiagnostics.Syntax, $"found {Describe(name)} where a setting 'name = value' should begin");
        }

        if (s_pythonKeywords.Contains(name.Text, StringComparer.Ordinal))
        {
            throw Error(XenDiagnostics.Python, $"a Python statement: '{name.Text}'");
        }

        Advance();
        if (_token.Kind is not (XenConfigTokenKind.Equals or XenConfigTokenKind.PlusEquals))
        {
            throw _token is { Kind: XenConfigTokenKind.Other } or { Kind: XenConfigTokenKind.OpenList }
                ? Error(XenDiagnostics.Python, $"a Python statement: '{name.Text} {_token.Text}'")
                : Error(XenDiagnostics.Syntax, $"found {Describe(_token)} behind '{name.Text}' where '=' is needed");
        }

        var adds = _token.Kind == XenConfigTokenKind.PlusEquals;
        Advance();
        var value = ParseValue(0);
        if (adds && settings.LastOrDefault(earlier => earlier.Name == name.Text) is { } before)
        {
            // Each one copies what was there: the limit keeps a hostile text from making that quadratic.
            value = ++_additions <= MaximumAdditions
                ? Append(before.Value, value)
                : throw Error(XenDiagnostics.TooLarge, $"more than {MaximumAdditions} settings with '+='");
            settings.Remove(before);
        }

        settings.Add(new XenConfigSetting(name.Text, value, name.Position));
    }

    private XenConfigValue ParseValue(int depth)
    {
        if (++_values > MaximumValues)
        {
            throw Error(XenDiagnostics.TooLarge, $"more than {MaximumValues} values");
        }

        var start = _token;
        switch (start.Kind)
        {
            case XenConfigTokenKind.OpenList:
                return depth < MaximumDepth ? ParseList(depth + 1) : throw Error(XenDiagnostics.TooLarge, $"lists nested deeper than {MaximumDepth}");
            case XenConfigTokenKind.Number:
                Advance();
                return new XenConfigText(start.Text, start.Position);
            case XenConfigTokenKind.Text:
                return ParseText();
            case XenConfigTokenKind.Name when start.Text is "True" or "False" or "None":
                Advance();
                return new XenConfigText(start.Text switch { "True" => "1", "False" => "0", _ => "" }, start.Position);
            case XenConfigTokenKind.Name:
                throw Error(XenDiagnostics.Python, $"'{start.Text}' is not a value: a string needs quotes, and names and calls of functions are Python");
            case XenConfigTokenKind.Other when start.Text is "(" or "{" or "%" or "+" or "-":
                throw Error(XenDiagnostics.Python, $"an expression that begins with '{start.Text}'");
            default:
                throw Error(XenDiagnostics.Syntax, $"found {Describe(start)} where a value is needed");
        }
    }

    private XenConfigText ParseText()
    {
        var start = _token.Position;
        var content = new StringBuilder();
        while (_token.Kind == XenConfigTokenKind.Text)
        {
            content.Append(_token.Text);
            Advance();
        }

        return new XenConfigText(content.ToString(), start);
    }

    private XenConfigList ParseList(int depth)
    {
        var start = _token.Position;
        var items = ImmutableArray.CreateBuilder<XenConfigValue>();
        Advance();
        while (_token.Kind != XenConfigTokenKind.CloseList)
        {
            items.Add(ParseValue(depth));
            if (_token.Kind == XenConfigTokenKind.Comma)
            {
                Advance();
            }
            else if (_token.Kind == XenConfigTokenKind.EndOfText)
            {
                throw XenDiagnostics.Syntax.ToException("the list that begins here is not closed with ']'", $"{_where}:{start}");
            }
            else if (_token.Kind != XenConfigTokenKind.CloseList)
            {
                throw IsExpression(_token)
                    ? Error(XenDiagnostics.Python, $"an expression: '{_token.Text}' behind a value")
                    : Error(XenDiagnostics.Syntax, $"found {Describe(_token)} inside a list where ',' or ']' is needed");
            }
        }

        Advance();
        return new XenConfigList(items.ToImmutable(), start);
    }

    private static XenConfigValue Append(XenConfigValue before, XenConfigValue added) => (before, added) switch
    {
        (XenConfigList first, XenConfigList second) => first with { Items = first.Items.AddRange(second.Items) },
        (XenConfigText first, XenConfigText second) => first with { Text = first.Text + second.Text },
        (XenConfigList first, XenConfigText second) => first with { Items = first.Items.Add(second) },
        _ => added,
    };

    private static bool IsExpression(XenConfigToken token) =>
        token.Kind is XenConfigTokenKind.OpenList or XenConfigTokenKind.PlusEquals
        || (token.Kind == XenConfigTokenKind.Other && token.Text is "+" or "%" or "*" or "/" or "-" or "(" or "." or "==" or "<" or ">")
        || (token.Kind == XenConfigTokenKind.Name && token.Text is "if" or "for" or "in" or "or" or "and" or "is");

    private static string Describe(XenConfigToken token) => token.Kind switch
    {
        XenConfigTokenKind.EndOfText => "the end of the text",
        XenConfigTokenKind.EndOfStatement => token.Text == ";" ? "';'" : "the end of the line",
        XenConfigTokenKind.Text => "a string",
        _ => $"'{(char.IsControl(token.Text[0]) ? FormattableString.Invariant($"\\x{(int)token.Text[0]:x2}") : token.Text)}'",
    };

    private void Advance() => _token = _lexer.Next();

    private DiagnosticException Error(DiagnosticDescriptor kind, string message) => kind.ToException(message, $"{_where}:{_token.Position}");
}
