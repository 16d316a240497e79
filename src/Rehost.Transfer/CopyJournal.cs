using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Rehost.Blocks;
using Rehost.Blocks.Checksums;
using Rehost.Model;

namespace Rehost.Transfer;

/// <summary>
/// The journal of a copy that can be continued: a header that says of what, and one record for each time that everything written so far was made durable.
/// Every record has a checksum, and the last one that is whole counts; a torn one at the end is what a killed run leaves (docs/formats/journal.md).
/// </summary>
public sealed class CopyJournal : ICopyJournal, IDisposable
{
    private const long CheckpointBytes = 16 << 20;
    private const int HeaderSize = 48; // magic 8, what it is of 32, version 4, CRC-32 4
    private const int RecordSize = 32; // end 8, writes 8, hash 8, zero 4, CRC-32 4
    private const uint Version = 2;
    private const int ReadBackSize = 1 << 20;
    private readonly FileStream _journal;
    private readonly CommittedFile _target;
    private readonly ReplayFile? _replay;
    private readonly long _interval;
    private long _recorded;
    private long _reached;
    private ulong _sum;

    private CopyJournal(FileStream journal, CommittedFile target, Record last, bool isReplayed, long interval)
    {
        _journal = journal;
        _target = target;
        _interval = interval;
        (_recorded, _reached, _sum) = (last.End, last.End, isReplayed ? 0 : last.Hash);
        ResumedBytes = last.End;
        DurableEnd = isReplayed ? 0 : last.End;
        _replay = isReplayed ? new ReplayFile(target, last.Writes, last.Hash) : null;
    }

    private static ReadOnlySpan<byte> Magic => "RHCOPYJ\n"u8;

    /// <summary>Bytes of the disk that an earlier run made durable.</summary>
    public long ResumedBytes { get; }

    /// <inheritdoc/>
    public long DurableEnd { get; }

    /// <inheritdoc/>
    public bool WantsSums => _replay is null;

    /// <summary>Bytes of the disk that are durable now.</summary>
    public long RecordedBytes => _recorded;

    /// <summary>What the image is written through.</summary>
    public IImageFile File => _replay is null ? _target : _replay;

