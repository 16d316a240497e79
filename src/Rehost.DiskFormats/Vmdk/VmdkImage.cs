using System.Collections.Immutable;
using Rehost.Blocks;
using Rehost.Model;

namespace Rehost.DiskFormats.Vmdk;

/// <summary>A VMDK disk, read-only: one or more extents of any kind, above a parent for a delta. Any number of threads may read.</summary>
public sealed class VmdkImage : IDiskImage
{
    private readonly ImmutableArray<VmdkExtent> _extents;
    private readonly long[] _starts;
    private readonly string _name;

    internal VmdkImage(ImmutableArray<VmdkExtent> extents, IBlockDevice? parent, uint? contentId, DiskImageInfo info)
    {
        _extents = extents;
        _starts = new long[extents.Length];
        _name = info.FileName;
        Parent = parent;
        ContentId = contentId;
        Info = info;
        for (var i = 0; i < extents.Length; i++)
        {
            _starts[i] = Length;
            Length += extents[i].Length;
        }
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public DiskImageInfo Info { get; }

    /// <inheritdoc/>
    public IBlockDevice? Parent { get; }

    /// <summary>The CID: changes whenever the disk is written, and is what children remember. Null when the image has no descriptor.</summary>
    public uint? ContentId { get; }

    internal ImmutableArray<VmdkExtent> Extents => _extents;

    /// <summary>Opens a disk.</summary>
    /// <param name="request">The descriptor, or the file that it is embedded in; owned by the image, also when opening fails.</param>
    /// <exception cref="DiagnosticException">It is damaged, encrypted, of a kind that is not read (VMD…), or refers to what it may not (DSK005, BLK006).</exception>
    public static VmdkImage Open(DiskOpenRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return new VmdkOpener(request).Open();
    }

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _name);
        while (!buffer.IsEmpty)
        {
            var (index, within, count) = Find(offset.Value, buffer.Length);
            _extents[index].Read(within, buffer[..(int)count], Below(index));
            offset += count;
            buffer = buffer[(int)count..];
        }
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("VMDK images are not edited in place", _name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("VMDK images are not edited in place", _name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        return ExtentSequence.Coalesce(WalkExtents(offset.Value, length));
    }

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        if (length == 0)
        {
            return null;
        }

        var (index, within, count) = Find(offset.Value, length);
        return _extents[index].FindStored(within, count, Below(index));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var extent in _extents)
        {
            extent.Dispose();
        }

        Parent?.Dispose();
    }

    private VmdkBelow Below(int index) => new(Parent, _starts[index]);

    private IEnumerable<Extent> WalkExtents(long offset, long length)
    {
        while (length > 0)
        {
            var (index, within, count) = Find(offset, length);
            var start = _starts[index];
            foreach (var extent in _extents[index].GetExtents(within, count, Below(index)))
            {
                yield return extent with { Offset = extent.Offset + start };
            }

            offset += count;
            length -= count;
        }
    }

    private (int Index, long Within, long Count) Find(long offset, long length)
    {
        var found = Array.BinarySearch(_starts, offset);
        var index = found >= 0 ? found : ~found - 1;
        var within = offset - _starts[index];
        return (index, within, Math.Min(length, _extents[index].Length - within));
    }
}
