using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>One entry of a descriptor block: the next block of the log is content for this block of the file system.</summary>
/// <param name="Target">Block of the file system.</param>
/// <param name="Flags">Escaped, same UUID, last.</param>
/// <param name="Checksum">Checksum of the content, as wide as the format has it.</param>
internal readonly record struct JournalTag(ulong Target, uint Flags, uint Checksum)
{
    /// <summary>Bytes of the header of descriptors, revoke and commit blocks.</summary>
    public const int HeaderSize = 12;

    /// <summary>Bytes of the checksum at the end of descriptors and revoke blocks.</summary>
    public const int TailSize = 4;

    private const uint FlagEscape = 0x1;
    private const uint FlagSameUuid = 0x2;
    private const uint FlagLast = 0x8;
    private const int UuidSize = 16;

    /// <summary>Content began with the journal's magic, which was replaced by zeros so that it is not taken for a block of the log itself.</summary>
    public bool IsEscaped => (Flags & FlagEscape) != 0;

    /// <summary>
    /// Tags of a descriptor block. Sizes as jbd2's journal_tag_bytes has them: 16 for checksum v3; else 8, plus 4 with 64bit, plus 2 with checksum v2 (which jbd2 adds
    /// although the checksum has its place within the 8).
    /// </summary>
    public static List<JournalTag> ParseAll(ReadOnlySpan<byte> descriptor, JournalSuperblock journal)
    {
        var size = journal.HasChecksumV3 ? 16 : 8 + (journal.Has64Bit ? 4 : 0) + (journal.HasChecksumV2 ? 2 : 0);
        var end = descriptor.Length - (journal.HasBlockChecksums ? TailSize : 0);
        var tags = new List<JournalTag>();
        for (var at = HeaderSize; at + size <= end;)
        {
            var raw = descriptor.Slice(at, size);
            ulong target = BinaryPrimitives.ReadUInt32BigEndian(raw);
            uint flags;
            uint checksum;
            if (journal.HasChecksumV3)
            {
                flags = BinaryPrimitives.ReadUInt32BigEndian(raw[4..]);
                checksum = BinaryPrimitives.ReadUInt32BigEndian(raw[12..]);
            }
            else
            {
                checksum = BinaryPrimitives.ReadUInt16BigEndian(raw[4..]);
                flags = BinaryPrimitives.ReadUInt16BigEndian(raw[6..]);
            }

            if (journal.Has64Bit)
            {
                target |= (ulong)BinaryPrimitives.ReadUInt32BigEndian(raw[8..]) << 32;
            }

            tags.Add(new JournalTag(target, flags, checksum));
            at += size + ((flags & FlagSameUuid) == 0 ? UuidSize : 0);
            if ((flags & FlagLast) != 0)
            {
                break;
            }
        }

        return tags;
    }

    /// <summary>Whether content is what was logged; true when the format has no checksum.</summary>
    public bool Verify(ReadOnlySpan<byte> content, uint sequence, JournalSuperblock journal)
    {
        if (!journal.HasBlockChecksums)
        {
            return true;
        }

        Span<byte> sequenceBytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(sequenceBytes, sequence);
        var crc = ExtChecksum.Crc32C(ExtChecksum.Crc32C(journal.ChecksumSeed, sequenceBytes), content);
        return Checksum == (journal.HasChecksumV3 ? crc : crc & 0xFFFF);
    }
}
