using Rehost.Model;

namespace Rehost.Hypervisors.Xen.Dumps;

/// <summary>An S-expression of xend: a word, or a list whose first element is its name.</summary>
/// <param name="Word">The word; null for a list.</param>
/// <param name="Items">Elements of a list.</param>
internal sealed record Sxp(string? Word, IReadOnlyList<Sxp> Items)
{
    private const int Deepest = 32;
    private const int Most = 200_000;

    /// <summary>Name of a list: its first word.</summary>
    public string? Name => Items.Count > 0 ? Items[0].Word : null;

    /// <summary>The second element of the first list of that name, when it is a word.</summary>
    public string? Text(string name) => Child(name) is { Items: [_, { Word: { } word }, ..] } && word.Length > 0 ? word : null;

    /// <summary>The first list of that name.</summary>
    public Sxp? Child(string name) => Items.FirstOrDefault(item => item.Name == name);

    /// <summary>Reads the expressions of a text (xend's sxp.py: words, quotes of both kinds with backslashes, parentheses).</summary>
    /// <exception cref="DiagnosticException">XEN015.</exception>
    public static IReadOnlyList<Sxp> Read(string text, string where)
    {
        var stack = new Stack<List<Sxp>>([[]]);
        var total = 0;
        for (var at = 0; at < text.Length;)
        {
            var letter = text[at];
            if (char.IsWhiteSpace(letter))
            {
                at++;
                continue;
            }

            if (++total > Most)
            {
                throw XenDiagnostics.TooLarge.ToException($"more than {Most} words and lists", where);
            }

            switch (letter)
            {
                case '(' when stack.Count <= Deepest:
                    stack.Push([]);
                    at++;
                    break;
                case '(':
                    throw XenDiagnostics.BadDump.ToException($"more than {Deepest} lists inside of one another", where);
                case ')' when stack.Count == 1:
                    throw XenDiagnostics.BadDump.ToException($"a list ends at character {at} that did not begin", where);
                case ')':
                    var done = stack.Pop();
                    stack.Peek().Add(new Sxp(null, done));
                    at++;
                    break;
                default:
                    stack.Peek().Add(new Sxp(letter is '"' or '\'' ? Quoted(text, ref at, where) : Plain(text, ref at), []));
                    break;
            }
        }

        return stack.Count == 1 ? stack.Pop() : throw XenDiagnostics.BadDump.ToException($"{stack.Count - 1} lists do not end", where);
    }

    private static string Plain(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && !char.IsWhiteSpace(text[at]) && text[at] is not ('(' or ')'))
        {
            at++;
        }

        return text[start..at];
    }

    private static string Quoted(string text, ref int at, string where)
    {
        var (quote, start) = (text[at++], at);
        var word = new System.Text.StringBuilder();
        for (; at < text.Length; at++)
        {
            if (text[at] == quote)
            {
                at++;
                return word.ToString();
            }

            word.Append(text[at] == '\\' && at + 1 < text.Length ? text[++at] : text[at]);
        }

        throw XenDiagnostics.BadDump.ToException($"the quoted word at character {start} does not end", where);
    }
}
