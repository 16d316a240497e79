using System.Buffers.Binary;

namespace Rehost.FileSystems.Ext.Journal;

/// <summary>
/// Reads the log from its start to the last committed transaction and works out what the file system should hold: for each block the last content that no later
/// transaction revoked. The outcome is that of jbd2's three passes (scan, revoke, replay), in one pass: a revoke record of transaction N takes back what N and those before
/// it logged, so it can be applied when N's commit is met. Only the blocks that the log can hold are remembered, so memory is bounded by its length.
/// </summary>
internal sealed class JournalLog
{
    /// <summary>16 GiB of metadata in blocks of 4 KiB; mke2fs makes journals of at most 1 GiB by itself.</summary>
    private const int MaximumPending = 1 << 22;

    private const uint DescriptorBlock = 1;
    private const uint CommitBlock = 2;
    private const uint RevokeBlock = 5;
    private const int CommitHeaderSize = 0x3C;
    private const int CommitChecksumOffset = 0x10;
    private const int RevokeHeaderSize = 16;

    private readonly JournalSuperblock _journal;
    private readonly JournalBlocks _blocks;
    private readonly Dictionary<ulong, LoggedBlock> _pending = [];
    private readonly List<(JournalTag Tag, uint Block)> _current = [];
    private readonly List<uint> _currentRevokes = [];
    private readonly byte[] _buffer;

    /// <summary>A reader of one log.</summary>
    public JournalLog(JournalSuperblock journal, JournalBlocks blocks)
    {
        _journal = journal;
        _blocks = blocks;
        _buffer = new byte[blocks.BlockSize];
    }

    /// <summary>Committed transactions.</summary>
    public int Transactions { get; private set; }

    /// <summary>The transaction after the last committed one.</summary>
    public uint EndSequence { get; private set; }

    /// <summary>Logged blocks that were revoked.</summary>
    public int Revoked { get; private set; }

    /// <summary>What to write, in order of the file system's blocks.</summary>
    public IEnumerable<(ulong Target, LoggedBlock Source)> Pending => _pending.OrderBy(pair => pair.Key).Select(pair => (pair.Key, pair.Value));

    /// <summary>Reads the log.</summary>
    public void Scan(CancellationToken cancellationToken)
    {
        EndSequence = _journal.Sequence;
        if (_journal.Start == 0)
        {
            return;
        }

        var position = _journal.Start;
        long left = _journal.Last - _journal.First; // a log cannot be longer than its area: a damaged one must not be followed in circles
        var crc = JournalChecksum.Start;
        var suspect = false;
        ulong lastCommitTime = 0;
        while (left-- > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var block = position;
            _blocks.Read(block, _buffer);
            position = Next(position);
            if (Get(0) != JournalSuperblock.Magic || Get(8) != EndSequence)
            {
                return;
            }

            switch (Get(4))
            {
                case DescriptorBlock:
                    // A stale block of an earlier life of the journal may carry the right number (lazy journal initialisation): its commit's time tells.
                    suspect |= !VerifyTail();
                    var tags = JournalTag.ParseAll(_buffer, _journal);
                    if (_current.Count + tags.Count > MaximumPending)
                    {
                        throw TooMuch();
                    }

                    crc = _journal.HasChecksumV1 ? JournalChecksum.Crc32BigEndian(crc, _buffer) : crc;
                    foreach (var tag in tags)
                    {
                        if (--left < 0)
                        {
                            return;
                        }

                        if (_journal.HasChecksumV1)
                        {
                            _blocks.Read(position, _buffer);
                            crc = JournalChecksum.Crc32BigEndian(crc, _buffer);
                        }

                        _current.Add((tag, position));
                        position = Next(position);
                    }

                    break;

                case RevokeBlock:
                    suspect |= !VerifyTail();
                    _currentRevokes.Add(block);
                    break;

                case CommitBlock:
                    var commitTime = BinaryPrimitives.ReadUInt64BigEndian(_buffer.AsSpan(0x30));
                    if (suspect || !VerifyCommit(crc))
                    {
                        if (commitTime < lastCommitTime || (!suspect && _journal.HasAsyncCommit))
                        {
                            return; // an older block, or a commit that was written before its content: the log ends before it
                        }

                        throw ExtJournalDiagnostics.Damaged.ToException($"the checksum of transaction {EndSequence} is wrong", $"journal block {block}");
                    }

                    Commit();
                    lastCommitTime = commitTime;
                    crc = JournalChecksum.Start;
                    break;

                default:
                    return;
            }
        }
    }

    private void Commit()
    {
        foreach (var (tag, block) in _current)
        {
            _pending[tag.Target] = new LoggedBlock(tag, block, EndSequence);
        }

        foreach (var block in _currentRevokes)
        {
            Revoke(block);
        }

        if (_pending.Count > MaximumPending)
        {
            throw TooMuch();
        }

        _current.Clear();
        _currentRevokes.Clear();
        Transactions++;
        unchecked
        {
            EndSequence++;
        }
    }

    private void Revoke(uint block)
    {
        _blocks.Read(block, _buffer);
        var used = Get(12); // bytes, the header included
        var room = _buffer.Length - (_journal.HasBlockChecksums ? JournalTag.TailSize : 0);
        if (used > room)
        {
            throw ExtJournalDiagnostics.Damaged.ToException($"a revoke block uses {used} bytes of {room}", $"journal block {block}");
        }

        var size = _journal.Has64Bit ? 8 : 4;
        for (var at = RevokeHeaderSize; at + size <= used; at += size)
        {
            var record = _buffer.AsSpan(at);
            var target = size == 8 ? BinaryPrimitives.ReadUInt64BigEndian(record) : BinaryPrimitives.ReadUInt32BigEndian(record);
            Revoked += _pending.Remove(target) ? 1 : 0;
        }
    }

    private bool VerifyTail()
    {
        var at = _buffer.Length - JournalTag.TailSize;
        return !_journal.HasBlockChecksums || Get(at) == JournalChecksum.Crc32CWithout(_journal.ChecksumSeed, _buffer, at);
    }

    private bool VerifyCommit(uint crc)
    {
        var found = Get(CommitChecksumOffset);
        if (_journal.HasChecksumV1)
        {
            var (type, size) = (_buffer[0xC], _buffer[0xD]);
            return (type == 1 && size == 4 && found == crc) || (type == 0 && size == 0 && found == 0);
        }

        if (!_journal.HasBlockChecksums)
        {
            return true;
        }

        if (found == JournalChecksum.Crc32CWithout(_journal.ChecksumSeed, _buffer, CommitChecksumOffset))
        {
            return true;
        }

        // All of a commit is in its first sector. As jbd2, accept one of which only that sector reached the disk.
        var onlyHeader = new byte[_buffer.Length];
        _buffer.AsSpan(0, CommitHeaderSize).CopyTo(onlyHeader);
        return found == JournalChecksum.Crc32CWithout(_journal.ChecksumSeed, onlyHeader, CommitChecksumOffset);
    }

    private uint Next(uint position) => position + 1 < _journal.Last ? position + 1 : _journal.First;

    private uint Get(int offset) => BinaryPrimitives.ReadUInt32BigEndian(_buffer.AsSpan(offset));

    private static Model.DiagnosticException TooMuch()
        => ExtJournalDiagnostics.Damaged.ToException($"the log holds more than {MaximumPending} blocks, more than any journal of mke2fs");
}
