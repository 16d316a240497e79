using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>A contiguous part of another device: a partition. Does not own the device below, because several slices share one disk.</summary>
public sealed class SliceDevice : IBlockDevice
{
    private readonly IBlockDevice _parent;
    private readonly GuestOffset _start;
    private readonly string _name;

    /// <summary>Makes a slice.</summary>
    /// <exception cref="DiagnosticException">The slice leaves the device (BLK001).</exception>
    public SliceDevice(IBlockDevice parent, GuestOffset start, long length, string name = "slice")
    {
        ArgumentNullException.ThrowIfNull(parent);
        BlockDiagnostics.CheckRange(start, length, parent.Length, name);
        _parent = parent;
        _start = start;
        _name = name;
        Length = length;
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => _parent.CanWrite;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, _name);
        _parent.Read(_start + offset.Value, buffer);
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data)
    {
        BlockDiagnostics.CheckRange(offset, data.Length, Length, _name);
        _parent.Write(_start + offset.Value, data);
    }

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        _parent.WriteZeros(_start + offset.Value, length);
    }

    /// <inheritdoc/>
    public void Flush() => _parent.Flush();

    /// <inheritdoc/>
    public StoredRange? FindStored(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        return _parent.FindStored(_start + offset.Value, length);
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, _name);
        return _parent.GetExtents(_start + offset.Value, length).Select(extent => extent with { Offset = extent.Offset - _start.Value });
    }

    /// <summary>Nothing: the device below belongs to someone else.</summary>
    public void Dispose()
    {
    }
}
