namespace Rehost.FileSystems;

/// <summary>Matching of one path component by the shell's rules (glob(7)). Linear in pattern times name, without recursion, because patterns may come from guest files.</summary>
internal static class GuestGlob
{
    /// <summary>Whether a component has any wildcard.</summary>
    public static bool IsPattern(string component) => component.AsSpan().IndexOfAny("*?[") >= 0;

    /// <summary>Whether a name matches.</summary>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name)
    {
        if (name.Length > 0 && name[0] == '.' && (pattern.IsEmpty || pattern[0] != '.'))
        {
            return false;
        }

        int p = 0, n = 0, starPattern = -1, starName = 0;
        while (n < name.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                starPattern = ++p;
                starName = n;
            }
            else if (p < pattern.Length && MatchOne(pattern, p, name[n], out var next))
            {
                p = next;
                n++;
            }
            else if (starPattern >= 0)
            {
                p = starPattern;
                n = ++starName;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*')
        {
            p++;
        }

        return p == pattern.Length;
    }

    private static bool MatchOne(ReadOnlySpan<char> pattern, int position, char c, out int next)
    {
        next = position + 1;
        switch (pattern[position])
        {
            case '?':
                return true;
            case '[' when FindSetEnd(pattern, position) is var end and > 0:
                next = end + 1;
                return MatchSet(pattern[(position + 1)..end], c);
            default:
                return pattern[position] == c;
        }
    }

    /// <summary>The closing bracket, or -1 when the bracket is an ordinary character. A bracket right after the opening (or its "!") belongs to the set.</summary>
    private static int FindSetEnd(ReadOnlySpan<char> pattern, int start)
    {
        var first = start + 1;
        if (first < pattern.Length && pattern[first] is ('!' or '^'))
        {
            first++;
        }

        for (var i = first + 1; i < pattern.Length; i++)
        {
            if (pattern[i] == ']')
            {
                return i;
            }
        }

        return -1;
    }

    private static bool MatchSet(ReadOnlySpan<char> set, char c)
    {
        var negated = set[0] is '!' or '^';
        if (negated)
        {
            set = set[1..];
        }

        for (var i = 0; i < set.Length; i++)
        {
            if (i + 2 < set.Length && set[i + 1] == '-')
            {
                if (c >= set[i] && c <= set[i + 2])
                {
                    return !negated;
                }

                i += 2;
            }
            else if (set[i] == c)
            {
                return !negated;
            }
        }

        return negated;
    }
}
