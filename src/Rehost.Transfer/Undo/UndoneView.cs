using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.Transfer.Undo;

/// <summary>A disk as it would be if the work were undone now, whatever it had come to: read only, to be hashed before a byte is written back.</summary>
/// <param name="journal">The journal.</param>
/// <param name="index">Number of the disk.</param>
/// <param name="disk">The disk; it belongs to the caller.</param>
internal sealed class UndoneView(UndoJournal journal, int index, IBlockDevice disk) : IBlockDevice
{
    private readonly UndoDisk _about = journal.Description.Disks[index];
    private readonly UndoRangeIndex[] _ranges = journal.IsMoved(index) ? [.. journal.Ranges.Where(range => range.Disk == index)] : [];

    /// <inheritdoc/>
    public long Length => _about.LengthBefore;

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _about.Name);
        var moved = _about.MoveBy == 0 ? Length : journal.MovedFrom(index);
        var below = (int)Math.Clamp(moved - offset.Value, 0, buffer.Length);
        ReadAt(offset.Value, 0, buffer[..below]);
        ReadAt(offset.Value + below, _about.MoveBy, buffer[below..]);
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("a view of what undoing would leave", _about.Name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("a view of what undoing would leave", _about.Name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => [new Extent(offset.Value, length, ExtentKind.Data)];

    /// <summary>Nothing: the disk belongs to the caller.</summary>
    public void Dispose()
    {
    }

    /// <summary>Reads where the content is now, old bytes in the place of new ones.</summary>
    private void ReadAt(long offset, long distance, Span<byte> buffer)
    {
        if (buffer.IsEmpty)
        {
            return;
        }

        var place = offset + distance;
        disk.Read(new GuestOffset(place), buffer);
        for (var i = FirstEndingAfter(place); i < _ranges.Length && _ranges[i].Offset < place + buffer.Length; i++)
        {
            var range = _ranges[i];
            var (start, end) = (Math.Max(place, range.Offset), Math.Min(place + buffer.Length, range.End));
            journal.ReadOld(range, (int)(start - range.Offset), buffer.Slice((int)(start - place), (int)(end - start)));
        }
    }

    private int FirstEndingAfter(long position)
    {
        var (low, high) = (0, _ranges.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _ranges[middle].End <= position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
