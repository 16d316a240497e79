using System.Collections.Immutable;
using Rehost.Model;
using Rehost.Transfer;

namespace Rehost.Pipeline.Images;

/// <summary>What became of a conversion's target.</summary>
/// <param name="Digest">Of the disk; null when the target was not compared with it.</param>
/// <param name="Sizes">Bytes of the file or files, and what they take on the host.</param>
/// <param name="ResumedBytes">Bytes of the disk that an earlier run had written.</param>
/// <param name="Findings">What the operator should know.</param>
internal sealed record WrittenImage(ContentDigest? Digest, (long FileBytes, long StoredBytes) Sizes, long ResumedBytes, ImmutableArray<Diagnostic> Findings);
