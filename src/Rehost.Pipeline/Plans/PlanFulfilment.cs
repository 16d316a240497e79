using System.Security.Cryptography;
using Rehost.FileSystems;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>
/// What a plan that people edited promised, found again in the result. A plan that is made anew of the result wants what the operator dropped or wrote otherwise: that is theirs, and is told as such.
/// </summary>
internal static class PlanFulfilment
{
    /// <summary>The checks.</summary>
    /// <param name="plan">The plan as it was applied.</param>
    /// <param name="document">Its document.</param>
    /// <param name="tree">The files of the result.</param>
    /// <param name="left">What a plan made anew would change.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static IEnumerable<VerificationCheck> Check(ConversionPlan plan, AppliedDocument document, GuestTree tree, IReadOnlyList<Change> left, CancellationToken cancellationToken)
    {
        var edits = document.Edits;
        var who = document.SignedOff is { } signed ? $"signed off by {signed.By}" : "signed off by nobody";
        var wrong = Written(plan).Select(item => Mismatch(item.Path, item.Sha256, tree, cancellationToken)).OfType<string>().ToList();
        yield return wrong.Count == 0
            ? new VerificationCheck("files are as the plan document writes them", CheckOutcome.Passed, $"{Written(plan).Count()} files; the plan was edited ({edits}), {who}")
            : new VerificationCheck("files are as the plan document writes them", CheckOutcome.Failed, string.Join(", ", wrong));

        foreach (var dropped in edits.Dropped)
        {
            var title = $"{dropped.Subject}: dropped by the operator ({dropped.Kind} of {dropped.StepId})";
            if (document.Files.GetValueOrDefault(dropped.Subject) is { } seen && !plan.Changes.Any(dropped.IsAbout))
            {
                var now = GuestWitness.LookAt(dropped.Subject, isWhole: false, tree, cancellationToken);
                yield return new VerificationCheck(title, now == seen ? CheckOutcome.Passed : CheckOutcome.Failed, now == seen ? $"it is as the source had it; {who}" : $"it was {seen.Kind} {seen.Sha256}, and is {now.Kind} {now.Sha256}");
            }
            else
            {
                yield return new VerificationCheck(title, CheckOutcome.NotDone, $"nothing was to be done there; {who}");
            }
        }

        var theirs = edits.Dropped.Concat(edits.Altered).Concat(edits.Added).ToList();
        var ours = left.Where(change => !theirs.Any(edit => edit.StepId == change.StepId || edit.IsAbout(change))).ToList();
        var others = left.Except(ours).Select(change => $"{change.StepId} on {change.Subject}").ToList();
        var detail = $"{plan.Changes.Count()} changes are in the target{(others.Count == 0 ? "" : $"; a plan made anew would want, against the operator's edits: {string.Join(", ", others)}")}";
        yield return ours.Count == 0
            ? new VerificationCheck("nothing of the plan is left to do", CheckOutcome.Passed, detail)
            : new VerificationCheck("nothing of the plan is left to do", CheckOutcome.Failed, string.Join(", ", ours.Select(change => $"{change.StepId} on {change.Subject}")));
    }

    /// <summary>Whether the operator took the boot loader out of a plan.</summary>
    public static bool DroppedBootLoader(AppliedDocument? document) => document?.Edits.Dropped.Any(change => change.Kind is "installBootloader" or "addHelperPartition" or "wrapInPartition" or "shiftPartitions") == true;

    // The last word on each path; what another kind of change makes of it afterwards is not known by its hash.
    private static IEnumerable<(string Path, string? Sha256)> Written(ConversionPlan plan)
    {
        var last = new Dictionary<string, Change>(StringComparer.Ordinal);
        foreach (var change in plan.Changes.Where(change => change is not Relabel))
        {
            last[change.Subject] = change;
        }

        foreach (var change in last.Values)
        {
            if (change is WriteFile or EditFile or DeleteFile)
            {
                yield return (change.Subject, change is WriteFile write ? HashOf(write.Content) : change is EditFile edit ? HashOf(edit.Content) : null);
            }
        }
    }

    private static string? Mismatch(string path, string? sha256, GuestTree tree, CancellationToken cancellationToken)
    {
        var now = GuestWitness.LookAt(path, isWhole: false, tree, cancellationToken);
        return sha256 is null ? now.Kind == SeenKind.Absent ? null : $"{path} is there, and was to be removed"
            : now.Sha256 == sha256 ? null : $"{path} has the SHA-256 {now.Sha256 ?? "of nothing"}, the plan writes {sha256}";
    }

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(GuestText.Encode(text)));
}
