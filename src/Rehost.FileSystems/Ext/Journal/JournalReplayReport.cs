namespace Rehost.FileSystems.Ext.Journal;

/// <summary>What recovery did.</summary>
/// <param name="WasNeeded">Whether the file system was not unmounted cleanly.</param>
/// <param name="Transactions">Committed transactions in the log.</param>
/// <param name="Blocks">Blocks of the file system that were written from the log.</param>
/// <param name="Revoked">Blocks in the log that were not written because a later transaction took them back.</param>
/// <param name="HadError">Whether the kernel had recorded an error in the journal; the file system is then marked as having errors, as the kernel would.</param>
public sealed record JournalReplayReport(bool WasNeeded, int Transactions, int Blocks, int Revoked, bool HadError)
{
    /// <summary>There was nothing to do.</summary>
    internal static readonly JournalReplayReport Clean = new(false, 0, 0, 0, false);
}
