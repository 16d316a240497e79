using System.Text;
using Rehost.Inspection.Linux;

namespace Rehost.Inspection.Storage;

/// <summary>Lines of fstab (fstab(5)).</summary>
internal static class Fstab
{
    private const int MaximumLines = 4096;

    /// <summary>Lines with device and path, fields unescaped.</summary>
    public static IEnumerable<FstabLine> Parse(string text)
        => GuestLines.Effective(text).Select(line => (line.Number, Fields: GuestLines.Words(line.Text))).Where(line => line.Fields.Length >= 2).Take(MaximumLines)
            .Select(line => new FstabLine(
                line.Number, Unescape(line.Fields[0]), Unescape(line.Fields[1]), line.Fields.Length > 2 ? line.Fields[2] : "auto", line.Fields.Length > 3 ? line.Fields[3] : "defaults"));

    /// <summary>Blanks in a field are written as octal: \040.</summary>
    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
        {
            return field;
        }

        var text = new StringBuilder(field.Length);
        for (var i = 0; i < field.Length; i++)
        {
            if (field[i] == '\\' && i + 3 < field.Length && field.AsSpan(i + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)(((field[i + 1] - '0') * 64) + ((field[i + 2] - '0') * 8) + (field[i + 3] - '0')));
                i += 3;
            }
            else
            {
                text.Append(field[i]);
            }
        }

        return text.ToString();
    }
}
