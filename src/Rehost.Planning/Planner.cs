using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Planning.Windows;

namespace Rehost.Planning;

/// <summary>Makes a plan from facts. Pure: the same facts and options give the same bytes of plan.</summary>
public static class Planner
{
    /// <summary>Guest paths (globs) that the steps look at, sorted; inspection must fill <see cref="GuestFacts.Files"/> with them.</summary>
    public static ImmutableArray<string> Reads { get; } = [.. ConversionSteps.All.SelectMany(step => step.Reads).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Plans the conversion of a guest.</summary>
    public static ConversionPlan Plan(GuestFacts facts, TargetCapabilities target, ConversionOptions options)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(options);
        var plan = Plan(facts, target, options, untouchedBecause: null);
        return facts.Windows is null && ZeroWrite.Reason(facts, plan) is { } reason ? Plan(facts, target, options, reason) : plan;
    }

    private static ConversionPlan Plan(GuestFacts facts, TargetCapabilities target, ConversionOptions options, string? untouchedBecause)
    {
        var fitted = facts.Windows is { } windows
            ? WindowsTargetFit.Choose(facts, windows, target, options)
            : TargetFit.Choose(facts, target, untouchedBecause is null ? options : ZeroWrite.Starting(facts, target, options));
        var context = new PlanningContext(facts, fitted, options) { IsZeroWrite = untouchedBecause is not null };
        if (untouchedBecause is not null)
        {
            ZeroWrite.Report(context, untouchedBecause);
        }

        foreach (var disk in facts.Disks.Where(disk => disk.SectorBytes is not null))
        {
            context.Report(PlanDiagnostics.LargeSectors.Create($"its sectors have {disk.SectorBytes} bytes", disk.DeviceName));
        }

        var outcomes = ConversionSteps.For(facts).Select(context.Run).ToImmutableArray();
        return new ConversionPlan
        {
            Source = facts.Machine,
            Target = TargetMachine.Describe(context, outcomes),
            Capabilities = fitted,
            Options = options,
            UntouchedBecause = untouchedBecause,
            Steps = outcomes,
            Network = [.. context.Network],
            Findings = [.. facts.Findings, .. context.Findings],
            ChecksByHand = [.. context.ChecksByHand],
            HandedOut = TargetMachine.HandedOut(context),
        };
    }
}
