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

    /// <summary>The script with the target's names of the guest's disks: one that nobody's generator wrote may name its root itself, and look at no root= of the boot menu.</summary>
    public static string WithTargetNames(string script, PlanningContext context) => Lines.Map(script, line => line.TrimStart().StartsWith('#') ? line : Device().Replace(line, match =>
        context.Devices.Resolve(match.Value) is { BuiltOn.IsEmpty: true } volume ? context.Devices.TargetName(volume) : match.Value));

    [GeneratedRegex(@"(?<![A-Za-z0-9_./-])/dev/(sd|hd|xvd|vd)[a-z]{1,2}[0-9]{0,3}(?![A-Za-z0-9_./-])", RegexOptions.CultureInvariant)]
    private static partial Regex Device();

    [GeneratedRegex(@"^#!\s*(/\S*/)?(env\s+)?(sh|ash|bash|dash|busybox\s+(sh|ash)|mksh|ksh)\b", RegexOptions.CultureInvariant)]
    private static partial Regex Shebang();
}
