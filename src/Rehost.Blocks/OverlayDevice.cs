using System.Buffers;
using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// Copy-on-write over a device that is only read: every edit of a guest lands here and the source stays as it is. Unit is the 4 KiB page; a page
/// written as a whole is never read below; pages of zeros are only marked. Any number of readers, one writer at a time; both may run at once.
/// </summary>
public sealed class OverlayDevice : IBlockDevice
{
    private const int PageSize = OverlayStore.PageSize;
    private const string Name = "overlay";

    private readonly IBlockDevice _below;
    private readonly OverlayStore _store;
    private readonly bool _ownsBelow;
    private readonly OverlayIndex _index = new();
    private readonly ReaderWriterLockSlim _gate = new();
    private readonly Stack<int> _free = [];
    private int _used;
    private long _written;

    /// <summary>Makes an overlay without changes.</summary>
    /// <param name="below">What is read where nothing was written.</param>
    /// <param name="store">Where written pages go; disposed with the overlay.</param>
    /// <param name="ownsBelow">Whether the device below is disposed with the overlay.</param>
    public OverlayDevice(IBlockDevice below, OverlayStore store, bool ownsBelow = false)
    {
        ArgumentNullException.ThrowIfNull(below);
        ArgumentNullException.ThrowIfNull(store);
        _below = below;
        _store = store;
        _ownsBelow = ownsBelow;
    }

    /// <inheritdoc/>
    public long Length => _below.Length;

    /// <inheritdoc/>
    public bool CanWrite => true;

    /// <summary>
    /// What was written since the overlay was made or last discarded, in order, without overlaps, neighbours joined, in whole pages (the last one cut
    /// to the device). A page that was written with the content it had below is listed too.
    /// </summary>
    public IReadOnlyList<ByteRange> ChangedRanges
    {
        get
        {
            var ranges = new List<ByteRange>();
            foreach (var run in SnapshotRuns(0, Length))
            {
                var offset = run.Page * PageSize;
                var length = Math.Min((run.Page + run.Count) * PageSize, Length) - offset;
                if (ranges.Count > 0 && ranges[^1].End == offset)
                {
                    ranges[^1] = ranges[^1] with { Length = ranges[^1].Length + length };
                }
                else
                {
                    ranges.Add(new ByteRange(offset, length));
                }
            }

            return ranges;
        }
    }

