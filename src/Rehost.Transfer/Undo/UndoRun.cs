using System.Collections.Immutable;
using System.Globalization;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>
/// Writes a sealed journal into its disks, or takes it back. Both can be stopped at any moment and begun again in either direction: what moves is copied into space whose content is elsewhere
/// already, and every range has its old and its new bytes in the journal before the first write.
/// </summary>
/// <param name="journal">The journal.</param>
/// <param name="disks">Its disks, in its order; they belong to the caller.</param>
public sealed class UndoRun(UndoJournal journal, IReadOnlyList<IResizableDevice> disks)
{
    private const int Sector = 512;
    private const int Step = 1 << 20;
    private readonly byte[] _buffer = new byte[Step];
    private readonly byte[] _other = new byte[Step];

    /// <summary>Writes the plan into the disks, from wherever an earlier run was stopped.</summary>
    /// <exception cref="DiagnosticException">A disk cannot be written (BLK004), or does not read back what was written (UND008).</exception>
    public void Apply(CancellationToken cancellationToken)
    {
        journal.Enter(UndoState.Applying);
        for (var index = 0; index < disks.Count; index++)
        {
            var (disk, about) = (disks[index], journal.Description.Disks[index]);
            if (disk.Length < about.LengthAfter)
            {
                disk.SetLength(about.LengthAfter);
                disk.Flush();
            }

            MoveUp(index, cancellationToken);
            foreach (var range in RangesOf(index))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var bytes = _buffer.AsSpan(0, range.Length);
                journal.ReadNew(range, 0, bytes);
                Write(disk, range.Offset, bytes, range.NewPosition is null);
            }

            disk.Flush();
            ReadBack(index);
        }

