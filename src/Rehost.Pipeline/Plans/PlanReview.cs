using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>A plan document for those who look at it.</summary>
/// <param name="Plan">The plan as it stands.</param>
/// <param name="MadeDigest">Digest when it was made.</param>
/// <param name="Digest">Digest as it stands.</param>
/// <param name="Edits">What was edited in between.</param>
/// <param name="SignedOff">The sign-off that is in it; null for none.</param>
/// <param name="IsSignOffValid">Whether that is for the plan as it stands.</param>
public sealed record PlanReview(ConversionPlan Plan, string MadeDigest, string Digest, PlanEdits Edits, SignOff? SignedOff, bool IsSignOffValid)
{
    /// <summary>Looks at a document.</summary>
    public static PlanReview Of(PlanDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        var digest = PlanDocumentText.DigestOf(document);
        return new PlanReview(document.Plan, document.Digest, digest, PlanEdits.Of(document), document.SignedOff, document.SignedOff?.Digest == digest);
    }
}
