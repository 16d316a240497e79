namespace Rehost.Inspection.Linux;

/// <summary>Files of sections and keys: systemd units, .network files, NetworkManager's keyfiles. A key may stand several times.</summary>
internal static class IniFile
{
    /// <summary>Section, key and value of every assignment, in order.</summary>
    public static IEnumerable<(string Section, string Key, string Value)> Parse(string text)
    {
        var section = "";
        foreach (var (_, line) in GuestLines.Effective(text, "#;"))
        {
            if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1];
                continue;
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
            {
                yield return (section, line[..equals].Trim(), line[(equals + 1)..].Trim());
            }
        }
    }
}