        journal.Enter(UndoState.Applied);
    }

    /// <summary>Writes the old bytes back, from wherever applying or an earlier undo was stopped.</summary>
    /// <exception cref="DiagnosticException">A disk cannot be written (BLK004).</exception>
    public void Undo(CancellationToken cancellationToken)
    {
        journal.Enter(UndoState.Undoing);
        for (var index = 0; index < disks.Count; index++)
        {
            var (disk, about) = (disks[index], journal.Description.Disks[index]);
            if (journal.IsMoved(index))
            {
                // Of a disk that only grew, what is beyond its old end is cut off below, and may be gone already.
                foreach (var range in RangesOf(index).Where(range => about.MoveBy > 0 || range.Offset < about.LengthBefore))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var bytes = _buffer.AsSpan(0, about.MoveBy > 0 ? range.Length : (int)Math.Min(range.Length, about.LengthBefore - range.Offset));
                    journal.ReadOld(range, 0, bytes);
                    Write(disk, range.Offset, bytes, range.OldPosition is null);
                }

                disk.Flush();
            }

            MoveDown(index, cancellationToken);
            if (disk.Length != about.LengthBefore && about.LengthAfter != about.LengthBefore)
            {
                disk.SetLength(about.LengthBefore);
            }

            disk.Flush();
        }

        journal.Enter(UndoState.Undone);
    }

    /// <summary>Whether undoing now would give the disks as they were, and nothing that somebody else wrote would be lost.</summary>
    /// <param name="progress">Told how many bytes were read, of each disk anew.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>What is not as it was left; nothing where all is.</returns>
    public ImmutableArray<UndoMismatch> Check(Action<long>? progress, CancellationToken cancellationToken)
    {
        var found = ImmutableArray.CreateBuilder<UndoMismatch>();
        for (var index = 0; index < disks.Count; index++)
        {
            var (disk, about) = (disks[index], journal.Description.Disks[index]);
            if (disk.Length != about.LengthAfter && disk.Length != about.LengthBefore)
            {
                throw UndoDiagnostics.OtherDisk.ToException(string.Create(CultureInfo.InvariantCulture, $"it has {disk.Length} bytes; the disk had {about.LengthBefore}, and {about.LengthAfter} with the plan applied"), about.Name);
            }

            if (disk.Length < about.LengthAfter && (journal.State == UndoState.Applied || (about.MoveBy > 0 && journal.MovedFrom(index) < about.LengthBefore)))
            {
                throw UndoDiagnostics.OtherDisk.ToException(string.Create(CultureInfo.InvariantCulture, $"it was cut to {disk.Length} bytes; it had {about.LengthAfter}"), about.Name);
            }

            using var view = new UndoneView(journal, index, disk);
            var hashes = UndoSegments.Of(view, progress, cancellationToken);
            if (hashes.Sha256 != about.Sha256Before)
            {
                found.AddRange(Differing(index, about, hashes));
            }

            found.AddRange(Overwritten(index, cancellationToken));
            if (journal.State == UndoState.Applied)
            {
                found.AddRange(WrittenBeside(index, view, cancellationToken));
            }
        }

        return found.ToImmutable();
    }

    private IEnumerable<UndoRangeIndex> RangesOf(int index) => journal.Ranges.Where(range => range.Disk == index);

    // Ranges that hold neither their old bytes nor their new ones, sector by sector: a disk writes sectors whole.
    private List<UndoMismatch> Overwritten(int index, CancellationToken cancellationToken)
    {
        var found = new List<UndoMismatch>();
        var about = journal.Description.Disks[index];
        if (!journal.IsMoved(index))
        {
            return found;
        }

        foreach (var range in RangesOf(index).Where(range => range.End <= disks[index].Length))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var now = _buffer.AsSpan(0, range.Length);
            var other = _other.AsSpan(0, range.Length);
            disks[index].Read(new GuestOffset(range.Offset), now);
            journal.ReadNew(range, 0, other);
            if (now.SequenceEqual(other))
            {
                continue;
            }

            Span<byte> old = new byte[range.Length];
            journal.ReadOld(range, 0, old);
            for (var at = 0; at < range.Length;)
            {
                var length = Math.Min(Sector - (int)((range.Offset + at) % Sector), range.Length - at);
                var sector = now.Slice(at, length);
                var inGap = about.MoveBy > 0 && range.Offset + at >= about.MoveFrom && range.Offset + at + length <= about.MoveFrom + about.MoveBy;
                if (!sector.SequenceEqual(other.Slice(at, length)) && !sector.SequenceEqual(old.Slice(at, length)) && !(inGap && journal.State != UndoState.Applied))
                {
                    found.Add(new UndoMismatch(index, new ByteRange(range.Offset + at, length)));
                }

                at += length;
            }
        }

        return found;
    }

    // Space that the plan made: where content moved away from, and behind the old end. Undoing throws it away, so it must hold what was written there and nothing else.
    private List<UndoMismatch> WrittenBeside(int index, UndoneView view, CancellationToken cancellationToken)
    {
        var found = new List<UndoMismatch>();
        var (disk, about) = (disks[index], journal.Description.Disks[index]);
        var left = Math.Min(about.MoveFrom + about.MoveBy, about.LengthBefore);
        foreach (var (start, end) in new[] { (about.MoveFrom, about.MoveFrom + about.MoveBy), (about.LengthBefore + about.MoveBy, about.LengthAfter) })
        {
            for (var at = start; at < end; at += Step)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var now = _buffer.AsSpan(0, (int)Math.Min(Step, end - at));
                var wanted = _other.AsSpan(0, (int)Math.Min(Step, end - at));
                disk.Read(new GuestOffset(at), now);
                wanted.Clear();
                if (at < left)
                {
                    view.Read(new GuestOffset(at), wanted[..(int)Math.Min(wanted.Length, left - at)]);
                }

                var stop = at + now.Length;
                foreach (var range in RangesOf(index).Where(range => range.Offset < stop && range.End > start))
                {
                    var (from, to) = (Math.Max(at, range.Offset), Math.Min(stop, range.End));
                    if (from >= to)
                    {
                        continue;
                    }

                    journal.ReadNew(range, (int)(from - range.Offset), wanted.Slice((int)(from - at), (int)(to - from)));
                }

                if (now.CommonPrefixLength(wanted) is var same && same < now.Length)
                {
                    found.Add(new UndoMismatch(index, new ByteRange(at + same, now.Length - same)));
                }
            }
        }

        return found;
    }

    private static IEnumerable<UndoMismatch> Differing(int index, UndoDisk about, UndoSegments now)
    {
        var before = Convert.FromBase64String(about.Segments);
        var any = false;
        for (var at = 0; at + 8 <= now.Segments.Length; at += 8)
        {
            if (at + 8 > before.Length || !before.AsSpan(at, 8).SequenceEqual(now.Segments.AsSpan(at, 8)))
            {
                any = true;
                var offset = at / 8L * UndoSegments.Size;
                yield return new UndoMismatch(index, new ByteRange(offset + (offset >= about.MoveFrom ? about.MoveBy : 0), Math.Min(UndoSegments.Size, about.LengthBefore - offset)));
            }
        }

        if (!any)
        {
            yield return new UndoMismatch(index, new ByteRange(0, about.LengthBefore));
        }
    }

    // From the end: a piece goes into space whose own content has gone up already, and is durable there before what it leaves behind is written over.
    private void MoveUp(int index, CancellationToken cancellationToken)
    {
        var (disk, about) = (disks[index], journal.Description.Disks[index]);
        if (about.MoveBy == 0)
        {
            return;
        }

        var position = journal.MovedFrom(index);
        while (position > about.MoveFrom)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(Math.Min(Step, about.MoveBy), position - about.MoveFrom);
            MovePiece(index, disk, position, position - count, position - count + about.MoveBy, count);
            position -= count;
            Reached(index, position, isLast: position == about.MoveFrom);
        }
    }

    private void MoveDown(int index, CancellationToken cancellationToken)
    {
        var (disk, about) = (disks[index], journal.Description.Disks[index]);
        if (about.MoveBy == 0)
        {
            return;
        }

        var position = journal.MovedFrom(index);
        while (position < about.LengthBefore)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(Math.Min(Step, about.MoveBy), about.LengthBefore - position);
            MovePiece(index, disk, position, position + about.MoveBy, position, count);
            position += count;
            Reached(index, position, isLast: position == about.LengthBefore);
        }
    }

    private bool _wrote;

    // Where zeros go to zeros nothing is written, and nothing need be noted until something is.
    private void MovePiece(int index, IResizableDevice disk, long position, long from, long to, int count)
    {
        var piece = _buffer.AsSpan(0, count);
        var there = _other.AsSpan(0, count);
        disk.Read(new GuestOffset(from), piece);
        disk.Read(new GuestOffset(to), there);
        _wrote = !piece.SequenceEqual(there);
        if (!_wrote)
        {
            return;
        }

        if (journal.MovedFrom(index) != position)
        {
            journal.Moved(index, position);
        }

        Write(disk, to, piece, !piece.ContainsAnyExcept((byte)0));
        disk.Flush();
    }

    private void Reached(int index, long position, bool isLast)
    {
        if (_wrote || isLast)
        {
            journal.Moved(index, position);
        }
    }

    private void ReadBack(int index)
    {
        foreach (var range in RangesOf(index))
        {
            var now = _buffer.AsSpan(0, range.Length);
            var wanted = _other.AsSpan(0, range.Length);
            disks[index].Read(new GuestOffset(range.Offset), now);
            journal.ReadNew(range, 0, wanted);
            if (!now.SequenceEqual(wanted))
            {
                throw UndoDiagnostics.NotWritten.ToException(string.Create(CultureInfo.InvariantCulture, $"{range.Length} bytes at {range.Offset} read otherwise"), journal.Description.Disks[index].Name);
            }
        }
    }

    private static void Write(IResizableDevice disk, long offset, ReadOnlySpan<byte> bytes, bool isZero)
    {
        if (isZero)
        {
            disk.WriteZeros(new GuestOffset(offset), bytes.Length);
        }
        else
        {
            disk.Write(new GuestOffset(offset), bytes);
        }
    }
}

/// <summary>Bytes that are not as they were left.</summary>
/// <param name="Disk">Number of the disk.</param>
/// <param name="Range">Where, plan applied.</param>
public readonly record struct UndoMismatch(int Disk, ByteRange Range);
