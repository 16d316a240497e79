using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Rehost.Model;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/inittab: logins on the target's console and screen.</summary>
internal sealed partial class InittabStep : ConversionStep
{
    private const string Path = "/etc/inittab";

    public override string Id => "inittab";

    public override string Title => "Login terminals in inittab";

    public override string Description =>
        "A getty on another hypervisor's console (hvc0, xvc0; ttyS0 on Xen PV) fails and is respawned for ever on the target. Its line moves to the target's console, and the screen gets a getty where it " +
        "has none; on KVM, the serial line gets one too. On Xen, where no line names the console, one is added; the lines for tty1 to tty6 are commented out for kernels without a screen there. " +
        "Lines for the screen that XenServer's tools commented out come back away from Xen.";

    public override ImmutableArray<string> Requirements => ["S0.48", "S1.37", "S2.15", "X.6"];

    public override ImmutableArray<string> Reads => [Path];

    public override void Plan(PlanningContext context)
    {
        if (context.Text(Path) is not { } text)
        {
            context.Skip("the guest has no inittab");
            return;
        }

        var isInUse = context.Facts.OperatingSystem.Init is InitSystem.SysVinit or InitSystem.OpenRc;
        var isXen = context.Target.IsXenNative;
        var edited = MoveLines(isInUse && !isXen ? RestoreScreen(text) : text, context);
        if (isInUse)
        {
            edited = isXen ? ForXen(edited, context) : ForSerial(ForScreen(edited, context.Target), context);
        }

        context.SetText(Path, edited, "The console of the old hypervisor does not exist on the target; logins are offered on the target's own.");
        context.Skip("no line names the console of another hypervisor");
    }

    private static string MoveLines(string text, PlanningContext context)
    {
        var target = context.Target;
        var isTaken = ActiveLines(text).Any(line => Names(line, target.SerialConsole));
        return Lines.Map(text, line =>
        {
            if (IsComment(line) || !Terminal().Matches(line).Any(match => Consoles.IsStale(match.Value, target)))
            {
                return line;
            }

            // Two gettys on one terminal fight for it.
            if (isTaken)
            {
                return "#" + line;
            }

            isTaken = true;
            return Terminal().Replace(line, match => Consoles.IsStale(match.Value, target) ? target.SerialConsole : match.Value);
        });
    }

    private static string RestoreScreen(string text)
        => Lines.Map(text, line => Commented().Match(line) is { Success: true } comment && !ActiveLines(text).Any(active => Names(active, comment.Groups["terminal"].Value)) ? comment.Groups["line"].Value : line);

    private static string ForScreen(string text, TargetCapabilities target)
    {
        if (ActiveLines(text).Any(line => Names(line, "tty1")) || ActiveLines(text).FirstOrDefault(line => Names(line, target.SerialConsole)) is not { } model)
        {
            return text;
        }

        var line = FreeId(text) + model[model.IndexOf(':', StringComparison.Ordinal)..].Replace(target.SerialConsole, "tty1", StringComparison.Ordinal).Replace(" -L", "", StringComparison.Ordinal);
        return Lines.Append(text, [line]);
    }

    // The kernel's console is the serial line: there must be a login where its messages go (X.6). mingetty knows no serial lines; the forms are those of the distributions' own comments and manuals.
    private static string ForSerial(string text, PlanningContext context)
    {
        var terminal = context.Target.SerialConsole;
        var line = context.Facts.OperatingSystem.Family switch
        {
            DistributionFamily.RedHat or DistributionFamily.Mageia => $"co:2345:respawn:/sbin/agetty {terminal} 115200 vt100-nav",
            DistributionFamily.Suse => $"S0:12345:respawn:/sbin/agetty -L 115200 {terminal} vt102",
            DistributionFamily.Debian => $"T0:23:respawn:/sbin/getty -L {terminal} 115200 vt100",
            DistributionFamily.Gentoo => $"s0:12345:respawn:/sbin/agetty -L 115200 {terminal} vt100",
            DistributionFamily.Alpine => $"{terminal}::respawn:/sbin/getty -L {terminal} 115200 vt100",
            _ => null,
        };
        var id = line?[..line.IndexOf(':', StringComparison.Ordinal)];
        return line is null || !context.Target.HasSerialConsole || ActiveLines(text).Any(active => Names(active, terminal) || active.StartsWith(id + ":", StringComparison.Ordinal)) ? text : Lines.Append(text, [line]);
    }

    private static string ForXen(string text, PlanningContext context)
    {
        var console = context.Target.SerialConsole;
        var screen = ActiveLines(text).FirstOrDefault(line => ScreenLine().IsMatch(line));
        var edited = text;
        if (!ActiveLines(text).Any(line => Names(line, console)) && screen is not null)
        {
            // As the guest itself has it for its screen: "co:2345:respawn:/sbin/mingetty xvc0" (S0.48, S2.15).
            edited = Lines.Append(text, ["co" + screen[screen.IndexOf(':', StringComparison.Ordinal)..].Replace("tty1", console, StringComparison.Ordinal)]);
        }

        var hasNoScreen = TargetFit.DefaultKernel(context.Facts, context.Target) is { RequiresXen: true };
        return hasNoScreen ? Lines.Map(edited, line => ScreenLine().IsMatch(line) ? "#" + line : line) : edited;
    }

    private static string FreeId(string text)
        => Enumerable.Range(1, 9).Select(number => $"{number}").First(candidate => !ActiveLines(text).Any(line => line.StartsWith(candidate + ":", StringComparison.Ordinal)));

    private static bool Names(string line, string terminal) => Regex.IsMatch(line, $@"[\s/]{Regex.Escape(terminal)}(\s|$)", RegexOptions.CultureInvariant);

    private static bool IsComment(string line) => line.TrimStart().StartsWith('#');

    private static IEnumerable<string> ActiveLines(string text) => Lines.Of(text).Where(line => line.Contains(':', StringComparison.Ordinal) && !IsComment(line));

    [GeneratedRegex(@"\b(hvc0|xvc0|ttyS[0-9])\b", RegexOptions.CultureInvariant)]
    private static partial Regex Terminal();

    [GeneratedRegex(@"^#\s*(?<line>[1-6]:[0-9]+:respawn:\S*getty\s.*\b(?<terminal>tty[1-6])\b.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex Commented();

    [GeneratedRegex(@"^[^#:]+:[^:]*:respawn:\S*getty\s.*\btty[1-6]\b", RegexOptions.CultureInvariant)]
    private static partial Regex ScreenLine();
}
