using System.Globalization;
using System.Text;

namespace Rehost.Model;

/// <summary>
/// Text that comes from a guest, an image or a configuration is somebody else's. Before it is shown, on a terminal or in a report, what would steer the reader's eye or his
/// terminal is made visible: control characters (ESC among them), line ends, marks that turn the direction of writing, characters without any width, and bytes that were no text.
/// </summary>
public static class PrintableText
{
    /// <summary>Makes a text safe to show.</summary>
    /// <param name="text">What somebody else wrote.</param>
    /// <param name="keepLines">Whether line ends and tabs stay: for texts that have lines of their own.</param>
    public static string Clean(string text, bool keepLines = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (IsPlain(text, keepLines))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length + 16);
        for (var at = 0; at < text.Length;)
        {
            var isWhole = Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length) == System.Buffers.OperationStatus.Done;
            if (!isWhole)
            {
                clean.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[at]:x4}");
            }
            else if (IsHarmless(rune, keepLines))
            {
                clean.Append(text.AsSpan(at, length));
            }
            else if (GuestText.TryGetRawByte(rune.Value, out var raw))
            {
                clean.Append(CultureInfo.InvariantCulture, $"\\x{raw:x2}");
            }
            else
            {
                clean.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}");
            }

            at += length;
        }

        return clean.ToString();
    }

    /// <summary>Whether a character is shown as itself and steers nothing.</summary>
    internal static bool IsHarmless(Rune rune, bool keepLines)
        => (keepLines && (rune.Value is '\n' or '\t'))
        || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned);

    private static bool IsPlain(string text, bool keepLines)
    {
        foreach (var letter in text)
        {
            if (letter is < ' ' or > '~' && !(keepLines && (letter is '\n' or '\t')))
            {
                return false;
            }
        }

        return true;
    }
}
