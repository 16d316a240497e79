using System.Collections.Immutable;
using Rehost.Conversion.Appliers;
using Rehost.Model;

namespace Rehost.Conversion;

/// <summary>
/// Carries out a plan on overlays: checks every precondition first, then changes files, flushes the file systems, lays out the disks and writes boot loaders. The source stays untouched;
/// when anything fails, the caller throws the overlays away.
/// </summary>
public static class PlanApplier
{
    /// <summary>Carries out all changes of a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="context">The guest and its disks.</param>
    /// <param name="progress">Told of each change before it is made; null when nobody listens.</param>
    /// <param name="cancellationToken">Stops between changes.</param>
    /// <returns>The disks as the target will see them, in the machine's order.</returns>
    /// <exception cref="DiagnosticException">The guest is not as the plan saw it (CNV001 and following): nothing was written. Or a change cannot be made: discard the overlays.</exception>
    public static ImmutableArray<AppliedDisk> Apply(ConversionPlan plan, ApplyContext context, IProgress<Change>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(context);
        if (plan.Findings.FirstOrDefault(finding => finding.Severity == Severity.Error) is { } error)
        {
            throw new DiagnosticException(error);
        }

        var work = plan.Changes.Select(change => (Change: change, Applier: ChangeAppliers.For(change))).ToList();
        foreach (var (change, applier) in work)
        {
            cancellationToken.ThrowIfCancellationRequested();
            applier.Check(change, context);
        }

        foreach (var phase in (ApplyPhase[])[ApplyPhase.Files, ApplyPhase.Layout, ApplyPhase.BootLoader])
        {
            foreach (var (change, applier) in work.Where(item => item.Applier.Phase == phase))
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(change);
                applier.Apply(change, context, cancellationToken);
            }

            if (phase == ApplyPhase.Files)
            {
                // Whoever lays out or copies a disk reads below the file systems.
                context.Tree.Flush();
            }
        }

        return [.. context.Disks.Select(disk => new AppliedDisk(disk.Id, disk.Device, disk.ChangedRanges))];
    }
}
