using System.Collections.Immutable;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A device of which some ranges are taken for holes: they read as zeros whatever lies there, and a copy passes them over. Read-only, and the device below belongs to
/// someone else: it is a view for whoever copies a disk without what its file systems do not use.
/// </summary>
public sealed class HollowDevice : IBlockDevice
{
    /// <summary>A hole shorter than this is read along with its neighbours and cleared: one large read costs less than two small ones.</summary>
    private const int WorthSkipping = 64 << 10;
    private const string Name = "disk without its free space";

    private readonly IBlockDevice _below;
    private readonly ImmutableArray<ByteRange> _holes;

    /// <summary>Makes the view.</summary>
    /// <param name="below">The device; not disposed.</param>
    /// <param name="holes">In order, without overlaps.</param>
    /// <exception cref="DiagnosticException">A hole leaves the device (BLK001).</exception>
    public HollowDevice(IBlockDevice below, ImmutableArray<ByteRange> holes)
    {
        ArgumentNullException.ThrowIfNull(below);
        long last = 0;
        foreach (var hole in holes)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(hole.Offset, last, nameof(holes));
            BlockDiagnostics.CheckRange(new GuestOffset(hole.Offset), hole.Length, below.Length, Name);
            last = hole.End;
        }

        _below = below;
        _holes = holes;
    }

    /// <inheritdoc/>
    public long Length => _below.Length;

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        var start = offset.Value;
        var (position, end) = (start, start + buffer.Length);
        for (var index = FirstAfter(start); index < _holes.Length && _holes[index].Offset < end; index++)
        {
            if (_holes[index].Length < WorthSkipping)
            {
                continue;
            }

            ReadSolid(position, Math.Max(position, _holes[index].Offset), start, buffer);
            position = Math.Min(end, _holes[index].End);
        }

        ReadSolid(position, end, start, buffer);
        for (var index = FirstAfter(start); index < _holes.Length && _holes[index].Offset < end; index++)
        {
            var (from, to) = (Math.Max(start, _holes[index].Offset), Math.Min(end, _holes[index].End));
            buffer[(int)(from - start)..(int)(to - start)].Clear();
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("it is a view of another device", Name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("it is a view of another device", Name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        var index = FirstAfter(offset.Value);
        var solid = index < _holes.Length ? Math.Min(length, _holes[index].Offset - offset.Value) : length;
        return solid <= 0 ? null : _below.FindStored(offset, solid);
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return ExtentSequence.Coalesce(Cut(offset.Value, offset.Value + length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private void ReadSolid(long from, long to, long start, Span<byte> buffer)
    {
        if (to > from)
        {
            _below.Read(new GuestOffset(from), buffer[(int)(from - start)..(int)(to - start)]);
        }
    }

    private IEnumerable<Extent> Cut(long position, long end)
    {
        for (var index = FirstAfter(position); index < _holes.Length && _holes[index].Offset < end; index++)
        {
            var hole = _holes[index];
            if (hole.Offset > position)
            {
                foreach (var extent in _below.GetExtents(new GuestOffset(position), hole.Offset - position))
                {
                    yield return extent;
                }

                position = hole.Offset;
            }

            var stop = Math.Min(end, hole.End);
            yield return new Extent(position, stop - position, ExtentKind.Hole);
            position = stop;
        }

        if (position < end)
        {
            foreach (var extent in _below.GetExtents(new GuestOffset(position), end - position))
            {
                yield return extent;
            }
        }
    }

    /// <summary>The first hole that ends behind a position.</summary>
    private int FirstAfter(long position)
    {
        var (low, high) = (0, _holes.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _holes[middle].End <= position ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
