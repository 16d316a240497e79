using System.Collections.Immutable;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/securetty: where root may log in.</summary>
internal sealed class SecurettyStep : ConversionStep
{
    private const string Path = "/etc/securetty";

    public override string Id => "securetty";

    public override string Title => "Root login on the console";

    public override string Description => "Where securetty is in use and lets root log in on the source's console, it lets root log in on that of the target: the serial line, hvc0, xvc0. A guest that forbids root on its console keeps forbidding it.";

    public override ImmutableArray<string> Requirements => ["S0.49", "S1.37"];

    public override ImmutableArray<string> Reads => [Path];

    public override void Plan(PlanningContext context)
    {
        if (context.Text(Path) is not { } text)
        {
            context.Skip("the guest has no securetty");
            return;
        }

        var terminals = Lines.Of(text).Select(line => line.Trim()).ToHashSet(StringComparer.Ordinal);
        var isXen = context.Target.IsXenNative;
        string[] consoles = isXen ? ["hvc0", "xvc0", "console", "tty1", "ttyS0"] : ["hvc0", "xvc0", "console"];
        if (!consoles.Any(terminals.Contains))
        {
            context.Skip("root may not log in on the console of the source either");
            return;
        }

        // Two names on Xen: with the guest's next kernel, the console may get its other name.
        string[] needed = isXen ? [context.Target.SerialConsole, "hvc0"] : [context.Target.SerialConsole, "tty1"];
        var missing = needed.Distinct(StringComparer.Ordinal).Where(terminal => !terminals.Contains(terminal));
        context.SetText(Path, Lines.Append(text, missing), "Root could log in on the console of the source, and may do so on the target's.");
        context.Skip("the target's terminals are listed already");
    }
}
