using Rehost.Blocks;

namespace Rehost.Pipeline;

/// <summary>Whether and how a run goes on with what an earlier one left.</summary>
/// <param name="Resumes">Whether the operator asked for it.</param>
/// <param name="Interval">Bytes between two records of the journal; null for the usual.</param>
/// <param name="Witness">Told of every write, for tests of faults.</param>
internal sealed record Resumption(bool Resumes, long? Interval = null, IWriteWitness? Witness = null)
{
    /// <summary>All that decides what a conversion writes; set once the guest's edits are made.</summary>
    public string Identity { get; init; } = "";
}
