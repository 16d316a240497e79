namespace Rehost.Planning;

/// <summary>Texts as lines that keep their line ends, so that an edited file differs only where it was edited.</summary>
internal static class Lines
{
    /// <summary>Lines without their ends.</summary>
    public static IEnumerable<string> Of(string text) => text.Split('\n');

    /// <summary>Maps each line; a null drops the line.</summary>
    public static string Map(string text, Func<string, string?> map)
    {
        var endsWithNewline = text.EndsWith('\n');
        var lines = (endsWithNewline ? text[..^1] : text).Split('\n').Select(map).Where(line => line is not null);
        return string.Join('\n', lines) + (endsWithNewline ? "\n" : "");
    }

    /// <summary>Appends lines, with a line end before them where the text lacks one.</summary>
    public static string Append(string text, IEnumerable<string> lines)
    {
        var added = string.Concat(lines.Select(line => line + "\n"));
        return added.Length == 0 ? text : text.Length == 0 || text.EndsWith('\n') ? text + added : text + "\n" + added;
    }
}
