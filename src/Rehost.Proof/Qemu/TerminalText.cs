using System.Globalization;
using System.Text;

namespace Rehost.Proof.Qemu;

/// <summary>Guest output made fit for a terminal, a report or a pattern: a hostile guest must not be able to move the cursor, retitle or reprogram it.</summary>
public static class TerminalText
{
    private enum State
    {
        Text,
        Escape,
        ControlSequence,
        String,
        StringEscape,
    }

    /// <summary>Removes escape sequences (ECMA-48: CSI, OSC, DCS …), control characters and text direction overrides; keeps tabs and newlines.</summary>
    /// <param name="text">What the guest wrote.</param>
    public static string Strip(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var plain = new StringBuilder(text.Length);
        var state = State.Text;
        foreach (var c in text)
        {
            state = state switch
            {
                State.Escape => AfterEscape(c),
                State.ControlSequence => c == '\e' ? State.Escape : c is >= '@' and <= '~' || c == '\n' ? State.Text : State.ControlSequence,
                State.String => c is '\a' or '\u009c' or '\n' ? State.Text : c == '\e' ? State.StringEscape : State.String,
                State.StringEscape => c == '\\' ? State.Text : State.String,
                _ => InText(c, plain),
            };
        }

        return plain.ToString();
    }

    private static State AfterEscape(char c) => c switch
    {
        '[' => State.ControlSequence,
        ']' or 'P' or 'X' or '^' or '_' => State.String,
        >= ' ' and <= '/' => State.Escape,
        _ => State.Text,
    };

    private static State InText(char c, StringBuilder plain)
    {
        switch (c)
        {
            case '\e':
                return State.Escape;
            case '\u009b':
                return State.ControlSequence;
            case '\t' or '\n':
                plain.Append(c);
                break;
            default:
                if (CharUnicodeInfo.GetUnicodeCategory(c) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator))
                {
                    plain.Append(c);
                }

                break;
        }

        return State.Text;
    }
}
