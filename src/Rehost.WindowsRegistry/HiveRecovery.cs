namespace Rehost.WindowsRegistry;

/// <summary>What was taken from a hive's logs when it was opened.</summary>
/// <param name="Entries">Log entries applied; a log of the old format counts as one.</param>
/// <param name="Pages">Pages of the hive that were replaced.</param>
/// <param name="LastSequence">The sequence number of the last one.</param>
public sealed record HiveRecovery(int Entries, int Pages, uint LastSequence);
