using Rehost.Model;

namespace Rehost.Blocks;

/// <summary>Zeros of a given length that nobody stores: the space by which a target grows.</summary>
public sealed class ZeroDevice : IBlockDevice
{
    private const string Name = "zeros";

    /// <summary>Makes a device of zeros.</summary>
    public ZeroDevice(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Length = length;
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool CanWrite => false;

    /// <inheritdoc/>
    public void Read(GuestOffset offset, Span<byte> buffer)
    {
        BlockDiagnostics.CheckRange(offset, buffer.Length, Length, Name);
        buffer.Clear();
    }

    /// <inheritdoc/>
    public void Write(GuestOffset offset, ReadOnlySpan<byte> data) => throw BlockDiagnostics.ReadOnly.ToException("zeros cannot be overwritten", Name);

    /// <inheritdoc/>
    public void WriteZeros(GuestOffset offset, long length) => throw BlockDiagnostics.ReadOnly.ToException("zeros cannot be overwritten", Name);

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public IEnumerable<Extent> GetExtents(GuestOffset offset, long length)
    {
        BlockDiagnostics.CheckRange(offset, length, Length, Name);
        return length == 0 ? [] : [new Extent(offset.Value, length, ExtentKind.Zero)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
