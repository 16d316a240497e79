using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>The first block of the log (jbd2, "struct journal_superblock_s"; all fields big-endian), checked.</summary>
internal sealed class JournalSuperblock
{
    /// <summary>Bytes of the structure, whatever the block size.</summary>
    public const int Size = 1024;

    /// <summary>What every block of the log that is not content starts with.</summary>
    public const uint Magic = 0xC03B3998;

    private const uint VersionOne = 3;
    private const uint VersionTwo = 4;
    private const uint CompatChecksum = 0x1;
    private const uint IncompatRevoke = 0x1;
    private const uint Incompat64Bit = 0x2;
    private const uint IncompatAsyncCommit = 0x4;
    private const uint IncompatChecksumV2 = 0x8;
    private const uint IncompatChecksumV3 = 0x10;
    private const uint IncompatFastCommit = 0x20;
    private const uint IncompatKnown = IncompatRevoke | Incompat64Bit | IncompatAsyncCommit | IncompatChecksumV2 | IncompatChecksumV3 | IncompatFastCommit;
    private const byte ChecksumTypeCrc32C = 4;
    private const uint DefaultFastCommitBlocks = 256;
    private const uint MinimumLogBlocks = 1024;
    private const int SequenceOffset = 0x18;
    private const int StartOffset = 0x1C;
    private const int ErrorOffset = 0x20;
    private const int ChecksumOffset = 0xFC;

    private readonly byte[] _raw;

    private JournalSuperblock(byte[] raw) => _raw = raw;

    /// <summary>Blocks of the whole journal, the area of fast commits included.</summary>
    public uint MaximumLength { get; private init; }

    /// <summary>First block of the log proper.</summary>
    public uint First { get; private init; }

    /// <summary>The block after the last one of the log proper, where it wraps.</summary>
    public uint Last { get; private init; }

    /// <summary>Transaction expected at <see cref="Start"/>.</summary>
    public uint Sequence { get; private init; }

    /// <summary>Where the log begins; 0 when it is empty.</summary>
    public uint Start { get; private init; }

    /// <summary>The error that the kernel recorded; 0 when none.</summary>
    public int Error => BinaryPrimitives.ReadInt32BigEndian(_raw.AsSpan(ErrorOffset));

    /// <summary>Block numbers have 64 bits.</summary>
    public bool Has64Bit { get; private init; }

    /// <summary>Commit blocks carry a CRC over descriptors and content.</summary>
    public bool HasChecksumV1 { get; private init; }

    /// <summary>Tags carry 16 bits of checksum.</summary>
    public bool HasChecksumV2 { get; private init; }

    /// <summary>Tags carry 32 bits of checksum and have their own format.</summary>
    public bool HasChecksumV3 { get; private init; }

    /// <summary>Descriptors, revoke and commit blocks are checksummed.</summary>
    public bool HasBlockChecksums => HasChecksumV2 || HasChecksumV3;

    /// <summary>A commit block may reach the disk before what it commits.</summary>
    public bool HasAsyncCommit { get; private init; }

    /// <summary>An area of fast commits follows the log.</summary>
    public bool HasFastCommit { get; private init; }

    /// <summary>Where checksums start: the CRC of the journal's UUID.</summary>
    public uint ChecksumSeed { get; private init; }

