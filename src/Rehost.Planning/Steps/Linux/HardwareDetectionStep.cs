using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace Rehost.Planning.Steps.Linux;

/// <summary>Kudzu of Red Hat 3 to 5, which asks questions at the console when the hardware has changed.</summary>
internal sealed partial class HardwareDetectionStep : ConversionStep
{
    public override string Id => "hardware-detection";

    public override string Title => "Hardware detection at boot";

    public override string Description =>
        "Kudzu of Red Hat 3 to 5 compares the hardware with what it noted, waits at the console for an answer, and rewrites modprobe.conf and the network configuration. All hardware of a moved machine is new: " +
        "its start links are removed, which chkconfig kudzu on undoes.";

    public override ImmutableArray<string> Requirements => ["S2.32"];

    public override ImmutableArray<string> Reads => ["/etc/rc.d/rc[2345].d/S*kudzu", "/etc/rc[2345].d/S*kudzu"];

    public override void Plan(PlanningContext context)
    {
        foreach (var link in context.Facts.Files.Keys.Where(path => StartLink().IsMatch(path)).ToList())
        {
            context.Delete(link, "All hardware of the target is new to kudzu, which would wait at the console and rewrite the network configuration.");
        }

        context.Skip("the guest has no kudzu that starts at boot");
    }

    [GeneratedRegex(@"^/etc/(rc\.d/)?rc[2345]\.d/S[0-9]{2}kudzu$", RegexOptions.CultureInvariant)]
    private static partial Regex StartLink();
}