    /// <summary>Bytes that were written since the overlay was made, also those written twice: tells whether something was written between two looks.</summary>
    public long BytesWritten => Interlocked.Read(ref _written);

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        _gate.EnterReadLock();
        try
        {
            ReadPages(offset.Value, buffer);
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, Name);
        Interlocked.Add(ref _written, data.Length);
        _gate.EnterWriteLock();
        try
        {
            var position = offset.Value;
            while (!data.IsEmpty)
            {
                var inPage = (int)(position % PageSize);
                var whole = inPage == 0 ? WholePages(position, data.Length) : 0;
                var count = whole > 0 ? whole : Math.Min(data.Length, PageSize - inPage);
                if (whole > 0)
                {
                    WriteWhole(position / PageSize, data[..count]);
                }
                else
                {
                    WritePart(position, data[..count]);
                }

                position += count;
                data = data[count..];
            }
        }
        finally
        {
            _gate.ExitWriteLock();
        }
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        Span<byte> zeros = stackalloc byte[PageSize];
        zeros.Clear();
        Interlocked.Add(ref _written, length);
        _gate.EnterWriteLock();
        try
        {
            var (position, end) = (offset.Value, offset.Value + length);
            const long groupSize = (long)OverlayIndex.GroupPages * PageSize;
            while (position < end)
            {
                if (position % groupSize == 0 && end - position >= groupSize)
                {
                    foreach (var state in _index.SetGroupZero(position / groupSize) ?? [])
                    {
                        Release(state);
                    }

                    position += groupSize;
                    continue;
                }

                var inPage = (int)(position % PageSize);
                var count = (int)Math.Min(end - position, PageSize - inPage);
                if (inPage == 0 && (count == PageSize || position + count == Length))
                {
                    MarkZero(position / PageSize);
                }
                else
                {
                    WritePart(position, zeros[..count]);
                }

                position += count;
            }
        }
        finally
        {
            _gate.ExitWriteLock();
        }
    }

    /// <summary>Nothing: an overlay is thrown away when the process ends, so there is nothing to make durable.</summary>
    public void Flush()
    {
    }

    /// <summary>Forgets every change: the device reads as the one below again.</summary>
    public void Discard()
    {
        _gate.EnterWriteLock();
        try
        {
            _index.Clear();
            _free.Clear();
            _used = 0;
            _store.Clear();
        }
        finally
        {
            _gate.ExitWriteLock();
        }
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        if (length == 0)
        {
            return null;
        }

        // Pages that were written lie in the scratch file, which is gone with this process: only what is below can be shared.
        var changed = SnapshotRuns(offset.Value, offset.Value + length);
        var clean = changed.Count == 0 ? length : (changed[0].Page * PageSize) - offset.Value;
        return clean <= 0 ? null : _below.FindStored(offset, Math.Min(length, clean));
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return ExtentSequence.Coalesce(MergeExtents(offset.Value, offset.Value + length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _store.Dispose();
        _gate.Dispose();
        if (_ownsBelow)
        {
            _below.Dispose();
        }
    }

    private IEnumerable<Extent> MergeExtents(long position, long end)
    {
        foreach (var run in SnapshotRuns(position, end))
        {
            var start = Math.Max(position, run.Page * PageSize);
            var stop = Math.Min(end, (run.Page + run.Count) * PageSize);
            if (start > position)
            {
                foreach (var extent in _below.GetExtents(new GuestOffset(position), start - position))
                {
                    yield return extent;
                }
            }

            yield return new Extent(start, stop - start, run.IsZero ? ExtentKind.Zero : ExtentKind.Data);
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

    private List<OverlayIndex.PageRun> SnapshotRuns(long start, long end)
    {
        _gate.EnterReadLock();
        try
        {
            return _index.Runs(start / PageSize, (end / PageSize) + (end % PageSize == 0 ? 0 : 1));
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <summary>Reads runs of pages that lie together in one place with one call.</summary>
    private void ReadPages(long position, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var page = position / PageSize;
            var inPage = (int)(position % PageSize);
            var state = _index[page];
            var count = Math.Min(buffer.Length, PageSize - inPage);
            for (var next = 1L; count < buffer.Length && _index[page + next] == Following(state, next); next++)
            {
                count = Math.Min(buffer.Length, count + PageSize);
            }

            var part = buffer[..count];
            switch (state)
            {
                case OverlayIndex.Clean:
                    _below.Read(new GuestOffset(position), part);
                    break;
                case OverlayIndex.Zero:
                    part.Clear();
                    break;
                default:
                    _store.Read(StorePosition(state) + inPage, part);
                    break;
            }

            position += count;
            buffer = buffer[count..];
        }
    }

    private void WritePart(long position, ReadOnlySpan<byte> data)
    {
        var page = position / PageSize;
        var length = (int)Math.Min(PageSize, Length - (page * PageSize));
        Span<byte> content = stackalloc byte[PageSize];
        content.Clear();
        ReadPages(page * PageSize, content[..length]);
        data.CopyTo(content[(int)(position % PageSize)..]);
        WriteWhole(page, content[..length]);
    }

    /// <summary>Writes whole pages; only the last page of the device may be short.</summary>
    private void WriteWhole(long page, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var first = data[..Math.Min(PageSize, data.Length)];
            if (!first.ContainsAnyExcept((byte)0))
            {
                MarkZero(page);
                data = data[first.Length..];
                page++;
                continue;
            }

            // A run of pages that are new and not zero goes into one new stretch of the store; a page that is stored already is overwritten in place.
            var state = _index[page];
            var count = first.Length;
            if (state <= 0 && _free.Count == 0)
            {
                for (var next = 1L; count < data.Length && _index[page + next] <= 0; next++)
                {
                    var further = data.Slice(count, Math.Min(PageSize, data.Length - count));
                    if (!further.ContainsAnyExcept((byte)0))
                    {
                        break;
                    }

                    count += further.Length;
                }
            }

            var pages = (count + PageSize - 1) / PageSize;
            var slot = state > 0 ? state : _free.Count > 0 ? _free.Peek() : _used + 1;
            Store(slot, data[..count]);
            if (state <= 0)
            {
                if (_free.Count > 0)
                {
                    _free.Pop();
                }
                else
                {
                    _used += pages;
                }

                for (var i = 0; i < pages; i++)
                {
                    _index.Set(page + i, slot + i);
                }
            }

            data = data[count..];
            page += pages;
        }
    }

    /// <summary>Stores whole pages: a short last one is filled up, so that the store never ends inside a page.</summary>
    private void Store(int slot, ReadOnlySpan<byte> data)
    {
        _store.Write(StorePosition(slot), data);
        if (data.Length % PageSize is var rest and not 0)
        {
            var padding = ArrayPool<byte>.Shared.Rent(PageSize);
            padding.AsSpan(0, PageSize).Clear();
            _store.Write(StorePosition(slot) + data.Length, padding.AsSpan(0, PageSize - rest));
            ArrayPool<byte>.Shared.Return(padding);
        }
    }

    private void MarkZero(long page)
    {
        Release(_index[page]);
        _index.Set(page, OverlayIndex.Zero);
    }

    private void Release(int state)
    {
        if (state > 0)
        {
            _free.Push(state);
        }
    }

    private int WholePages(long position, int length)
        => position + length == Length ? length : length - (length % PageSize);

    private static int Following(int state, long distance) => state <= 0 ? state : (int)(state + distance);

    private static long StorePosition(int slot) => (slot - 1L) * PageSize;
}
