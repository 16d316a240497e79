using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Rehost.Model;

namespace Rehost.Pipeline.Plans;

/// <summary>
/// A plan as a document of its own: made by one run, reviewed, edited and signed off by people, applied by another run exactly as it stands. It says what was seen of the guest, so that a
/// guest that changed meanwhile is refused (docs/plans.md, docs/plan.schema.json).
/// </summary>
public sealed record PlanDocument
{
    /// <summary>What <see cref="Kind"/> says.</summary>
    public const string DocumentKind = "rehost-plan";

    /// <summary>The version of this form that is written and read.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Where the schema is, for editors; means nothing to Rehost.</summary>
    [JsonPropertyName("$schema")]
    public string? Schema { get; init; }

    /// <summary>Tells a plan from other JSON: rehost-plan.</summary>
    public required string Kind { get; init; }

    /// <summary>Version of this document's form.</summary>
    public required int FormatVersion { get; init; }

    /// <summary>Version of Rehost that made the plan.</summary>
    public required string MadeBy { get; init; }

    /// <summary>The guest as it was seen.</summary>
    public required SeenGuest Seen { get; init; }

    /// <summary>The plan: what is to be reviewed and may be edited.</summary>
    public required ConversionPlan Plan { get; init; }

    /// <summary>What the plan was before anybody edited it.</summary>
    public required MadePlan Made { get; init; }

    /// <summary>SHA-256 over everything but itself and <see cref="SignedOff"/>, when the plan was made. An edited plan has another; it keeps this one.</summary>
    public required string Digest { get; init; }

    /// <summary>Who answers for the plan as it stands; null for nobody.</summary>
    public SignOff? SignedOff { get; init; }
}

/// <summary>A guest as planning saw it.</summary>
public sealed record SeenGuest
{
    /// <summary>Kind of the source: xva, ovf, libvirt, vmx, xen, sr, disk.</summary>
    public required string SourceKind { get; init; }

    /// <summary>Its disks in order.</summary>
    public required ImmutableArray<SeenDisk> Disks { get; init; }

    /// <summary>SHA-256 of each part of the facts that the plan was made from: storage, kernels, boot menus, network, and so on.</summary>
    public required ImmutableSortedDictionary<string, string> Facts { get; init; }

    /// <summary>Every file that a step read or that a change touches, by its guest path.</summary>
    public required ImmutableSortedDictionary<string, SeenFile> Files { get; init; }
}

/// <summary>A disk by which a guest is known.</summary>
public sealed record SeenDisk
{
    /// <summary>The disk, see <see cref="VirtualDisk.Id"/>.</summary>
    public required string Id { get; init; }

    /// <summary>Bytes.</summary>
    public required long LengthBytes { get; init; }

    /// <summary>How it is divided.</summary>
    public required PartitionScheme Scheme { get; init; }

    /// <summary>MBR signature or GPT id; null when unpartitioned.</summary>
    public string? TableId { get; init; }

    /// <summary>What lies on it: "xvda1 ext4 UUID", one for each volume.</summary>
    public ImmutableArray<string> Volumes { get; init; } = [];
}

/// <summary>What was at a guest path.</summary>
public enum SeenKind
{
    /// <summary>Nothing.</summary>
    Absent,

    /// <summary>Regular file.</summary>
    File,

    /// <summary>Symbolic link; hash and length are those of the file that it leads to.</summary>
    Link,

    /// <summary>Directory; the hash is over names and kinds of what is in it, or over its files where the plan reads them all.</summary>
    Directory,

    /// <summary>Anything else.</summary>
    Other,
}

/// <summary>A guest path as it was seen. Of files that hold secrets there is no hash.</summary>
/// <param name="Kind">What was there.</param>
/// <param name="LengthBytes">Bytes of a file.</param>
/// <param name="Sha256">SHA-256 of its content.</param>
/// <param name="Target">Where a link leads.</param>
public sealed record SeenFile(SeenKind Kind, long? LengthBytes = null, string? Sha256 = null, string? Target = null);

/// <summary>A plan before it was edited.</summary>
public sealed record MadePlan
{
    /// <summary>SHA-256 of the plan without its steps: machine, options, target, findings.</summary>
    public required string PlanSha256 { get; init; }

    /// <summary>Its changes in order.</summary>
    public required ImmutableArray<MadeChange> Changes { get; init; }
}

/// <summary>A change as it was made.</summary>
/// <param name="StepId">The step.</param>
/// <param name="Kind">Kind of change as in the document: editFile.</param>
/// <param name="Subject">What it changes.</param>
/// <param name="Sha256">SHA-256 of the whole change.</param>
public sealed record MadeChange(string StepId, string Kind, string Subject, string Sha256);

/// <summary>A sign-off.</summary>
/// <param name="By">Who.</param>
/// <param name="Note">What they say; null for nothing.</param>
/// <param name="Digest">SHA-256 of the document that they mean, see <see cref="PlanDocument.Digest"/>; it is that of the edited one.</param>
public sealed record SignOff(string By, string? Note, string Digest);
