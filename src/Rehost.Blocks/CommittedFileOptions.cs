namespace Rehost.Blocks;

/// <summary>How a <see cref="CommittedFile"/> is kept.</summary>
public sealed record CommittedFileOptions
{
    /// <summary>
    /// Whether flushing waits until the disk has the data. Without it the file is complete for every reader as soon as it has its name, and a power cut
    /// within the next half minute may lose it: what qemu-img convert does by default.
    /// </summary>
    public bool IsDurable { get; init; } = true;

    /// <summary>Whether an unfinished file stays when it is closed, for a later run to go on with.</summary>
    public bool KeepsPartial { get; init; }

    /// <summary>Whether to go on with what an earlier run left, instead of beginning again.</summary>
    public bool ContinuesPartial { get; init; }

    /// <summary>Whether written data leaves the page cache as soon as the disk has it: a copy that is large against the memory would push everything else out.</summary>
    public bool LeavesCache { get; init; }

    /// <summary>Told of everything that is done to the file, for tests of faults; null for nobody. Nothing is shared with other files then.</summary>
    public IWriteWitness? Witness { get; init; }
}
