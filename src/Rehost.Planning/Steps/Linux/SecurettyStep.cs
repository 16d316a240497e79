using System.Collections.Immutable;

namespace Rehost.Planning.Steps.Linux;

/// <summary>/etc/securetty: where root may log in.</summary>
internal sealed class SecurettyStep : ConversionStep
{
    private const string Path = "/etc/securetty";

    public override string Id => "securetty";

    public override string Title => "Root login on the serial line";

    public override string Description => "Where securetty is in use and lets root log in on Xen's console, it lets root log in on the serial line of the target. A guest that forbids root on its console keeps forbidding it.";

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
        if (!terminals.Contains("hvc0") && !terminals.Contains("xvc0") && !terminals.Contains("console"))
        {
            context.Skip("root may not log in on Xen's console either");
            return;
        }

        var missing = new[] { context.Target.SerialConsole, "tty1" }.Where(terminal => !terminals.Contains(terminal));
        context.SetText(Path, Lines.Append(text, missing), "Root could log in on Xen's console, and may do so on the target's.");
        context.Skip("the target's terminals are listed already");
    }
}
