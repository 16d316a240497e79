using System.Buffers.Binary;
using Rehost.Blocks;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>
/// Recovery of an ext3 or ext4 file system that was not unmounted cleanly: writes what committed transactions of the journal say, empties the log, and clears
/// needs_recovery; what the kernel does when mounting. Everything is read and checked before the first write. Orphaned inodes are left to those who open the file system.
/// </summary>
public static class JournalReplay
{
    private const uint RecoverFeature = 0x4;
    private const ushort StateError = 0x2;

    /// <summary>Whether the file system says that its journal must be replayed.</summary>
    /// <exception cref="Rehost.Model.DiagnosticException">The device holds no ext file system, or a damaged one.</exception>
    public static bool IsNeeded(IBlockDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var superblock = ExtSuperblock.Read(device);
        return superblock.Has(CompatFeatures.HasJournal) && ((uint)superblock.Incompat & RecoverFeature) != 0;
    }

    /// <summary>Recovers the file system on a device; does nothing when it is clean.</summary>
    /// <param name="device">The device; written only when there is something to recover.</param>
    /// <param name="cancellationToken">Stops between blocks; what was written by then stays.</param>
    /// <exception cref="Rehost.Model.DiagnosticException">The journal is damaged (JNL001), on another device (JNL002), or of an unknown kind (JNL003, JNL004). Nothing was written.</exception>
    public static JournalReplayReport Run(IBlockDevice device, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(device);
        var superblock = ExtSuperblock.Read(device);
        if (!superblock.Has(CompatFeatures.HasJournal) || ((uint)superblock.Incompat & RecoverFeature) == 0)
        {
            return JournalReplayReport.Clean;
        }

        if (superblock.JournalInode == 0)
        {
            var uuid = Convert.ToHexStringLower(superblock.Raw.Slice(0xD0, 16));
            throw ExtJournalDiagnostics.External.ToException(
                $"the journal is on device {superblock.JournalDevice >> 8 & 0xFFF}:{superblock.JournalDevice & 0xFF}, UUID {uuid}", "superblock");
        }

        var blocks = JournalInode.Map(device, superblock);
        var first = new byte[superblock.BlockSize];
        blocks.Read(0, first);
        var journal = JournalSuperblock.Parse(first, superblock.BlockSize, blocks.Count);
        var log = new JournalLog(journal, blocks);
        log.Scan(cancellationToken);
        if (journal.Start != 0 && FastCommitArea.HasCommit(journal, blocks, log.EndSequence, cancellationToken))
        {
            throw ExtJournalDiagnostics.FastCommits.ToException($"there are fast commits after transaction {log.EndSequence}", "journal");
        }

        var buffer = new byte[superblock.BlockSize];
        foreach (var (target, source) in log.Pending)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadVerified(journal, blocks, target, source, superblock, buffer);
        }

        var count = 0;
        foreach (var (target, source) in log.Pending)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadVerified(journal, blocks, target, source, superblock, buffer);
            if (source.Tag.IsEscaped)
            {
                BinaryPrimitives.WriteUInt32BigEndian(buffer, JournalSuperblock.Magic);
            }

            device.Write(new GuestOffset((long)target * superblock.BlockSize), buffer);
            count++;
        }

        // As jbd2: the transaction after the last one might have been under way and left blocks with its number in the log, so it is not used again.
        var next = unchecked(log.EndSequence + 1);
        blocks.Write(0, journal.ToEmpty(journal.Start == 0 ? journal.Sequence : next));
        ClearNeedsRecovery(device, journal.Error != 0);
        device.Flush();
        return new JournalReplayReport(true, log.Transactions, count, log.Revoked, journal.Error != 0);
    }

    private static void ReadVerified(JournalSuperblock journal, JournalBlocks blocks, ulong target, LoggedBlock source, ExtSuperblock superblock, byte[] buffer)
    {
        if (target >= superblock.BlocksCount)
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"transaction {source.Sequence} writes block {target} of {superblock.BlocksCount}", $"journal block {source.Block}");
        }

        blocks.Read(source.Block, buffer);
        if (!source.Tag.Verify(buffer, source.Sequence, journal))
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"the checksum of the content for block {target} in transaction {source.Sequence} is wrong", $"journal block {source.Block}");
        }
    }

    /// <summary>The superblock is read again: it may have been in the log itself.</summary>
    private static void ClearNeedsRecovery(IBlockDevice device, bool hadError)
    {
        var raw = new byte[ExtSuperblock.Size];
        device.Read(new GuestOffset(ExtSuperblock.DiskOffset), raw);
        var incompat = BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(ExtSuperblock.IncompatOffset)) & ~RecoverFeature;
        BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(ExtSuperblock.IncompatOffset), incompat);
        if (hadError)
        {
            var state = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(raw.AsSpan(ExtSuperblock.StateOffset)) | StateError);
            BinaryPrimitives.WriteUInt16LittleEndian(raw.AsSpan(ExtSuperblock.StateOffset), state);
        }

        var readOnly = (ReadOnlyFeatures)BinaryPrimitives.ReadUInt32LittleEndian(raw.AsSpan(ExtSuperblock.ReadOnlyOffset));
        if ((readOnly & ReadOnlyFeatures.MetadataChecksum) != 0)
        {
            var checksum = ExtChecksum.Crc32C(uint.MaxValue, raw.AsSpan(0, ExtSuperblock.ChecksumOffset));
            BinaryPrimitives.WriteUInt32LittleEndian(raw.AsSpan(ExtSuperblock.ChecksumOffset), checksum);
        }

        device.Write(new GuestOffset(ExtSuperblock.DiskOffset), raw);
    }
}
