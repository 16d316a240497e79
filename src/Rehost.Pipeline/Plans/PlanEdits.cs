using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>What became of a plan between making and applying it.</summary>
/// <param name="Dropped">Changes that were taken out.</param>
/// <param name="Altered">Changes that are of the same step, kind and subject, and say something else.</param>
/// <param name="Added">Changes that were put in.</param>
/// <param name="IsRestEdited">Whether something else than changes was edited: the target machine, options, findings.</param>
public sealed record PlanEdits(ImmutableArray<EditedChange> Dropped, ImmutableArray<EditedChange> Altered, ImmutableArray<EditedChange> Added, bool IsRestEdited)
{
    /// <summary>Whether anything is not as it was made.</summary>
    public bool IsEdited => !Dropped.IsEmpty || !Altered.IsEmpty || !Added.IsEmpty || IsRestEdited;

    /// <summary>Compares a document's plan with what it was.</summary>
    public static PlanEdits Of(PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var now = document.Plan.Changes.Select(PlanDocumentText.Describe).ToList();
        var gone = document.Made.Changes.ToList();
        var other = now.Where(change => !gone.Remove(change)).ToList();
        var altered = ImmutableArray.CreateBuilder<EditedChange>();
        var added = ImmutableArray.CreateBuilder<EditedChange>();
        foreach (var change in other)
        {
            var before = gone.FindIndex(one => one.StepId == change.StepId && one.Kind == change.Kind && one.Subject == change.Subject);
            (before >= 0 ? altered : added).Add(EditedChange.Of(change));
            if (before >= 0)
            {
                gone.RemoveAt(before);
            }
        }

        return new PlanEdits([.. gone.Select(EditedChange.Of)], altered.ToImmutable(), added.ToImmutable(), PlanDocumentText.HashOfRest(document.Plan) != document.Made.PlanSha256);
    }

    /// <summary>One line for people.</summary>
    public override string ToString()
    {
        var parts = new List<string>();
        void Add(string what, ImmutableArray<EditedChange> changes)
        {
            if (!changes.IsEmpty)
            {
                parts.Add($"{what}: {string.Join(", ", changes)}");
            }
        }

        Add("dropped", Dropped);
        Add("altered", Altered);
        Add("added", Added);
        if (IsRestEdited)
        {
            parts.Add("edited: machine, options or findings");
        }

        return parts.Count == 0 ? "as it was made" : string.Join("; ", parts);
    }
}

/// <summary>A change that an operator touched.</summary>
/// <param name="StepId">The step.</param>
/// <param name="Kind">Kind of change.</param>
/// <param name="Subject">What it changes.</param>
public sealed record EditedChange(string StepId, string Kind, string Subject)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Kind} {Subject} ({StepId})";

    /// <summary>Whether a change is about the same.</summary>
    public bool IsAbout(Change change)
    {
        ArgumentNullException.ThrowIfNull(change);
        return change.Subject == Subject;
    }

    internal static EditedChange Of(MadeChange change) => new(change.StepId, change.Kind, change.Subject);
}

/// <summary>The document that a conversion was made by, in its record.</summary>
/// <param name="MadeDigest">Digest of the plan as it was made.</param>
/// <param name="Digest">Digest of the plan as it was applied.</param>
/// <param name="Edits">What the operator changed in between.</param>
/// <param name="SignedOff">Who answers for it.</param>
/// <param name="Files">What was at the paths of dropped changes.</param>
public sealed record AppliedDocument(string MadeDigest, string Digest, PlanEdits Edits, SignOff? SignedOff, ImmutableSortedDictionary<string, SeenFile> Files);
