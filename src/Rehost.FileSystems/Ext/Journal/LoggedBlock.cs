namespace Rehost.FileSystems.Ext.Journal;

/// <summary>Content of a block, in the log.</summary>
/// <param name="Tag">What the descriptor says of it.</param>
/// <param name="Block">Where in the journal it is.</param>
/// <param name="Sequence">The transaction that logged it, which its checksum covers.</param>
internal readonly record struct LoggedBlock(JournalTag Tag, uint Block, uint Sequence);
