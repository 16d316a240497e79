using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>A shell script that starts an initramfs without hooks: one line after the first runs what loads the target's drivers.</summary>
internal static partial class ShellScript
{
    /// <summary>Directory of the modules, and of the script that loads them, which the applier writes.</summary>
    public const string ModulesDirectory = "rehost";

    // The condition keeps the line harmless in whatever image it may be copied to.
    private const string Call = "[ ! -f /rehost/load ] || . /rehost/load";

    /// <summary>Whether a script is one that a shell runs.</summary>
    public static bool IsShell(string script) => Shebang().IsMatch(script);

    /// <summary>The script with the line; unchanged where it has it already.</summary>
    public static string Edit(string script)
    {
        var end = script.IndexOf('\n', StringComparison.Ordinal);
        return script.Contains(Call, StringComparison.Ordinal) ? script : end < 0 ? script + "\n" + Call + "\n" : script[..(end + 1)] + Call + "\n" + script[(end + 1)..];
    }

    [GeneratedRegex(@"^#!\s*(/\S*/)?(env\s+)?(sh|ash|bash|dash|busybox\s+(sh|ash)|mksh|ksh)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Shebang();
}
