using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning.Steps.Windows;

/// <summary>A stop screen that stays.</summary>
internal sealed class CrashControlStep : WindowsStep
{
    public override string Id => "windows-crash-control";

    public override string Title => "No restart after a stop screen";

    public override string Description =>
        "A guest that stops at its first start would restart for ever, and nobody could read why. AutoReboot is switched off in every control set until the first good start, which switches it on again.";

    public override ImmutableArray<string> Requirements => ["S3.11"];

    public override ImmutableArray<string> Reads => [@"HKLM\SYSTEM\ControlSet*\Control\CrashControl"];

    protected override void Plan(PlanningContext context, WindowsFacts windows, RegistryView registry)
    {
        foreach (var key in windows.ControlSets.Select(set => $@"{set.Key}\Control\CrashControl").Where(key => registry.Number(key, "AutoReboot") is not (null or 0)))
        {
            registry.Set(key, "AutoReboot", RegistryData.OfNumber(0), "The text of a stop at the first start must stay on the screen; the first good start sets it back.");
        }

        context.Skip("it is off already");
    }
}
