using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/inittab: logins on the target's serial line and screen.</summary>
internal sealed partial class InittabStep : ConversionStep
{
    private const string Path = "/etc/inittab";

    public override string Id => "inittab";

    public override string Title => "Login terminals in inittab";

    public override string Description =>
        "A getty on Xen's console (hvc0, xvc0) fails and is respawned for ever on the target. Its line moves to the serial line, and the screen gets a getty where it " +
        "has none. Lines that XenServer's tools commented out stay commented out.";

    public override ImmutableArray<string> Requirements => ["S0.48", "S1.37", "S2.15", "X.6"];

    public override ImmutableArray<string> Reads => [Path];

    public override void Plan(PlanningContext context)
    {
        if (context.Text(Path) is not { } text)
        {
            context.Skip("the guest has no inittab");
            return;
        }

        var serial = context.Target.SerialConsole;
        var edited = Lines.Map(text, line => line.TrimStart().StartsWith('#') ? line : XenConsole().Replace(line, match => match.Value.Length == 0 ? "" : serial));
        if (context.Facts.OperatingSystem.Init == InitSystem.SysVinit && !ActiveLines(edited).Any(line => line.Contains("tty1", StringComparison.Ordinal))
            && ActiveLines(edited).FirstOrDefault(line => line.Contains(serial, StringComparison.Ordinal)) is { } model)
        {
            var id = Enumerable.Range(1, 9).Select(number => $"{number}").First(candidate => !ActiveLines(edited).Any(line => line.StartsWith(candidate + ":", StringComparison.Ordinal)));
            var line = id + model[model.IndexOf(':', StringComparison.Ordinal)..].Replace(serial, "tty1", StringComparison.Ordinal).Replace(" -L", "", StringComparison.Ordinal);
            edited = Lines.Append(edited, [line]);
        }

        context.SetText(Path, edited, "Xen's console does not exist on the target; logins are offered on the serial line and the screen.");
        context.Skip("no line names Xen's console");
    }

    private static IEnumerable<string> ActiveLines(string text) => Lines.Of(text).Where(line => line.Contains(':', StringComparison.Ordinal) && !line.TrimStart().StartsWith('#'));

    [GeneratedRegex(@"\b(hvc0|xvc0)\b", RegexOptions.CultureInvariant)]
    private static partial Regex XenConsole();
}
