using System.Globalization;
using System.Text;

namespace Rehost.Planning;

/// <summary>Unified diffs (POSIX diff -u, three lines of context) of short texts.</summary>
public static class UnifiedDiff
{
    private const int Context = 3;

    /// <summary>The diff of one file; empty when the texts are equal.</summary>
    public static string Create(string path, string before, string after)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (before == after)
        {
            return "";
        }

        var script = Align(Split(before), Split(after));
        var output = new StringBuilder();
        output.Append(CultureInfo.InvariantCulture, $"--- a{path}\n+++ b{path}\n");
        for (var start = 0; start < script.Count;)
        {
            var first = script.FindIndex(start, line => line.Mark != ' ');
            if (first < 0)
            {
                break;
            }

            var last = first;
            for (var i = first; i < script.Count && i - last <= 2 * Context; i++)
            {
                last = script[i].Mark == ' ' ? last : i;
            }

            var from = Math.Max(start, first - Context);
            var to = Math.Min(script.Count - 1, last + Context);
            AppendHunk(output, script, from, to);
            start = to + 1;
        }

        return output.ToString();
    }

    private static void AppendHunk(StringBuilder output, List<Line> script, int from, int to)
    {
        var hunk = script.GetRange(from, to - from + 1);
        var oldCount = hunk.Count(line => line.Mark != '+');
        var newCount = hunk.Count(line => line.Mark != '-');
        var oldStart = script.Take(from).Count(line => line.Mark != '+') + (oldCount > 0 ? 1 : 0);
        var newStart = script.Take(from).Count(line => line.Mark != '-') + (newCount > 0 ? 1 : 0);
        output.Append(CultureInfo.InvariantCulture, $"@@ -{oldStart},{oldCount} +{newStart},{newCount} @@\n");
        foreach (var line in hunk)
        {
            output.Append(line.Mark).Append(line.Text);
            if (!line.Text.EndsWith('\n'))
            {
                output.Append("\n\\ No newline at end of file\n");
            }
        }
    }

    private static List<string> Split(string text)
    {
        var lines = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf('\n', start);
            end = end < 0 ? text.Length : end + 1;
            lines.Add(text[start..end]);
            start = end;
        }

        return lines;
    }

    // A longest common subsequence after cutting equal head and tail; quadratic only in the changed middle.
    private static List<Line> Align(List<string> before, List<string> after)
    {
        var head = 0;
        while (head < before.Count && head < after.Count && before[head] == after[head])
        {
            head++;
        }

        var tail = 0;
        while (tail < before.Count - head && tail < after.Count - head && before[^(tail + 1)] == after[^(tail + 1)])
        {
            tail++;
        }

        var script = before.Take(head).Select(text => new Line(' ', text)).ToList();
        AlignMiddle(before.GetRange(head, before.Count - head - tail), after.GetRange(head, after.Count - head - tail), script);
        script.AddRange(before.Skip(before.Count - tail).Select(text => new Line(' ', text)));
        return script;
    }

    private static void AlignMiddle(List<string> before, List<string> after, List<Line> script)
    {
        if ((long)before.Count * after.Count > 16_000_000)
        {
            script.AddRange(before.Select(text => new Line('-', text)));
            script.AddRange(after.Select(text => new Line('+', text)));
            return;
        }

        var length = new int[before.Count + 1, after.Count + 1];
        for (var i = before.Count - 1; i >= 0; i--)
        {
            for (var j = after.Count - 1; j >= 0; j--)
            {
                length[i, j] = before[i] == after[j] ? length[i + 1, j + 1] + 1 : Math.Max(length[i + 1, j], length[i, j + 1]);
            }
        }

        int a = 0, b = 0;
        while (a < before.Count || b < after.Count)
        {
            if (a < before.Count && b < after.Count && before[a] == after[b])
            {
                script.Add(new Line(' ', before[a++]));
                b++;
            }
            else if (b >= after.Count || (a < before.Count && length[a + 1, b] >= length[a, b + 1]))
            {
                script.Add(new Line('-', before[a++]));
            }
            else
            {
                script.Add(new Line('+', after[b++]));
            }
        }
    }

    private readonly record struct Line(char Mark, string Text);
}