    /// <summary>Parses and checks.</summary>
    /// <param name="raw">At least <see cref="Size"/> bytes from the journal's first block.</param>
    /// <param name="blockSize">The file system's block size, which the journal's must be.</param>
    /// <param name="mappedBlocks">Blocks that the journal inode has.</param>
    public static JournalSuperblock Parse(ReadOnlySpan<byte> raw, int blockSize, long mappedBlocks)
    {
        raw = raw[..Size];
        var magic = Get(raw, 0);
        var type = Get(raw, 4);
        Demand(magic == Magic, "magic", magic, $"0x{Magic:x8}");
        Demand(type is VersionOne or VersionTwo, "type", type, "3 or 4");
        Demand(Get(raw, 0xC) == (uint)blockSize, "block size", Get(raw, 0xC), $"{blockSize}, the file system's");

        var (compat, incompat) = type == VersionTwo ? (Get(raw, 0x24), Get(raw, 0x28)) : (0u, 0u);
        var readOnlyCompat = type == VersionTwo ? Get(raw, 0x2C) : 0;
        if ((incompat & ~IncompatKnown) != 0 || readOnlyCompat != 0)
        {
            throw ExtJournalDiagnostics.Unsupported.ToException($"incompatible features 0x{incompat & ~IncompatKnown:x}, read-only compatible features 0x{readOnlyCompat:x} are unknown", "journal superblock");
        }

        var (v2, v3) = ((incompat & IncompatChecksumV2) != 0, (incompat & IncompatChecksumV3) != 0);
        var v1 = (compat & CompatChecksum) != 0;
        Demand((v1 ? 1 : 0) + (v2 ? 1 : 0) + (v3 ? 1 : 0) <= 1, "number of checksum versions", incompat, "one of v1, v2 and v3");
        if (v2 || v3)
        {
            Demand(raw[0x50] == ChecksumTypeCrc32C, "checksum type", raw[0x50], "4 (CRC-32C)");
            var computed = JournalChecksum.Crc32CWithout(JournalChecksum.Start, raw, ChecksumOffset);
            Demand(Get(raw, ChecksumOffset) == computed, "checksum", Get(raw, ChecksumOffset), $"0x{computed:x8}");
        }

        var (maximum, first, start) = (Get(raw, 0x10), Get(raw, 0x14), Get(raw, StartOffset));
        Demand(maximum >= 2 && maximum <= mappedBlocks, "length in blocks", maximum, $"2 to {mappedBlocks}, what the journal inode has");
        var fastCommit = (incompat & IncompatFastCommit) != 0;
        var last = maximum;
        if (fastCommit)
        {
            // jbd2 ignores an area that would leave the log too short.
            var fastCommitBlocks = Get(raw, 0x54) is var count and not 0 ? count : DefaultFastCommitBlocks;
            last = maximum >= fastCommitBlocks && maximum - fastCommitBlocks >= MinimumLogBlocks ? maximum - fastCommitBlocks : maximum;
        }

        Demand(first >= 1 && first < last, "first block", first, $"1 to {last - 1}");
        Demand(start == 0 || (start >= first && start < last), "start", start, $"0 or {first} to {last - 1}");
        return new JournalSuperblock(raw.ToArray())
        {
            MaximumLength = maximum,
            First = first,
            Last = last,
            Sequence = Get(raw, SequenceOffset),
            Start = start,
            Has64Bit = (incompat & Incompat64Bit) != 0,
            HasChecksumV1 = v1,
            HasChecksumV2 = v2,
            HasChecksumV3 = v3,
            HasAsyncCommit = (incompat & IncompatAsyncCommit) != 0,
            HasFastCommit = fastCommit,
            ChecksumSeed = ExtChecksum.Crc32C(JournalChecksum.Start, raw.Slice(0x30, 16)),
        };
    }

    /// <summary>The bytes of an empty log, as recovery leaves it: start 0 and the given next transaction, error forgotten (it goes to the file system's superblock).</summary>
    public byte[] ToEmpty(uint nextSequence)
    {
        var raw = _raw.ToArray();
        BinaryPrimitives.WriteUInt32BigEndian(raw.AsSpan(SequenceOffset), nextSequence);
        BinaryPrimitives.WriteUInt32BigEndian(raw.AsSpan(StartOffset), 0);
        BinaryPrimitives.WriteInt32BigEndian(raw.AsSpan(ErrorOffset), 0);
        if (HasBlockChecksums)
        {
            BinaryPrimitives.WriteUInt32BigEndian(raw.AsSpan(ChecksumOffset), JournalChecksum.Crc32CWithout(JournalChecksum.Start, raw, ChecksumOffset));
        }

        return raw;
    }

    private static uint Get(ReadOnlySpan<byte> raw, int offset) => BinaryPrimitives.ReadUInt32BigEndian(raw[offset..]);

    private static void Demand(bool holds, string field, uint found, string needed)
    {
        if (!holds)
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"{field} is {found} (0x{found:x}), needed {needed}", "journal superblock");
        }
    }
}
