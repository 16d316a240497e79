namespace Rehost.Transfer;

/// <summary>The journal of a file that takes several disks, for one of them: what came before counts.</summary>
/// <param name="journal">The file's journal; its writer keeps state, so that nothing is left out.</param>
/// <param name="start">Bytes of the disks before.</param>
public sealed class OffsetJournal(ICopyJournal journal, long start) : ICopyJournal
{
    /// <inheritdoc/>
    public long DurableEnd => 0;

    /// <inheritdoc/>
    public bool WantsSums => false;

    /// <inheritdoc/>
    public void Reached(long end, ulong sum) => journal.Reached(checked(start + end), sum);
}
