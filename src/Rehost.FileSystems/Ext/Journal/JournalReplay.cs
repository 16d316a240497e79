using Rehost.Blocks;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>Replay of a dirty journal (jbd2).</summary>
internal static class JournalReplay
{
    /// <summary>
    /// Writes what the journal holds to its places, marks the journal as empty, and takes needs_recovery out of the superblock on the device (with its checksum).
    /// The caller re-reads the superblock afterwards, and deals with orphaned inodes.
    /// </summary>
    /// <param name="device">The file system's device, writable.</param>
    /// <param name="superblock">The superblock before replay.</param>
    /// <param name="journal">Where the journal's blocks are on the device, in order, without holes.</param>
    internal static void Replay(IBlockDevice device, ExtSuperblock superblock, IReadOnlyList<BlockRun> journal)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(superblock);
        ArgumentNullException.ThrowIfNull(journal);
        throw ExtDiagnostics.JournalUnusable.ToException("replay is not built in", "journal");
    }
}
