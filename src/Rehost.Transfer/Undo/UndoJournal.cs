using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text.Json;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>An undo journal that is whole: description and ranges as they were sealed before a disk was touched, and how far the work is.</summary>
public sealed class UndoJournal : IDisposable
{
    private const int Step = 1 << 20;
    private readonly IUndoMedium _medium;
    private readonly long[] _moved;
    private long _sequence;

    private UndoJournal(IUndoMedium medium, UndoDescription description, ImmutableArray<UndoRangeIndex> ranges)
    {
        _medium = medium;
        Description = description;
        Ranges = ranges;
        _moved = [.. description.Disks.Select(disk => disk.LengthBefore)];
    }

    /// <summary>Name for messages.</summary>
    public string Name => _medium.Name;

    /// <summary>Plan and disks.</summary>
    public UndoDescription Description { get; }

    /// <summary>What is written, in order.</summary>
    public ImmutableArray<UndoRangeIndex> Ranges { get; }

    /// <summary>How far the work is: never <see cref="UndoState.Moved"/>.</summary>
    public UndoState State { get; private set; }

    /// <summary>Reads a journal and checks all of it.</summary>
    /// <param name="medium">Where it is; disposed with the journal.</param>
    /// <exception cref="DiagnosticException">It is damaged (UND001) or of another version (UND009).</exception>
    public static UndoJournal Open(IUndoMedium medium)
    {
        ArgumentNullException.ThrowIfNull(medium);
        var header = new byte[UndoFormat.HeaderSize];
        Demand(medium.Length >= UndoFormat.HeaderSize + UndoFormat.HashSize + UndoFormat.SealSize, $"it has {medium.Length} bytes", medium);
        medium.Read(0, header);
        Demand(header.AsSpan().StartsWith(UndoFormat.Magic) && UndoFormat.IsWhole(header), "its header is not what was written", medium);
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        if (version != UndoFormat.Version)
        {
            throw UndoDiagnostics.Version.ToException($"version {version}, needed: {UndoFormat.Version}", medium.Name);
        }

        var (length, count, sealedLength) = (BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(16)), BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(24)), BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32)));
        Demand(sealedLength <= medium.Length && length is > 0 and <= UndoFormat.LargestDescription && length < sealedLength && count >= 0 && count <= sealedLength / UndoFormat.RangeSize, $"its header says {sealedLength} bytes with {count} ranges, and it has {medium.Length}", medium);
        CheckSeal(medium, sealedLength, count);
        var description = ReadDescription(medium, length, BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12)));
        var journal = new UndoJournal(medium, description, ReadRanges(medium, UndoFormat.HeaderSize + length + UndoFormat.HashSize, count, sealedLength - UndoFormat.SealSize, description));
        journal.ReadStates(sealedLength);
        return journal;
    }

    /// <summary>From which byte on a disk was moved already: its old length for nothing, <see cref="UndoDisk.MoveFrom"/> for everything.</summary>
    public long MovedFrom(int disk) => _moved[disk];

    /// <summary>Whether all of a disk that is to move was moved; true for one of which nothing is.</summary>
    public bool IsMoved(int disk) => Description.Disks[disk] is { MoveBy: 0 } || _moved[disk] == Description.Disks[disk].MoveFrom;

    /// <summary>The old bytes of a range.</summary>
    public void ReadOld(UndoRangeIndex range, int skip, Span<byte> buffer) => Read(range.OldPosition, skip, buffer);

    /// <summary>The new bytes of a range.</summary>
    public void ReadNew(UndoRangeIndex range, int skip, Span<byte> buffer) => Read(range.NewPosition, skip, buffer);

    /// <summary>Notes how far the work is, durably.</summary>
    public void Enter(UndoState state)
    {
        Append(UndoFormat.State(state, 0, 0, ++_sequence));
        State = state;
    }

    /// <summary>Notes from where on a disk was moved, durably.</summary>
    public void Moved(int disk, long position)
    {
        Append(UndoFormat.State(UndoState.Moved, disk, position, ++_sequence));
        _moved[disk] = position;
    }

    /// <inheritdoc/>
    public void Dispose() => _medium.Dispose();

    private void Append(byte[] record)
    {
        _medium.Append(record);
        _medium.Flush();
    }

    private void Read(long? position, int skip, Span<byte> buffer)
    {
        if (position is { } at)
        {
            _medium.Read(at + skip, buffer);
        }
        else
        {
            buffer.Clear();
        }
    }

    private static void CheckSeal(IUndoMedium medium, long sealedLength, long count)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Step];
        var end = sealedLength - UndoFormat.SealSize;
        for (long at = 0; at < end;)
        {
            var piece = buffer.AsSpan(0, (int)Math.Min(Step, end - at));
            medium.Read(at, piece);
            hash.AppendData(piece);
            at += piece.Length;
        }

        var seal = buffer.AsSpan(0, UndoFormat.SealSize);
        medium.Read(end, seal);
        Demand(seal.StartsWith(UndoFormat.SealMagic) && UndoFormat.IsWhole(seal) && BinaryPrimitives.ReadInt64LittleEndian(seal[8..]) == count && seal.Slice(16, UndoFormat.HashSize).SequenceEqual(hash.GetHashAndReset()), "its seal is not that of its content", medium);
    }

    private static UndoDescription ReadDescription(IUndoMedium medium, long length, int disks)
    {
        var text = new byte[length];
        medium.Read(UndoFormat.HeaderSize, text);
        try
        {
            var description = JsonSerializer.Deserialize<UndoDescription>(text, ModelJson.Options) ?? throw new JsonException("it is null");
            Demand(description.Disks.Length == disks && disks > 0, $"it describes {description.Disks.Length} disks, its header says {disks}", medium);
            foreach (var disk in description.Disks)
            {
                Demand(disk.LengthBefore > 0 && disk.LengthAfter >= disk.LengthBefore && disk.MoveBy >= 0 && disk.MoveFrom >= 0 && disk.MoveFrom < disk.LengthBefore && disk.MoveBy <= disk.LengthAfter - disk.LengthBefore, $"it describes {disk.Name} with impossible lengths", medium);
            }

            return description;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw UndoFormat.Damaged($"its description: {e.Message}", medium.Name);
        }
    }

    private static ImmutableArray<UndoRangeIndex> ReadRanges(IUndoMedium medium, long position, long count, long end, UndoDescription description)
    {
        var ranges = ImmutableArray.CreateBuilder<UndoRangeIndex>();
        var head = new byte[UndoFormat.RangeSize];
        var ends = new long[description.Disks.Length];
        var last = 0;
        for (long i = 0; i < count; i++)
        {
            Demand(position <= end - UndoFormat.RangeSize, $"range {i} lies behind its end", medium);
            medium.Read(position, head);
            var (disk, flags, offset, length) = (BinaryPrimitives.ReadInt32LittleEndian(head), BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(4)), BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(8)), BinaryPrimitives.ReadInt32LittleEndian(head.AsSpan(16)));
            Demand(UndoFormat.IsWhole(head) && disk >= last && disk < ends.Length && flags is >= 0 and <= 3 && length is > 0 and <= UndoFormat.LargestRange, $"range {i} is not what was written", medium);
            Demand(offset >= ends[disk] && offset <= description.Disks[disk].LengthAfter - length, $"range {i} has the offset {offset}", medium);
            var (old, fresh) = ((flags & 1) != 0 ? 0 : length, (flags & 2) != 0 ? 0 : length);
            position += UndoFormat.RangeSize;
            Demand(position <= end - old - fresh, $"range {i} lies behind its end", medium);
            ranges.Add(new UndoRangeIndex(disk, offset, length, old == 0 ? null : position, fresh == 0 ? null : position + old));
            position += old + fresh;
            (ends[disk], last) = (offset + length, disk);
        }

        Demand(position == end, $"{end - position} bytes are left behind its ranges", medium);
        return ranges.ToImmutable();
    }

    // A torn record at the end is what a run that was stopped leaves; it had not come to what the record would have allowed.
    private void ReadStates(long position)
    {
        var record = new byte[UndoFormat.StateSize];
        for (; position + UndoFormat.StateSize <= _medium.Length; position += UndoFormat.StateSize)
        {
            _medium.Read(position, record);
            var (state, disk, at, sequence) = ((UndoState)BinaryPrimitives.ReadInt32LittleEndian(record), BinaryPrimitives.ReadInt32LittleEndian(record.AsSpan(4)), BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(8)), BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(16)));
            if (!UndoFormat.IsWhole(record) || sequence != _sequence + 1)
            {
                break;
            }

            _sequence = sequence;
            if (state == UndoState.Moved)
            {
                Demand(disk >= 0 && disk < _moved.Length && at >= Description.Disks[disk].MoveFrom && at <= Description.Disks[disk].LengthBefore, $"record {sequence} moves to {at}", _medium);
                _moved[disk] = at;
            }
            else
            {
                Demand(state is UndoState.Applying or UndoState.Applied or UndoState.Undoing or UndoState.Undone, $"record {sequence} is of kind {(int)state}", _medium);
                State = state;
            }
        }

        if (position < _medium.Length)
        {
            _medium.Truncate(position);
        }
    }

    private static void Demand(bool condition, string found, IUndoMedium medium)
    {
        if (!condition)
        {
            throw UndoFormat.Damaged(found, medium.Name);
        }
    }
}
