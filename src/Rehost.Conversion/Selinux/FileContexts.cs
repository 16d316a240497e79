using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;
using Rehost.FileSystems;

namespace Rehost.Conversion.Selinux;

/// <summary>
/// The labels that a policy has for paths: file_contexts with its local additions and substitutions (file_contexts(5), selabel_file(5)). Lines hold an anchored regular expression, a kind, and a context;
/// the last line that matches wins, one without special characters before all others.
/// </summary>
internal sealed class FileContexts
{
    private const int MaximumFile = 16 << 20;
    private static readonly SearchValues<char> Special = SearchValues.Create(@".^$?*+|[({\");
    private readonly List<Line> _lines = [];
    private readonly List<(string From, string To)> _substitutions = [];

    /// <summary>Reads a policy's files from a guest.</summary>
    /// <param name="tree">The guest.</param>
    /// <param name="path">Guest path of file_contexts.</param>
    public static FileContexts Read(GuestTree tree, string path)
    {
        var contexts = new FileContexts();
        foreach (var suffix in (string[])["", ".homedirs", ".local"])
        {
            contexts.AddLines(TextOf(tree, path + suffix));
        }

        foreach (var suffix in (string[])[".subs_dist", ".subs"])
        {
            contexts.AddSubstitutions(TextOf(tree, path + suffix));
        }

        return contexts;
    }

    /// <summary>Adds lines; those of later files win over those of earlier ones.</summary>
    public void AddLines(string text)
    {
        foreach (var raw in text.Split('\n'))
        {
            var fields = raw.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length is 2 or 3 && fields[0][0] != '#')
            {
                _lines.Add(new Line(fields[0], fields.Length == 3 ? fields[1] : "", fields[^1]));
            }
        }
    }

    /// <summary>Adds lines "/usr/lib64 /usr/lib": what lies below the first path is labelled as if it lay below the second.</summary>
    public void AddSubstitutions(string text)
    {
        foreach (var raw in text.Split('\n'))
        {
            var fields = raw.Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 2 && fields[0][0] == '/')
            {
                _substitutions.Add((fields[0], fields[1]));
            }
        }
    }

    /// <summary>The context for a path; null when the policy has none for it or says that it stays as it is.</summary>
    public string? LabelOf(string path, NodeKind kind)
    {
        foreach (var (from, to) in _substitutions)
        {
            if (path == from || path.StartsWith(from + "/", StringComparison.Ordinal))
            {
                path = to + path[from.Length..];
                break;
            }
        }

        var fits = _lines.Where(line => line.Kind.Length == 0 || line.Kind == Letters(kind));
        var label = (fits.LastOrDefault(line => line.IsLiteral && line.Pattern == path) ?? fits.LastOrDefault(line => !line.IsLiteral && line.Matches(path)))?.Context;
        return label is null or "<<none>>" ? null : label;
    }

    private static string TextOf(GuestTree tree, string path)
        => tree.TryResolve(path) is { Kind: NodeKind.File } file && file.Metadata.Length <= MaximumFile ? tree.ReadText(path, MaximumFile) : "";

    private static string Letters(NodeKind kind) => kind switch
    {
        NodeKind.File => "--",
        NodeKind.Directory => "-d",
        NodeKind.SymbolicLink => "-l",
        _ => "?",
    };

    private sealed class Line(string pattern, string kind, string context)
    {
        private const double MostUnrolled = 100_000;
        private readonly string _stem = StemOf(pattern);

        public string Pattern { get; } = pattern.Replace("\\", "", StringComparison.Ordinal);

        public string Kind => kind;

        public string Context => context;

        /// <summary>Backslashes only take the meaning from the character that follows.</summary>
        public bool IsLiteral { get; } = Regex.Replace(pattern, @"\\.", "", RegexOptions.CultureInvariant).AsSpan().IndexOfAny(Special) < 0;

        // The stem is compared first: of thousands of lines a few remain, and only these are worth an expression. NonBacktracking: a guest's expression cannot take for ever.
        public bool Matches(string path)
        {
            if (!path.StartsWith(_stem, StringComparison.Ordinal) || Unrolled(pattern) > MostUnrolled)
            {
                return false;
            }

            try
            {
                return Regex.IsMatch(path, $"^(?:{pattern})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException)
            {
                return false; // No expression that restorecon would take either, or one with look-around: the lines above it decide.
            }
        }

        // Counted repetitions are unrolled when an expression is made ready, nested ones multiplied: 76 characters can ask for gigabytes. Policies count to two or three, if at all.
        private static double Unrolled(string pattern)
        {
            double states = pattern.Length;
            for (var at = pattern.IndexOf('{', StringComparison.Ordinal); at >= 0; at = pattern.IndexOf('{', at + 1))
            {
                var end = pattern.IndexOf('}', at);
                foreach (var bound in end < 0 ? [] : pattern[(at + 1)..end].Split(','))
                {
                    states *= bound.Length > 0 && bound.All(char.IsAsciiDigit) ? Math.Max(1, double.Parse(bound, CultureInfo.InvariantCulture)) : 1;
                }
            }

            return states;
        }

        // What stands before the first special character; a question mark or star makes the character before it optional.
        private static string StemOf(string pattern)
        {
            if (pattern.Contains('|', StringComparison.Ordinal) && !pattern.Contains('(', StringComparison.Ordinal))
            {
                return "";
            }

            var end = pattern.AsSpan().IndexOfAny(Special);
            return end < 0 ? pattern : pattern[end] is '?' or '*' or '{' && end > 0 ? pattern[..(end - 1)] : pattern[..end];
        }
    }
}
