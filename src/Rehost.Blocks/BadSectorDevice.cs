using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>
/// A disk some sectors of which may be unreadable: those read as zeros and are remembered, and everything around them is read. A read that fails is halved until single sectors are left, so that a bad
/// one costs a dozen attempts and not a thousand. Only what the operating system could not read (BLK003) is taken so; a wrong checksum is something else.
/// </summary>
public sealed class BadSectorDevice(IBlockDevice inner) : IBlockDevice
{
    private const int SectorSize = 512;
    private readonly Lock _gate = new();
    private readonly SortedSet<long> _bad = [];

    /// <summary>What could not be read so far, in order, neighbours joined.</summary>
    public IReadOnlyList<ByteRange> BadRanges
    {
        get
        {
            lock (_gate)
            {
                var ranges = new List<ByteRange>();
                foreach (var sector in _bad)
                {
                    var length = Math.Min(SectorSize, Length - sector);
                    if (ranges.Count > 0 && ranges[^1].End == sector)
                    {
                        ranges[^1] = ranges[^1] with { Length = ranges[^1].Length + length };
                    }
                    else
                    {
                        ranges.Add(new ByteRange(sector, length));
                    }
                }

                return ranges;
            }
        }
    }

    /// <inheritdoc/>
    public long Length => inner.Length;

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, "disk");
        if (!buffer.IsEmpty)
        {
            ReadPart(offset.Value, buffer);
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("a source is only read");

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("a source is only read");

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length) => inner.GetExtents(offset, length);

    /// <summary>Nothing: blocks that are shared are not read, and their faults would be shared too.</summary>
    public StoredRange? FindStored(GuestOffset offset, long length) => null;

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    private void ReadPart(long offset, Span<byte> buffer)
    {
        try
        {
            inner.Read(new GuestOffset(offset), buffer);
            return;
        }
        catch (DiagnosticException e) when (e.Diagnostic.Id == BlockDiagnostics.ReadFailed.Id)
        {
            // Where, is found out below.
        }

        var first = offset / SectorSize * SectorSize;
        if (offset + buffer.Length <= first + SectorSize)
        {
            buffer.Clear();
            lock (_gate)
            {
                _bad.Add(first);
            }

            return;
        }

        var sectors = (offset + buffer.Length - first + SectorSize - 1) / SectorSize;
        var middle = (int)(first + (sectors / 2 * SectorSize) - offset);
        ReadPart(offset, buffer[..middle]);
        ReadPart(offset + middle, buffer[middle..]);
    }
}
