using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>
/// The area after the log where ext4 records small changes between full commits (feature fast_commit, off by default). Replaying it means redoing directory and inode
/// operations; instead Rehost tells whether there is anything to replay, and then refuses.
/// </summary>
internal static class FastCommitArea
{
    private const ushort TagTail = 8;
    private const ushort TagHead = 9;
    private const int TagSize = 4;

    /// <summary>
    /// Whether the area holds a complete commit that belongs after the given transaction: a head with its number and a tail with the same. The tail's checksum is not
    /// looked at, so that in doubt the answer is yes.
    /// </summary>
    public static bool HasCommit(JournalSuperblock journal, JournalBlocks blocks, uint sequence, CancellationToken cancellationToken)
    {
        if (!journal.HasFastCommit || journal.Last >= journal.MaximumLength)
        {
            return false;
        }

        // jbd2 starts the area one block after the log's end; looking at that block too does no harm.
        var buffer = new byte[blocks.BlockSize];
        var headSeen = false;
        for (var block = journal.Last; block < journal.MaximumLength; block++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            blocks.Read(block, buffer);
            for (var at = 0; at + TagSize <= buffer.Length;)
            {
                var tag = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at));
                int length = BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 2));
                at += TagSize;
                if (tag is 0 or > TagHead || at + length > buffer.Length)
                {
                    break;
                }

                // struct ext4_fc_head: features, tid. struct ext4_fc_tail: tid, crc.
                headSeen |= tag == TagHead && length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at + 4)) == sequence;
                if (headSeen && tag == TagTail && length >= 8 && BinaryPrimitives.ReadUInt32LittleEndian(buffer.AsSpan(at)) == sequence)
                {
                    return true;
                }

                at += length;
            }
        }

        return false;
    }
}
