using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>What must be written to a disk, once its content was moved, to make it another: only pages that differ.</summary>
/// <param name="index">Number of the disk.</param>
/// <param name="before">The disk as it is.</param>
/// <param name="after">The disk as it shall be.</param>
/// <param name="changed">Where both may differ, in offsets of the second, in order, without overlaps.</param>
/// <param name="moveFrom">First byte of what moves up.</param>
/// <param name="moveBy">By how much.</param>
public sealed class UndoDifference(int index, IBlockDevice before, IBlockDevice after, ImmutableArray<ByteRange> changed, long moveFrom, long moveBy)
{
    private const int Page = 4096;

    /// <summary>The ranges, in order.</summary>
    public IEnumerable<UndoRange> Ranges(CancellationToken cancellationToken)
    {
        var (old, fresh) = (new byte[UndoFormat.LargestRange], new byte[UndoFormat.LargestRange]);
        foreach (var range in changed)
        {
            for (var at = range.Offset; at < range.End;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var length = (int)Math.Min(old.Length, range.End - at);
                ReadMoved(at, old.AsSpan(0, length));
                after.Read(new GuestOffset(at), fresh.AsSpan(0, length));
                foreach (var (start, count) in Runs(old.AsSpan(0, length), fresh.AsSpan(0, length)))
                {
                    yield return new UndoRange(index, at + start, old.AsMemory(start, count), fresh.AsMemory(start, count));
                }

                at += length;
            }
        }
    }

    /// <summary>The disk after moving and before writing: what was below stays where it was as well, until it is written over.</summary>
    private void ReadMoved(long offset, Span<byte> buffer)
    {
        buffer.Clear();
        var end = offset + buffer.Length;
        var edge = moveBy == 0 ? before.Length : Math.Min(moveFrom + moveBy, before.Length);
        if (offset < edge)
        {
            before.Read(new GuestOffset(offset), buffer[..(int)(Math.Min(edge, end) - offset)]);
        }

        if (moveBy == 0)
        {
            return;
        }

        var (start, stop) = (Math.Max(offset, moveFrom + moveBy), Math.Min(end, before.Length + moveBy));
        if (start < stop)
        {
            before.Read(new GuestOffset(start - moveBy), buffer.Slice((int)(start - offset), (int)(stop - start)));
        }
    }

    private static List<(int Start, int Count)> Runs(ReadOnlySpan<byte> old, ReadOnlySpan<byte> fresh)
    {
        var runs = new List<(int Start, int Count)>();
        for (var at = 0; at < old.Length; at += Page)
        {
            var length = Math.Min(Page, old.Length - at);
            if (old.Slice(at, length).SequenceEqual(fresh.Slice(at, length)))
            {
                continue;
            }

            if (runs.Count > 0 && runs[^1].Start + runs[^1].Count == at)
            {
                runs[^1] = (runs[^1].Start, runs[^1].Count + length);
            }
            else
            {
                runs.Add((at, length));
            }
        }

        return runs;
    }
}