    /// <summary>Whether a journal of a copy, and the unfinished file that it tells of, are there.</summary>
    /// <param name="path">The name that the file will have.</param>
    /// <param name="identity">All that decides what is written: sources, format, options.</param>
    public static bool CanContinue(string path, string identity)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(identity);
        try
        {
            using var journal = new FileStream(PathOf(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return System.IO.File.Exists(path + CommittedFile.PartialSuffix) && ReadRecords(journal, identity) is { Count: > 0 };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether there is a journal of this very copy, whatever became of its file.</summary>
    public static bool IsOf(string path, string identity)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            using var journal = new FileStream(PathOf(path), FileMode.Open, FileAccess.Read, FileShare.Read);
            return ReadRecords(journal, identity) is not null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Whether there is a journal at all.</summary>
    public static bool Exists(string path) => System.IO.File.Exists(PathOf(path));

    /// <summary>Starts a journal, or goes on with the one that <see cref="CanContinue"/> found.</summary>
    /// <param name="target">The file; opened to be kept, and to be continued where an earlier run is.</param>
    /// <param name="identity">All that decides what is written.</param>
    /// <param name="isReplayed">Whether the writer keeps state, so that it must be given everything again.</param>
    /// <param name="interval">Bytes of the disk between two records; null for the usual.</param>
    /// <exception cref="DiagnosticException">The journal cannot be written (BLK004).</exception>
    public static CopyJournal Open(CommittedFile target, string identity, bool isReplayed, long? interval = null)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(identity);
        var path = PathOf(target.Path);
        FileStream? journal = null;
        try
        {
            // A link that somebody planted there is not followed: it goes, and what is new is made and nothing else.
            var isThere = new FileInfo(path) is { Exists: true, LinkTarget: null };
            if (!isThere)
            {
                System.IO.File.Delete(path);
            }

            journal = new FileStream(path, new FileStreamOptions
            {
                Mode = isThere ? FileMode.Open : FileMode.CreateNew,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                BufferSize = 0,
                UnixCreateMode = isThere ? null : UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            if (ReadRecords(journal, identity) is not { } records)
            {
                records = [];
                Write(journal, target.Witness, 0, Header(identity));
            }

            var last = isReplayed ? records.LastOrDefault() : LastThatIsThere(target, records);
            if (!isReplayed && records.Count > 0)
            {
                // What lies behind was not promised, and may hold anything.
                target.SetLength(last.End);
                target.Witness?.SettingLength(journal.Name, HeaderSize + ((records.IndexOf(last) + 1L) * RecordSize));
                journal.SetLength(HeaderSize + ((records.IndexOf(last) + 1L) * RecordSize));
                journal.Position = journal.Length;
            }

            return new CopyJournal(journal, target, last, isReplayed, interval ?? CheckpointBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            journal?.Dispose();
            throw BlockDiagnostics.WriteFailed.ToException($"the journal cannot be used: {e.Message}", path, e);
        }
    }

    /// <inheritdoc/>
    public void Reached(long end, ulong sum)
    {
        if (end <= _reached)
        {
            return; // an earlier run was here
        }

        _reached = end;
        _sum = unchecked(_sum + sum);
        if (end - _recorded >= _interval)
        {
            Checkpoint();
        }
    }

    /// <summary>Makes everything that was reached durable, and records it: at intervals, and when a run is stopped.</summary>
    /// <exception cref="DiagnosticException">The target or the journal cannot be written (BLK004).</exception>
    public void Checkpoint()
    {
        // Blocks that are shared with the source were not read, so that there is no sum of them; and sharing them again takes no time.
        if (_reached <= _recorded || _target.HasShared || (_replay is { } replay && replay.IsBehind))
        {
            return;
        }

        // First the data, then the record that says so.
        _target.Synchronize();
        Span<byte> record = stackalloc byte[RecordSize];
        record.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(record, _reached);
        BinaryPrimitives.WriteInt64LittleEndian(record[8..], _replay?.Writes ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(record[16..], _replay?.Hash ?? _sum);
        BinaryPrimitives.WriteUInt32LittleEndian(record[28..], Crc32.Of(record[..28]));
        try
        {
            Write(_journal, _target.Witness, _journal.Position, record);
        }
        catch (IOException e)
        {
            throw BlockDiagnostics.WriteFailed.ToException($"the journal: {e.Message}", _journal.Name, e);
        }

        _recorded = _reached;
    }

    /// <summary>Removes the journal: the file has its name.</summary>
    public void Remove()
    {
        try
        {
            _target.Witness?.Removing(_journal.Name);
            System.IO.File.Delete(_journal.Name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Without its unfinished file a journal means nothing.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _journal.Dispose();

    private static string PathOf(string path) => path + CommittedFile.PartialSuffix + CommittedFile.JournalSuffix;

    private static byte[] Header(string identity)
    {
        var header = new byte[HeaderSize];
        Magic.CopyTo(header);
        SHA256.HashData(Encoding.UTF8.GetBytes(identity)).CopyTo(header, 8);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(40), Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(44), Crc32.Of(header.AsSpan(0, 44)));
        return header;
    }

    /// <summary>All records that are whole, in order; null for a journal of something else. Leaves the file behind the last of them, and cuts off what follows.</summary>
    private static List<Record>? ReadRecords(FileStream journal, string identity)
    {
        journal.Position = 0;
        var header = new byte[HeaderSize];
        if (journal.ReadAtLeast(header, HeaderSize, throwOnEndOfStream: false) < HeaderSize || !header.AsSpan().SequenceEqual(Header(identity)))
        {
            return null;
        }

        var records = new List<Record>();
        var record = new byte[RecordSize];
        while (journal.ReadAtLeast(record, RecordSize, throwOnEndOfStream: false) == RecordSize
            && BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(28)) == Crc32.Of(record.AsSpan(0, 28)))
        {
            var next = new Record(BinaryPrimitives.ReadInt64LittleEndian(record), BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8)), BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(16)));
            if (next.End <= (records.Count > 0 ? records[^1].End : 0))
            {
                break;
            }

            records.Add(next);
        }

        var end = HeaderSize + ((long)records.Count * RecordSize);
        if (journal.CanWrite)
        {
            journal.SetLength(end);
        }

        journal.Position = end;
        return records;
    }

    /// <summary>
    /// The last record whose content is really there: what a disk said to have written is read back, because some say so of what their cache loses with the power. All zero when that is none.
    /// </summary>
    private static Record LastThatIsThere(CommittedFile target, List<Record> records)
    {
        var (last, sum, position) = (default(Record), 0UL, 0L);
        var buffer = new byte[ReadBackSize];
        foreach (var record in records)
        {
            foreach (var range in DataRuns.Cut(DataRuns.Round(target.GetExtents(new FileOffset(position), record.End - position).Where(extent => extent.Kind == ExtentKind.Data)
                .Select(extent => new ByteRange(extent.Offset, extent.Length)), record.End), ReadBackSize))
            {
                var start = Math.Max(range.Offset, position);
                var content = buffer.AsSpan(0, (int)(range.End - start));
                target.Read(new FileOffset(start), content);
                sum = unchecked(sum + ContentSum.Of(start, content));
            }

            if (sum != record.Hash)
            {
                break;
            }

            (last, position) = (record, record.End);
        }

        return last;
    }

    private static void Write(FileStream journal, IWriteWitness? witness, long position, ReadOnlySpan<byte> data)
    {
        if (position == 0)
        {
            witness?.SettingLength(journal.Name, 0);
            journal.SetLength(0);
            journal.Position = 0;
        }

        witness?.Writing(journal.Name, position, data);
        journal.Write(data);
        witness?.Flushing(journal.Name);
        journal.Flush(flushToDisk: true);
    }

    private readonly record struct Record(long End, long Writes, ulong Hash);
}
