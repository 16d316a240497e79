namespace Rehost.Transfer;

/// <summary>What a difference contradicts.</summary>
public enum DeltaMismatchKind
{
    /// <summary>The target is no longer what was written.</summary>
    TargetDiffersFromManifest,

    /// <summary>The target differs from the source outside of the ranges that were changed on purpose.</summary>
    TargetDiffersFromSource,

    /// <summary>The target holds something where free space was left out.</summary>
    FreedIsNotZero,
}
